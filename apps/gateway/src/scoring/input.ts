import type { EndpointSnapshot, InputColumn, JsonValue } from '@tidemark/contracts'
import type { Frame } from '../runtimes/model.ts'
import { DEFAULT_LIMITS } from './admission.ts'
import { InvalidInput, MissingColumns, TooManyRows, WrongShape, WrongTable, WrongType } from './errors.ts'
import { frameOfAnything, frameOfTensors, notTable } from './tensors.ts'
import { isObject, isPlainText, MAX_KEY_LENGTH, plainProblem } from './values.ts'

/** What a caller asks, checked against the columns of the endpoint. */
export interface ScoringInput {
  readonly frame: Frame
  /** Business keys from the body; null when the body names none. */
  readonly entities: readonly (string | null)[] | null
}

type Spec = Pick<EndpointSnapshot, 'columns' | 'input' | 'limits'>

const FORMATS = ['dataframe_split', 'dataframe_records', 'instances', 'inputs'] as const
export type Format = (typeof FORMATS)[number]

/** Where the cells of a row lie: gives the cell of a column, undefined when the row has none. */
type Reader = (row: number, column: number) => unknown
interface Table {
  readonly rows: number
  /** For each column of the endpoint, whether the table has it. */
  readonly has: (column: number) => boolean
  readonly cell: Reader
  /** The rows themselves, where they have just the endpoint's columns in its order. */
  readonly cells?: readonly unknown[][]
}

/**
 * Reads a body of MLflow's scoring protocol. Unknown columns are ignored, optional ones may be absent, all values must have the type that the
 * model's signature gives them; without a signature they go as they are.
 * @throws WrongShape, MissingColumns, WrongTable, WrongType, TooManyRows, InvalidInput
 */
export function readInput(body: unknown, spec: Spec): ScoringInput {
  if (!isObject(body)) throw WrongShape(Array.isArray(body) ? 'Received a list.' : 'Received something else.')
  const formats = FORMATS.filter((format) => Object.hasOwn(body, format))
  const [format] = formats
  if (!format || formats.length > 1) throw WrongShape(`Received ${formats.length} of them.`)
  const frame = frameOf(format, body[format], spec)
  const params = Object.hasOwn(body, 'params') ? readParams(body.params) : undefined
  return {
    frame: params ? { ...frame, params } : frame,
    entities: Object.hasOwn(body, 'entities') ? readEntities(body.entities, frame.rows.length) : null,
  }
}

function frameOf(format: Format, value: unknown, { input, columns, limits = DEFAULT_LIMITS }: Spec): Frame {
  switch (input.kind) {
    case 'columns':
      return frameOfColumns(format, value, columns, limits.rows)
    case 'tensors':
      return limited(frameOfTensors(format, value, input.tensors), limits.rows)
    case 'any':
      return limited(frameOfAnything(format, value), limits.rows)
  }
}

function limited(frame: Frame, most: number): Frame {
  checkRows(frame.rows.length, most)
  return frame
}

function checkRows(rows: number, most: number): void {
  if (rows > most) throw TooManyRows(most)
  if (rows === 0) throw InvalidInput('The input has no rows.')
}

function frameOfColumns(format: Format, value: unknown, columns: readonly InputColumn[], mostRows: number): Frame {
  const table = readTable(format, value, columns)
  if (table.rows > mostRows) throw TooManyRows(mostRows)
  const names = namesOf(columns)
  if (table.cells && table.rows > 0) return { kind: 'table', columns: names, rows: checkInPlace(table.cells, columns) }
  const missing = columns.filter((column, place) => column.required && !table.has(place))
  if (missing.length > 0) throw MissingColumns(missing.map((column) => column.name))
  if (table.rows === 0) throw WrongTable('The input has no rows.')
  const rows: JsonValue[][] = []
  for (let row = 0; row < table.rows; row++) {
    rows.push(columns.map((column, place) => checkCell(table.cell(row, place), column, row)))
  }
  return { kind: 'table', columns: names, rows }
}

/** Checks rows where they are: copying a thousand of them costs as much as checking them. */
function checkInPlace(rows: readonly unknown[][], columns: readonly InputColumn[]): JsonValue[][] {
  // By number: the iterators of a thousand rows took half of the time.
  for (let row = 0; row < rows.length; row++) {
    const cells = rows[row] ?? []
    for (let place = 0; place < columns.length; place++) {
      const value = cells[place]
      const column = columns[place] as InputColumn
      // What nearly every cell is, without a call.
      if (typeof value === 'number' && (column.type === 'double' || column.type === 'float') && Number.isFinite(value))
        continue
      cells[place] = checkCell(value, column, row)
    }
  }
  return rows as JsonValue[][]
}

/** One list of an endpoint's names for all of its frames. */
const knownNames = new WeakMap<readonly InputColumn[], readonly string[]>()

function namesOf(columns: readonly InputColumn[]): readonly string[] {
  const known = knownNames.get(columns)
  if (known) return known
  const names = columns.map((column) => column.name)
  knownNames.set(columns, names)
  return names
}

function readParams(value: unknown): Record<string, JsonValue> | undefined {
  if (value === null) return undefined
  if (!isObject(value)) throw InvalidInput('"params" must be a dictionary.')
  const problem = plainProblem(value)
  if (problem) throw InvalidInput(`"params" has ${problem}.`)
  return value as Record<string, JsonValue>
}

function readTable(format: Format, value: unknown, columns: readonly InputColumn[]): Table {
  switch (format) {
    case 'dataframe_split':
      return splitTable(value, columns)
    case 'dataframe_records':
      if (!Array.isArray(value)) throw WrongTable('dataframe_records must be a list of records.')
      return recordsTable(value, columns)
    case 'instances':
    case 'inputs':
      if (Array.isArray(value))
        return value.length > 0 && value.every(Array.isArray)
          ? listsTable(value, columns)
          : recordsTable(value, columns)
      if (isObject(value)) return columnsTable(value, columns)
      throw notTable(format, value, 'columns')
  }
}

function splitTable(value: unknown, columns: readonly InputColumn[]): Table {
  if (isObject(value) && value.columns === undefined && Array.isArray(value.data))
    throw InvalidInput('dataframe_split names no columns: it must have the list "columns" beside "data".')
  if (!isObject(value) || !Array.isArray(value.columns) || !Array.isArray(value.data)) {
    throw WrongTable('dataframe_split must be a dictionary with the lists "columns" and "data".')
  }
  const { columns: names, data } = value as { columns: unknown[]; data: unknown[] }
  // What nearly every body names: the columns as the endpoint has them.
  const same = areNames(names, columns)
  if (!same && new Set(names).size !== names.length) throw WrongTable('dataframe_split names a column twice.')
  for (let row = 0; row < data.length; row++) {
    const cells = data[row]
    if (!Array.isArray(cells) || cells.length !== names.length)
      throw WrongTable(`Row ${row} of dataframe_split has not one value for each of its columns.`)
  }
  if (same) return { rows: data.length, has: () => true, cell: () => undefined, cells: data as unknown[][] }
  const places = columns.map((column) => names.indexOf(column.name))
  return {
    rows: data.length,
    has: (column) => (places[column] ?? -1) >= 0,
    cell: (row, column) => (data[row] as unknown[])[places[column] ?? -1],
  }
}

function areNames(names: readonly unknown[], columns: readonly InputColumn[]): boolean {
  if (names.length !== columns.length) return false
  for (let place = 0; place < names.length; place++) if (names[place] !== columns[place]?.name) return false
  return true
}

function recordsTable(records: readonly unknown[], columns: readonly InputColumn[]): Table {
  const wrong = records.findIndex((record) => !isObject(record))
  if (wrong >= 0) throw InvalidInput(`Row ${wrong} is not a dictionary of columns.`)
  const rows = records as readonly Record<string, unknown>[]
  const names = columns.map((column) => column.name)
  return {
    rows: rows.length,
    // As pandas builds a frame: a key of any record is a column, and null in the others.
    has: (column) => rows.some((row) => Object.hasOwn(row, names[column] ?? '')),
    cell: (row, column) => {
      const record = rows[row]
      const name = names[column]
      return record && name !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
    },
  }
}

/** A nested list has no names: its values are in the order of the signature. */
function listsTable(lists: readonly (readonly unknown[])[], columns: readonly InputColumn[]): Table {
  const wrong = lists.findIndex((row) => row.length !== columns.length)
  if (wrong >= 0) throw InvalidInput(`Row ${wrong} must have ${columns.length} values, in the order of the columns.`)
  return { rows: lists.length, has: () => true, cell: (row, column) => lists[row]?.[column] }
}

function columnsTable(value: Record<string, unknown>, columns: readonly InputColumn[]): Table {
  const given = columns.map((column) => {
    if (!Object.hasOwn(value, column.name)) return null
    const cells = value[column.name]
    return Array.isArray(cells) ? cells : [cells]
  })
  const lengths = new Set(given.filter((cells) => cells !== null).map((cells) => cells.length))
  if (lengths.size > 1) throw InvalidInput('The columns do not have the same number of rows.')
  const [rows = 0] = lengths
  return { rows, has: (column) => given[column] != null, cell: (row, column) => given[column]?.[row] }
}

function checkCell(value: unknown, column: InputColumn, row: number): JsonValue {
  switch (column.type) {
    case 'string':
      if (value === undefined || value === null) return null
      if (typeof value === 'string' && isPlainText(value)) return value
      throw WrongType(column.name, row, 'a string of Unicode text')
    case 'double':
    case 'float':
      if (value === undefined || value === null) return null
      if (typeof value === 'number' && Number.isFinite(value)) return value
      throw WrongType(column.name, row, 'a finite number')
    case 'long':
    case 'integer':
      if (isMissing(value) && !column.required) return null
      if (Number.isSafeInteger(value) && (column.type === 'long' || Math.abs(value as number) < 2 ** 31))
        return value as number
      // An integer column cannot hold a missing value; one that must is to be logged as double.
      throw WrongType(column.name, row, column.required ? 'a whole number, not null' : 'a whole number')
    case 'boolean':
      if (isMissing(value) && !column.required) return null
      if (typeof value === 'boolean') return value
      throw WrongType(column.name, row, 'true or false')
    case 'json': {
      if (isMissing(value)) {
        if (!column.required) return null
        throw WrongType(column.name, row, 'a value, not null')
      }
      const problem = plainProblem(value)
      if (problem) throw WrongType(column.name, row, `without ${problem}`)
      return value as JsonValue
    }
  }
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null
}

function readEntities(value: unknown, rows: number): (string | null)[] {
  const valid =
    Array.isArray(value) &&
    value.length === rows &&
    value.every(
      (entity) =>
        entity === null || (typeof entity === 'string' && entity.length <= MAX_KEY_LENGTH && isPlainText(entity)),
    )
  if (!valid)
    throw InvalidInput(`"entities" must list one text of at most ${MAX_KEY_LENGTH} characters, or null, for each row.`)
  return value
}
