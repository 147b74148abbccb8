import type { JsonValue } from '@tidemark/contracts'
import type { Frame } from './model.ts'
import type { Feed, Input } from './pack.ts'

/** Rows of all sizes of numbers, and of texts that the model may know or not: the same at each call. */
export function various(columns: readonly Input[], rows: number): Frame {
  let state = 1
  const next = () => {
    // The minimal standard generator of Park and Miller.
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const cell = ({ type, shape = [] }: Input): JsonValue => filled(shape, () => one(type))
  const one = (type: Input['type']): JsonValue => {
    const size = 10 ** Math.floor(next() * 7 - 2)
    const number = (next() * 2 - 1) * size
    return type === 'string' ? String(Math.trunc(number)) : type === 'int64' ? Math.trunc(number) : number
  }
  return {
    kind: 'table',
    columns: columns.map(({ column }) => column),
    rows: Array.from({ length: rows }, () => columns.map(cell)),
  }
}

/** So many rows of nothing but zeros, for one tensor. */
export function zeros({ columns, type, part = [] }: Feed, rows: number): Frame {
  const cell = filled(part, () => (type === 'string' ? '' : 0))
  return { kind: 'table', columns, rows: Array.from({ length: rows }, () => columns.map(() => cell)) }
}

/** An array of this shape; of none, one value. */
function filled([size, ...inner]: readonly number[], value: () => JsonValue): JsonValue {
  return size === undefined ? value() : Array.from({ length: size }, () => filled(inner, value))
}
