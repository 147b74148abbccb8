import type { InputColumn } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import type { PerturbedResult, Value } from './types.ts'

export type RawRow = Readonly<Record<string, Value>>

/** Never a category of anything. */
export const UNKNOWN_CATEGORY = '\u2047 never seen'

const NUMERIC: ReadonlySet<InputColumn['type']> = new Set(['double', 'float', 'long', 'integer'])
/** Columns that may hold nothing: an integer or a boolean has no value for it. */
const MAY_MISS: ReadonlySet<InputColumn['type']> = new Set(['double', 'float', 'string'])

/**
 * Disturbed copies of the rows, one kind each; the same seed gives the same copies. `noisy`: every number shifted by noise × its column's
 * standard deviation; `missing` and `unknown`: one column of each row, taken in turn, holds nothing or a category never seen.
 */
export function perturb(
  rows: readonly RawRow[],
  columns: readonly InputColumn[],
  options: { noise: number; seed: number },
): { kind: PerturbedResult['kind']; rows: RawRow[] }[] {
  const numeric = columns.filter((column) => NUMERIC.has(column.type))
  const texts = columns.filter((column) => column.type === 'string')
  const missable = columns.filter((column) => MAY_MISS.has(column.type))
  const kinds: { kind: PerturbedResult['kind']; rows: RawRow[] }[] = []
  if (numeric.length > 0) kinds.push({ kind: 'noisy', rows: withNoise(rows, numeric, options) })
  if (missable.length > 0) kinds.push({ kind: 'missing', rows: inTurn(rows, missable, null) })
  if (texts.length > 0) kinds.push({ kind: 'unknown', rows: inTurn(rows, texts, UNKNOWN_CATEGORY) })
  return kinds
}

function inTurn(rows: readonly RawRow[], columns: readonly InputColumn[], value: Value): RawRow[] {
  return rows.map((row, index) => {
    const column = columns[index % columns.length]
    return column ? { ...row, [column.name]: value } : row
  })
}

function withNoise(
  rows: readonly RawRow[],
  columns: readonly InputColumn[],
  options: { noise: number; seed: number },
): RawRow[] {
  const uniform = seededUniform(options.seed)
  const deviations = columns.map((column) => ({ column, sd: standardDeviation(rows, column.name) }))
  return rows.map((row) => {
    const changed: Record<string, Value> = { ...row }
    for (const { column, sd } of deviations) {
      const value = row[column.name]
      if (typeof value !== 'number') continue
      const shifted = value + options.noise * sd * normal(uniform)
      changed[column.name] = column.type === 'long' || column.type === 'integer' ? Math.round(shifted) : shifted
    }
    return changed
  })
}

function standardDeviation(rows: readonly RawRow[], column: string): number {
  const values = rows.map((row) => row[column]).filter((value) => typeof value === 'number')
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length))
}

/** Box–Muller. */
function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}
