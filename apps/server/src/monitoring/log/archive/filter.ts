import type { JsonValue } from '@tidemark/contracts'
import { identifier, literal } from '../../../data/index.ts'
import { ConditionUnreadable } from '../../errors.ts'
import { lowestIdAt } from '../store.ts'
import { INPUT, JSON_INPUT } from './rows.ts'
import type { Subject } from './subject.ts'

/** A row of the log as conditions see it. */
export interface LogRow {
  readonly id: string
  readonly row: number
  readonly eventTime: number
  readonly version: string
  readonly caller: string | null
  readonly entity: string | null
  readonly input: Readonly<Record<string, JsonValue>>
  readonly prediction: JsonValue
  readonly error: string | null
  readonly milliseconds: number
}

const OPERATORS = ['!=', '<=', '>=', '=', '<', '>'] as const
type Operator = (typeof OPERATORS)[number]

export interface Condition {
  /** `input.` and a column's name, `prediction` or `milliseconds`. */
  readonly field: string
  readonly operator: Operator
  readonly value: string
}

export interface Filter {
  /** Milliseconds since 1970, of event time; `to` is not included. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly version?: string | undefined
  /** Forms in which a caller may have been written: plain or hashed. */
  readonly callers?: readonly string[] | undefined
  readonly entity?: string | undefined
  readonly outcome?: 'answered' | 'failed' | undefined
  readonly where: readonly Condition[]
  /** Whose rows are not meant, for files: records of segments are shown without them before they are filtered. */
  readonly without?: readonly Subject[]
  /** The last row of the page before: only older ones are meant. */
  readonly after?: { readonly id: string; readonly row: number } | undefined
}

/** Reads `input.budget>=1000`. @throws ConditionUnreadable naming the condition and what it should be */
export function readCondition(text: string): Condition {
  const match = /^(input\.[^=<>!]+|prediction|milliseconds)\s*(!=|<=|>=|=|<|>)\s*(.*)$/s.exec(text)
  const operator = OPERATORS.find((each) => each === match?.[2])
  if (!match?.[1] || !operator) throw ConditionUnreadable(text)
  const value = match[3] ?? ''
  if (operator !== '=' && operator !== '!=' && numeric(value) === null) throw ConditionUnreadable(text)
  return { field: match[1].trim(), operator, value }
}

/** Whether a row is meant. The same as `sqlOf` and `conditionSql` say to DuckDB, row for row. */
export function matches(filter: Filter, row: LogRow): boolean {
  const { from, to, version, callers, entity, outcome, where, after } = filter
  return (
    (from === undefined || row.eventTime >= from) &&
    (to === undefined || row.eventTime < to) &&
    (version === undefined || row.version === version) &&
    (callers === undefined || (row.caller !== null && callers.includes(row.caller))) &&
    (entity === undefined || row.entity === entity) &&
    (outcome === undefined || (outcome === 'failed') === (row.error !== null)) &&
    (after === undefined || row.id < after.id || (row.id === after.id && row.row > after.row)) &&
    where.every((condition) => holds(condition, cellOf(condition.field, row)))
  )
}

function cellOf(field: string, row: LogRow): JsonValue {
  if (field === 'milliseconds') return row.milliseconds
  if (field === 'prediction') return row.prediction
  return row.input[field.slice(INPUT.length)] ?? null
}

function holds({ operator, value }: Condition, cell: JsonValue): boolean {
  // A missing value is neither equal nor unequal to anything.
  if (cell === null) return false
  const wanted = numeric(value)
  const number = typeof cell === 'number' ? cell : typeof cell === 'string' ? numeric(cell) : null
  const text = typeof cell === 'string' ? cell : JSON.stringify(cell)
  const equal = wanted !== null && number !== null ? number === wanted : text === value
  switch (operator) {
    case '=':
      return equal
    case '!=':
      return !equal
    case '<':
      return number !== null && wanted !== null && number < wanted
    case '<=':
      return number !== null && wanted !== null && number <= wanted
    case '>':
      return number !== null && wanted !== null && number > wanted
    case '>=':
      return number !== null && wanted !== null && number >= wanted
  }
}

function numeric(text: string): number | null {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : null
}

/** The filter for DuckDB, without its conditions. */
export function sqlOf(filter: Filter): string {
  const { from, to, version, callers, entity, outcome, without = [], after } = filter
  const parts = [
    from === undefined ? '' : `event_time >= make_timestamp(${Math.floor(from)} * 1000)`,
    to === undefined ? '' : `event_time < make_timestamp(${Math.ceil(to)} * 1000)`,
    version === undefined ? '' : `version = ${literal(version)}`,
    callers === undefined ? '' : `caller in (${callers.map(literal).join(', ')})`,
    entity === undefined ? '' : `entity = ${literal(entity)}`,
    outcome === undefined ? '' : `error is ${outcome === 'failed' ? 'not null' : 'null'}`,
    ...without.map(withoutSql),
    after === undefined
      ? ''
      : `(prediction_id < ${literal(after.id)} or (prediction_id = ${literal(after.id)} and row > ${after.row}))`,
  ]
  return parts.filter((part) => part !== '').join(' and ') || 'true'
}

function withoutSql({ kind, keys, until }: Subject): string {
  const column = kind === 'entity' ? 'entity' : 'caller'
  const meant = `${column} in (${keys.map(literal).join(', ')}) and prediction_id < ${literal(lowestIdAt(until + 1))}`
  return `not coalesce(${meant}, false)`
}

/** A condition for DuckDB, on files whose columns have these types; it means what `matches` means. */
export function conditionSql(condition: Condition, columns: ReadonlyMap<string, string>): string {
  const { field } = condition
  const names = field.startsWith(INPUT) ? [field, JSON_INPUT + field.slice(INPUT.length)] : [field]
  // A file that was made of several may have a column's plain values in one and those of no one type in the other.
  const there = names.flatMap((name) => {
    const type = columns.get(name)
    return type === undefined ? [] : [columnSql(condition, name, type)]
  })
  return there.length === 0 ? 'false' : `(${there.join(' or ')})`
}

function columnSql({ operator, value }: Condition, column: string, type: string): string {
  const name = identifier(column)
  const json = column.startsWith(JSON_INPUT)
  const prediction = column === 'prediction'
  // JSON's null is a missing value: neither equal nor unequal to anything.
  const text = prediction ? `nullif(prediction_json, 'null')` : `${name}::varchar`
  const texts = prediction || json ? [value, JSON.stringify(value)] : [value]
  const wanted = numeric(value)
  const number = wanted === null || type === 'BOOLEAN' ? null : numberSql(name, json, prediction)
  const equal = `(${text} in (${texts.map(literal).join(', ')})${number === null ? '' : ` or coalesce(${number} = ${wanted}, false)`})`
  if (operator === '=') return equal
  if (operator === '!=') return `(not ${equal})`
  return number === null ? 'false' : `(${number} ${operator} ${wanted})`
}

/** A text that reads as a number counts as one. */
function numberSql(name: string, json: boolean, prediction: boolean): string {
  const read = (text: string) => `try_cast(trim(${text}, '"') as double)`
  if (prediction) return `coalesce(prediction, ${read('prediction_json')})`
  return json ? read(name) : `try_cast(${name} as double)`
}
