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

type Plain = 'VARCHAR' | 'DOUBLE' | 'BIGINT' | 'BOOLEAN'
/** Type of each input column of a file; `JSON` where its values go as JSON text below `JSON_INPUT`. */
export type InputTypes = ReadonlyMap<string, Plain | 'JSON'>

/** The name of an input column in a file. */
export const inputName = (column: string, types: InputTypes): string =>
  (types.get(column) === 'JSON' ? JSON_INPUT : INPUT) + column

const inputsOf = (record: LogRecord): readonly (readonly JsonValue[])[] =>
  record.kind === 'answer' ? record.rows : record.entities.map(() => [])

/** A record as lines of NDJSON that DuckDB reads, one a row. What its rows have in common is written once: a record may have ten thousand. */
export function linesOf(record: LogRecord, types: InputTypes): string {
  const loose = record as unknown as Loose
  const rows = inputsOf(record)
  const columns = record.kind === 'answer' ? record.columns : []
  const answers = record.predictions as readonly JsonValue[] | null
  const rest = Object.fromEntries(
    Object.entries(loose).filter(([field, value]) => !PLACED.has(field) && value !== undefined),
  )
  const aligned = answers === null || answers.length === rows.length
  const more = aligned ? rest : { ...rest, predictions: [...(answers ?? [])] }
  const common = JSON.stringify({
    prediction_id: record.id,
    at: record.kind === 'answer' ? record.arrivedAt : timeOfUuidv7(record.id),
    event_time: record.eventTime,
    request_id: record.kind === 'answer' ? record.requestId : null,
    caller: record.caller,
    version: record.version,
    runtime: record.kind === 'answer' ? record.runtime : null,
    rollout: record.rollout ? JSON.stringify(record.rollout) : null,
    error: record.error,
    milliseconds: record.milliseconds,
    timings: loose.timings === undefined ? null : JSON.stringify(loose.timings),
  }).slice(0, -1)
  const keys = columns.map((column) => `,${JSON.stringify(inputName(column, types))}:`)
  const asText = columns.map((column) => types.get(column) === 'JSON')
  let text = ''
  for (const [row, cells] of rows.entries()) {
    const answer = answers?.[row]
    const own = {
      row,
      entity: record.entities[row] ?? null,
      prediction: typeof answer === 'number' ? answer : null,
      prediction_json: answer === undefined ? null : JSON.stringify(answer),
      more: row === 0 ? JSON.stringify(more) : null,
    }
    text += `${common},${JSON.stringify(own).slice(1, -1)}`
    for (let place = 0; place < keys.length; place++)
      text += (keys[place] ?? '') + cellText(cells[place] ?? null, asText[place] ?? false)
    text += '}\n'
  }
  return text
}

function cellText(value: JsonValue, asText: boolean): string {
  if (value === null) return 'null'
  if (asText) return JSON.stringify(JSON.stringify(value))
  return typeof value === 'number' ? String(value) : JSON.stringify(value)
}

/**
 * Types of a file's input columns: the signature's, where all values have it. Hashed values make a column of text; what is of no one plain type
 * (lists, records, mixed values) goes as JSON text to a column below `JSON_INPUT`.
 */
export function typesOf(records: readonly LogRecord[], signature: readonly InputColumn[]): Map<string, Plain | 'JSON'> {
  const kinds = new Map<string, Set<string>>()
  for (const record of records) {
    if (record.kind !== 'answer') continue
    for (const [place, column] of record.columns.entries()) {
      const own = kinds.get(column) ?? new Set()
      kinds.set(column, own)
      for (const cells of record.rows) {
        const value = cells[place]
        if (value === null || value === undefined) continue
        own.add(typeof value === 'number' && Number.isSafeInteger(value) ? 'integer' : typeof value)
      }
    }
  }
  const declared = new Map(signature.map((column) => [column.name, column.type]))
  return new Map([...kinds].map(([column, own]) => [column, typeOf(own, declared.get(column))]))
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
