import { type InputColumn, type JsonValue, type LogRecord, timeOfUuidv7 } from '@tidemark/contracts'

/** A row of an archive file: one for each row of a prediction, by column name. */
export type ArchiveRow = Readonly<Record<string, JsonValue>>

/** Columns of every archive file beside the inputs; times are UTC. `prediction` is the answer where it is a number, `prediction_json` any answer. */
export const META = {
  prediction_id: 'VARCHAR',
  row: 'INTEGER',
  at: 'TIMESTAMP',
  event_time: 'TIMESTAMP',
  request_id: 'VARCHAR',
  caller: 'VARCHAR',
  entity: 'VARCHAR',
  version: 'VARCHAR',
  runtime: 'VARCHAR',
  rollout: 'VARCHAR',
  prediction: 'DOUBLE',
  prediction_json: 'VARCHAR',
  error: 'VARCHAR',
  milliseconds: 'DOUBLE',
  timings: 'VARCHAR',
  /** On a prediction's first row alone: what of its record has no column of its own. */
  more: 'VARCHAR',
} as const satisfies Readonly<Record<string, string>>

/** An input column's values as they were sent; below `JSON_INPUT` as JSON text, where they are not all of one plain type. */
export const INPUT = 'input.'
export const JSON_INPUT = 'input_json.'

interface Loose {
  readonly [field: string]: JsonValue | undefined
}

/** Fields of a record that have columns, or follow from where the file lies. */
const PLACED = new Set(
  'kind id workspace endpoint arrivedAt eventTime requestId caller entities version runtime rollout rows predictions error milliseconds timings'.split(
    ' ',
  ),
)

/** A record as rows of an archive file; inputs are still JSON values, which `typesOf` gives their columns. */
export function rowsOf(record: LogRecord): Record<string, JsonValue>[] {
  const loose = record as unknown as Loose
  const inputs = record.kind === 'answer' ? record.rows : record.entities.map(() => [])
  const columns = record.kind === 'answer' ? record.columns : []
  const answers = record.predictions as readonly JsonValue[] | null
  const aligned = answers === null || answers.length === inputs.length
  const rest = Object.fromEntries(
    Object.entries(loose).filter(([field, value]) => !PLACED.has(field) && value !== undefined),
  )
  const more = aligned ? rest : { ...rest, predictions: [...(answers ?? [])] }
  return inputs.map((cells, row) => {
    const answer = answers?.[row]
    const flat: Record<string, JsonValue> = {
      prediction_id: record.id,
      row,
      at: record.kind === 'answer' ? record.arrivedAt : timeOfUuidv7(record.id),
      event_time: record.eventTime,
      request_id: record.kind === 'answer' ? record.requestId : null,
      caller: record.caller,
      entity: record.entities[row] ?? null,
      version: record.version,
      runtime: record.kind === 'answer' ? record.runtime : null,
      rollout: record.rollout ? JSON.stringify(record.rollout) : null,
      prediction: typeof answer === 'number' ? answer : null,
      prediction_json: answer === undefined ? null : JSON.stringify(answer),
      error: record.error,
      milliseconds: record.milliseconds,
      timings: loose.timings === undefined ? null : JSON.stringify(loose.timings),
      more: row === 0 ? JSON.stringify(more) : null,
    }
    columns.forEach((column, place) => {
      flat[INPUT + column] = cells[place] ?? null
    })
    return flat
  })
}

type Plain = 'VARCHAR' | 'DOUBLE' | 'BIGINT' | 'BOOLEAN'

/**
 * Types of a file's input columns: the signature's, where all values have it. Hashed values make a column of text; what is of no one plain type
 * (lists, records, mixed values) goes as JSON text to a column below `JSON_INPUT`.
 */
export function typesOf(rows: readonly ArchiveRow[], signature: readonly InputColumn[]): Map<string, Plain | 'JSON'> {
  const types = new Map<string, Plain | 'JSON'>()
  const names = new Set(rows.flatMap((row) => Object.keys(row).filter((name) => name.startsWith(INPUT))))
  for (const name of names) {
    const kinds = new Set<string>()
    for (const row of rows) {
      const value = row[name]
      if (value === null || value === undefined) continue
      kinds.add(typeof value === 'number' && Number.isSafeInteger(value) ? 'integer' : typeof value)
    }
    types.set(name, typeOf(kinds, signature.find((column) => INPUT + column.name === name)?.type))
  }
  return types
}

function typeOf(kinds: ReadonlySet<string>, declared: string | undefined): Plain | 'JSON' {
  const only = (...allowed: string[]) => [...kinds].every((kind) => allowed.includes(kind))
  if (kinds.size > 0 && only('string')) return 'VARCHAR'
  if (kinds.size > 0 && only('boolean')) return 'BOOLEAN'
  if (declared === 'long' || declared === 'integer') return only('integer') ? 'BIGINT' : 'JSON'
  if (declared === 'boolean') return only('boolean') ? 'BOOLEAN' : 'JSON'
  if (kinds.size === 0) return declared === 'double' || declared === 'float' ? 'DOUBLE' : 'VARCHAR'
  return only('integer', 'number') ? 'DOUBLE' : 'JSON'
}

/** A row as DuckDB reads it from NDJSON, its inputs in the columns of their types. */
export function typed(row: ArchiveRow, types: ReadonlyMap<string, Plain | 'JSON'>): Record<string, JsonValue> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) =>
      types.get(name) === 'JSON'
        ? [JSON_INPUT + name.slice(INPUT.length), value === null ? null : JSON.stringify(value)]
        : [name, value],
    ),
  )
}

/** Input values of a row that was read from an archive file. */
export function inputOf(row: ArchiveRow): Record<string, JsonValue> {
  const input: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(row)) {
    if (name.startsWith(INPUT)) input[name.slice(INPUT.length)] ??= value ?? null
    if (name.startsWith(JSON_INPUT) && value !== null) input[name.slice(JSON_INPUT.length)] = JSON.parse(String(value))
  }
  return input
}

/** JSON text of a row's column, read; null where there is none. */
export function jsonOf(value: JsonValue | undefined): JsonValue {
  return typeof value === 'string' ? (JSON.parse(value) as JsonValue) : null
}

/** Records from the rows of archive files, which lie in the order of prediction and row. Loose: the caller parses them. */
export function* recordsOf(
  rows: Iterable<ArchiveRow>,
  place: { readonly kind: LogRecord['kind']; readonly workspace: string; readonly endpoint: string },
): Generator<unknown> {
  let open: ArchiveRow[] = []
  for (const row of rows) {
    if (open[0] && open[0].prediction_id !== row.prediction_id) {
      yield recordOf(open, place)
      open = []
    }
    open.push(row)
  }
  if (open.length > 0) yield recordOf(open, place)
}

function recordOf(rows: readonly ArchiveRow[], place: { readonly kind: LogRecord['kind'] }): unknown {
  const [first = {}] = rows
  const { columns = [], predictions, ...more } = jsonOf(first.more) as { columns?: string[]; predictions?: JsonValue[] }
  const answers = rows.map((row) => row.prediction_json ?? null)
  const failed = first.error !== null && answers.every((answer) => answer === null)
  const shared = {
    ...place,
    id: first.prediction_id,
    eventTime: first.event_time,
    caller: first.caller,
    entities: rows.map((row) => row.entity ?? null),
    version: first.version,
    rollout: jsonOf(first.rollout),
    predictions: predictions ?? (failed ? null : answers.map(jsonOf)),
    error: first.error,
    milliseconds: first.milliseconds,
    ...(typeof first.timings === 'string' ? { timings: jsonOf(first.timings) } : {}),
    ...more,
  }
  if (place.kind === 'mirror') return shared
  return {
    ...shared,
    arrivedAt: first.at,
    requestId: first.request_id,
    runtime: first.runtime,
    columns,
    rows: rows.map((row) => {
      const input = inputOf(row)
      return columns.map((column) => input[column] ?? null)
    }),
  }
}
