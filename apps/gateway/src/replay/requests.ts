import type { JsonValue, Redaction } from '@tidemark/contracts'
import { cellsOf, type Part, type Source } from '../batch/source.ts'
import type { ReplayJob } from './job.ts'

/** Prefixes of the archive's columns: values as they were sent, and as JSON text. */
const INPUT = 'input.'
const JSON_INPUT = 'input_json.'
const KEYS = ['prediction_id', 'row', 'more', 'prediction_json']

/** A row of the file, in its order. */
export interface LoggedRow {
  readonly row: number
  readonly cells: readonly JsonValue[]
  /** It came a second time. */
  readonly twice: boolean
  /** Its thing was erased from among others; what is left of it is empty. */
  readonly erased: boolean
}

/** A request as it was logged. */
export interface LoggedRequest {
  readonly id: string
  readonly columns: readonly string[]
  readonly rows: readonly LoggedRow[]
  readonly params: Readonly<Record<string, JsonValue>> | undefined
  readonly tensors: boolean
  /** It was answered by something else than rows. */
  readonly whole: boolean
  readonly redacted: Readonly<Record<string, Redaction>>
}

interface More {
  readonly columns?: readonly string[]
  readonly params?: Readonly<Record<string, JsonValue>>
  readonly input?: 'tensors'
  readonly form?: 'names' | 'whole'
  readonly redacted?: Readonly<Record<string, Redaction>>
}

type Open = { readonly id: string; readonly more: More; readonly rows: LoggedRow[] }

/** Requests of a file from a row on, which must be the first of one; whole, and in the file's order. */
export async function* requestsOf(
  source: Source,
  columns: ReplayJob['columns'],
  from: number,
  size: number,
): AsyncGenerator<LoggedRequest> {
  const names = source.names.filter((name) => name.startsWith(INPUT) || name.startsWith(JSON_INPUT))
  const numeric = new Set(
    columns.filter(({ type }) => ['double', 'float', 'long', 'integer'].includes(type)).map(({ name }) => name),
  )
  let open: Open | null = null
  for await (const part of source.parts(names, KEYS, from, size)) {
    const cell = cellReader(part, numeric)
    const [ids = [], numbers = [], mores = [], answers = []] = part.keys
    for (let place = 0; place < part.rows; place++) {
      const id = String(ids[place])
      if (open && open.id !== id) {
        yield requestOf(open)
        open = null
      }
      const more: unknown = mores[place]
      open ??= { id, more: typeof more === 'string' ? (JSON.parse(more) as More) : {}, rows: [] }
      const row = Number(numbers[place])
      const cells = (open.more.columns ?? []).map((name) => cell(name, place))
      const answer = answers[place]
      open.rows.push({
        row,
        cells,
        twice: open.rows.at(-1)?.row === row,
        erased: (answer === null || answer === 'null') && cells.every((value) => value === null),
      })
    }
  }
  if (open) yield requestOf(open)
}

function requestOf({ id, more, rows }: Open): LoggedRequest {
  return {
    id,
    columns: more.columns ?? [],
    // A request about one thing goes as a whole when the thing is erased.
    rows: rows.length > 1 ? rows : rows.map((row) => ({ ...row, erased: false })),
    params: more.params,
    tensors: more.input === 'tensors',
    whole: more.form === 'whole',
    redacted: more.redacted ?? {},
  }
}

function cellReader(part: Part, numeric: ReadonlySet<string>): (name: string, place: number) => JsonValue {
  const plain = new Map<string, readonly unknown[]>()
  for (const [name, column] of part.columns) plain.set(name, cellsOf(column))
  return (name, place) => {
    const json = plain.get(JSON_INPUT + name)?.[place]
    if (typeof json === 'string') return JSON.parse(json) as JsonValue
    const value = (plain.get(INPUT + name)?.[place] ?? null) as JsonValue
    // Where one file has a column's numbers and another its hashes, both come as text.
    return typeof value === 'string' && numeric.has(name) && value.trim() !== '' ? Number(value) : value
  }
}
