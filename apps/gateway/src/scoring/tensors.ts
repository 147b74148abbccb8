import type { InputTensor, JsonValue } from '@tidemark/contracts'
import type { Frame } from '../runtimes/model.ts'
import { InvalidInput, MissingColumns, WrongArray, WrongTable, WrongType } from './errors.ts'
import type { Format } from './input.ts'
import { isObject, isPlainText, plainProblem } from './values.ts'

/** What a body holds before anything is known of the model: named lists, one item a row, or one list without a name. */
interface Given {
  readonly named: ReadonlyMap<string, readonly unknown[]>
  /** A frame of cells rather than arrays. */
  readonly table: boolean
}

/**
 * Reads the arrays of a tensor signature. One without a name may come as a list, or as a table with a cell for each of its values.
 * @throws MissingColumns, WrongType, WrongArray, WrongTable, InvalidInput
 */
export function frameOfTensors(format: Format, value: unknown, tensors: readonly InputTensor[]): Frame {
  const given = readGiven(format, value)
  const [only, ...others] = tensors
  const lists =
    only && others.length === 0 ? [listOfOnly(only, given)] : tensors.map(({ name }) => given.named.get(name) ?? null)
  const missing = tensors.filter((_, place) => !lists[place]).map(({ name }) => name)
  if (missing.length > 0) throw MissingColumns(missing)
  const checked = tensors.map((tensor, place) => checkTensor(tensor, lists[place] ?? []))
  return { kind: 'tensors', columns: tensors.map(({ name }) => name), rows: rowsOf(checked) }
}

/** Reads whatever a caller sends to a model without a signature. @throws InvalidInput */
export function frameOfAnything(format: Format, value: unknown): Frame {
  const { named, table } = readGiven(format, value)
  const problem = plainProblem([...named])
  if (problem) throw InvalidInput(`The input has ${problem}.`)
  const rows = rowsOf([...named.values()] as (readonly JsonValue[])[])
  return { kind: table ? 'table' : 'tensors', columns: [...named.keys()], rows }
}

/** Cells of a table of records that are not looked at for how many of them are missing. */
const MOST_CELLS_UNSEEN = 1_000_000

function readGiven(format: Format, value: unknown): Given {
  switch (format) {
    case 'dataframe_split':
      return { named: columnsOfSplit(value), table: true }
    case 'dataframe_records':
      if (!Array.isArray(value)) throw InvalidInput('dataframe_records must be a list of records.')
      return { named: columnsOfRecords(value), table: true }
    case 'instances':
    case 'inputs':
      if (isObject(value)) {
        const lists = Object.entries(value).map(
          ([name, items]) => [name, Array.isArray(items) ? items : [items]] as const,
        )
        return { named: new Map(lists), table: false }
      }
      if (!Array.isArray(value)) throw notTable(format, value, 'arrays')
      if (value.length > 0 && value.every(isObject)) return { named: columnsOfRecords(value), table: false }
      return { named: new Map([['', value]]), table: false }
  }
}

/** A text is nothing that MLflow's server can read; a number or null is read, and then lacks the columns. */
export function notTable(format: Format, value: unknown, of: 'columns' | 'arrays'): Error {
  const error = typeof value === 'string' ? WrongTable : InvalidInput
  return error(`${format} must be a list of rows or a dictionary of ${of}.`)
}

function columnsOfSplit(value: unknown): Map<string, unknown[]> {
  if (!isObject(value) || !Array.isArray(value.columns) || !Array.isArray(value.data)) {
    throw InvalidInput('dataframe_split must be a dictionary with the lists "columns" and "data".')
  }
  const names = value.columns.map(String)
  if (new Set(names).size !== names.length) throw InvalidInput('dataframe_split names a column twice.')
  const data: unknown[] = value.data
  const wrong = data.findIndex((row) => !Array.isArray(row) || row.length !== names.length)
  if (wrong >= 0) throw InvalidInput(`Row ${wrong} of dataframe_split has not one value for each of its columns.`)
  return new Map(names.map((name, place) => [name, data.map((row) => (row as unknown[])[place])]))
}

function columnsOfRecords(records: readonly unknown[]): Map<string, unknown[]> {
  const wrong = records.findIndex((record) => !isObject(record))
  if (wrong >= 0) throw InvalidInput(`Row ${wrong} is not a dictionary of columns.`)
  const rows = records as readonly Record<string, unknown>[]
  const given = rows.flatMap((row) => Object.keys(row))
  const names = new Set(given)
  // Else a body of records that share no column asks for more cells than there is memory.
  if (names.size * rows.length > Math.max(MOST_CELLS_UNSEEN, 10 * given.length))
    throw InvalidInput('Most of the records have few of the columns of the others.')
  return new Map(
    [...names].map((name) => [name, rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null) ?? null)]),
  )
}

/** The list for a signature of one tensor: of its name, the unnamed one, or the rows of a table whose cells are its values. */
function listOfOnly(tensor: InputTensor, { named, table }: Given): readonly unknown[] | null {
  const list = named.get(tensor.name) ?? named.get('')
  if (list || tensor.name !== '') return list ?? null
  const columns = [...named.values()]
  if (!table) throw WrongTable('The model takes one array without a name: send a list, not a dictionary.')
  const [first] = columns
  if (columns.length === 1 && first?.every(Array.isArray)) return first
  return (first ?? []).map((_, row) => columns.map((column) => column[row]))
}

function rowsOf(lists: readonly (readonly JsonValue[])[]): JsonValue[][] {
  const [first] = lists
  if (lists.some((list) => list.length !== first?.length)) {
    throw InvalidInput('The arrays do not have the same number of rows.')
  }
  return (first ?? []).map((_, row) => lists.map((list) => list[row] ?? null))
}

function checkTensor({ name, dtype, shape }: InputTensor, list: readonly unknown[]): JsonValue[] {
  const [rows = -1, ...sizes] = shape
  if (rows >= 0 && list.length !== rows) throw InvalidInput(`The model takes exactly ${rows} rows at once.`)
  // Sizes that the signature leaves open are those of the first row.
  const dimensions = [...sizes]
  const kind = kindOf(dtype)
  list.forEach((part, row) => {
    const problem = problemOf(part, dimensions, 0, kind)
    // Rows of several shapes are no array at all, as a value of another type is none.
    if (problem === 'type' || (problem === 'shape' && row > 0))
      throw WrongType(name, row, `${wordsOf(kind)} in an array of shape [${sizes.join(', ')}]`)
    if (problem) throw WrongArray(name, row, sizes)
  })
  return list as JsonValue[]
}

/** What keeps a part from being an array of this shape and kind; sizes that are open become those of the part. */
function problemOf(value: unknown, dimensions: number[], depth: number, kind: Kind): 'type' | 'shape' | null {
  const size = dimensions[depth]
  if (size === undefined) return isOf(value, kind) ? null : Array.isArray(value) ? 'shape' : 'type'
  if (!Array.isArray(value)) return 'shape'
  if (size < 0) dimensions[depth] = value.length
  else if (size !== value.length) return 'shape'
  for (const item of value) {
    const problem = problemOf(item, dimensions, depth + 1, kind)
    if (problem) return problem
  }
  return null
}

/** What a value of a tensor must be; a whole number within the bounds of its type, where numpy raises beyond them. */
type Kind =
  | { readonly of: 'number' | 'boolean' | 'text' | 'other' }
  | { readonly of: 'integer'; readonly least: number; readonly most: number }

function kindOf(dtype: string): Kind {
  if (/^float/.test(dtype)) return { of: 'number' }
  const [, unsigned, bits = '64'] = /^(u?)int(\d*)/.exec(dtype) ?? []
  if (unsigned === 'u') return { of: 'integer', least: 0, most: 2 ** Number(bits) - 1 }
  if (unsigned === '') return { of: 'integer', least: -(2 ** (Number(bits) - 1)), most: 2 ** (Number(bits) - 1) - 1 }
  if (/^bool/.test(dtype)) return { of: 'boolean' }
  return { of: /^(str|<U|U)/.test(dtype) ? 'text' : 'other' }
}

function isOf(value: unknown, kind: Kind): boolean {
  switch (kind.of) {
    case 'number':
      return value === null || (typeof value === 'number' && Number.isFinite(value))
    case 'integer':
      return Number.isSafeInteger(value) && (value as number) >= kind.least && (value as number) <= kind.most
    case 'boolean':
      return typeof value === 'boolean'
    case 'text':
      return typeof value === 'string' && isPlainText(value)
    case 'other':
      return plainProblem(value) === null
  }
}

function wordsOf(kind: Kind): string {
  switch (kind.of) {
    case 'number':
      return 'finite numbers'
    case 'integer':
      return kind.most < 2 ** 32 ? `whole numbers from ${kind.least} to ${kind.most}` : 'whole numbers'
    case 'boolean':
      return 'true or false'
    case 'text':
      return 'texts'
    case 'other':
      return 'plain values'
  }
}
