import { invalid } from './errors.ts'
import { type Token, tokenize } from './tokens.ts'

export type NumberOperator = '=' | '!=' | '<' | '<=' | '>' | '>='
export type TextOperator = '=' | '!=' | 'LIKE' | 'ILIKE'
export type ListOperator = 'IN' | 'NOT IN'
export type Entity = 'metric' | 'parameter' | 'tag' | 'attribute' | 'dataset'

/** One comparison of a filter; all of a filter's comparisons must hold. */
export type Clause =
  | {
      readonly kind: 'number'
      readonly of: Entity
      readonly key: string
      readonly operator: NumberOperator
      readonly value: number
    }
  | {
      readonly kind: 'text'
      readonly of: Entity
      readonly key: string
      readonly operator: TextOperator
      readonly value: string
    }
  | {
      readonly kind: 'list'
      readonly of: Entity
      readonly key: string
      readonly operator: ListOperator
      readonly values: readonly string[]
    }
  | { readonly kind: 'presence'; readonly of: 'parameter' | 'tag'; readonly key: string; readonly present: boolean }

export interface SortKey {
  readonly of: Entity
  readonly key: string
  readonly ascending: boolean
}

/** What may be asked of one kind of thing: MLflow's grammar is the same for all, their names differ. */
export interface Dialect {
  /** Prefix before the dot, as in `metrics.rmse`, to the entity it means. */
  readonly entities: Readonly<Record<string, Entity>>
  /** Attributes by name as asked; `column` is the name inside; those of type number compare by size. */
  readonly attributes: Readonly<
    Record<string, { readonly column: string; readonly type: 'text' | 'number'; readonly list?: true }>
  >
  /** Attributes one may sort by. */
  readonly sortable: readonly string[]
  /** Entities that may be tested with IS NULL and IS NOT NULL. */
  readonly nullable: readonly Entity[]
}

const NUMBER_OPERATORS: readonly string[] = ['=', '!=', '<', '<=', '>', '>=']
const TEXT_OPERATORS: readonly string[] = ['=', '!=', 'LIKE', 'ILIKE']

/**
 * Parses a filter: comparisons joined by AND. Keys may be quoted with backticks or double quotes, values with single or double quotes.
 * @throws MlflowError INVALID_PARAMETER_VALUE naming the part that is not understood. Linear in the filter's length.
 */
export function parseFilter(text: string | undefined, dialect: Dialect): Clause[] {
  if (!text?.trim()) return []
  const tokens = tokenize(text)
  const clauses: Clause[] = []
  let at = 0
  while (at < tokens.length) {
    if (clauses.length > 0) {
      const joint = tokens[at]
      if (!isWord(joint, 'AND')) throw invalidClauses(tokens.slice(at))
      at += 1
    }
    const { clause, next } = comparison(tokens, at, dialect)
    clauses.push(clause)
    at = next
  }
  return clauses
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'name' && token.text.toUpperCase() === word
}

function invalidClauses(tokens: readonly Token[]): Error {
  const shown = tokens.slice(0, 3).map((token) => `'${token.text}'`)
  return invalid(`Invalid clause(s) in filter string: ${shown.join(', ') || "''"}`)
}

function comparison(tokens: readonly Token[], start: number, dialect: Dialect): { clause: Clause; next: number } {
  const name = tokens[start]
  if (name?.kind !== 'name' && name?.kind !== 'quoted') throw invalidClauses(tokens.slice(start))
  const { of, key, type, list } = identify(name.text, dialect)
  const second = tokens[start + 1]
  if (isWord(second, 'IS')) {
    const negated = isWord(tokens[start + 2], 'NOT')
    const end = start + (negated ? 3 : 2)
    if (!isWord(tokens[end], 'NULL')) throw invalidClauses(tokens.slice(start))
    if (!dialect.nullable.includes(of) || (of !== 'tag' && of !== 'parameter')) {
      throw invalid(`IS NULL / IS NOT NULL is only supported for tags and params, not for '${of}' '${key}'`)
    }
    return { clause: { kind: 'presence', of, key, present: negated }, next: end + 1 }
  }
  const negatedList = isWord(second, 'NOT') && isWord(tokens[start + 2], 'IN')
  if (negatedList || isWord(second, 'IN')) {
    const at = start + (negatedList ? 3 : 2)
    const values = tokens[at]
    if (values?.kind !== 'list') throw invalidClauses(tokens.slice(start))
    if (!list) throw invalid(`'${key}' does not support comparison with a list of quoted string values.`)
    return {
      clause: { kind: 'list', of, key, operator: negatedList ? 'NOT IN' : 'IN', values: listValues(values.text) },
      next: at + 1,
    }
  }
  const operator = second?.kind === 'operator' ? second.text : second?.kind === 'name' ? second.text.toUpperCase() : ''
  const value = tokens[start + 2]
  if (!second || !value || !['AND', ...NUMBER_OPERATORS, ...TEXT_OPERATORS].includes(operator) || operator === 'AND') {
    throw invalidClauses(tokens.slice(start, start + 3))
  }
  if (type === 'number') {
    if (!NUMBER_OPERATORS.includes(operator)) throw badOperator(operator, NUMBER_OPERATORS)
    if (value.kind !== 'number') {
      const what = of === 'metric' ? 'metric' : `numeric attribute: ${key}`
      throw invalid(`Expected numeric value type for ${what}. Found ${value.text}`)
    }
    return {
      clause: { kind: 'number', of, key, operator: operator as NumberOperator, value: Number(value.text) },
      next: start + 3,
    }
  }
  if (!TEXT_OPERATORS.includes(operator)) throw badOperator(operator, TEXT_OPERATORS)
  if (value.kind !== 'text' && value.kind !== 'quoted') {
    throw invalid(`Expected a quoted string value for ${of} (e.g. 'my-value'). Got value ${value.text}`)
  }
  return {
    clause: { kind: 'text', of, key, operator: operator as TextOperator, value: value.text.slice(1, -1) },
    next: start + 3,
  }
}

function badOperator(operator: string, valid: readonly string[]): Error {
  return invalid(`Invalid comparator '${operator}' not one of '{${valid.map((o) => `'${o}'`).join(', ')}}'`)
}

function listValues(text: string): string[] {
  const inner = text.slice(1, -1)
  const values = [...inner.matchAll(/\s*(?:'([^']*)'|"([^"]*)")\s*(,|$)/gy)]
  const read = values.reduce((sum, match) => sum + match[0].length, 0)
  if (values.length === 0 || read !== inner.length) {
    throw invalid(
      'While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.',
    )
  }
  return values.map((match) => match[1] ?? match[2] ?? '')
}

/** `metrics.rmse`, "params.`a b`" or `start_time` to what it names. */
function identify(text: string, dialect: Dialect): { of: Entity; key: string; type: 'text' | 'number'; list: boolean } {
  const match = /^(?:(`[^`]*`|[^`".]+)\.)?([\s\S]+)$/.exec(text)
  const prefix = match?.[1]
  const key = unquote(match?.[2] ?? text)
  const of = prefix === undefined ? 'attribute' : dialect.entities[unquote(prefix)]
  if (of === undefined || !Object.hasOwn(dialect.entities, unquote(prefix ?? 'attribute'))) {
    if (prefix !== undefined) {
      throw invalid(`Invalid entity type '${unquote(prefix)}'. Valid values are ${names(entityNames(dialect))}`)
    }
  }
  if (of === 'metric') return { of, key, type: 'number', list: false }
  if (of === 'dataset') {
    if (!['name', 'digest', 'context'].includes(key)) {
      throw invalid(`Invalid dataset key '${key}' specified. Valid keys are '{'name', 'digest', 'context'}'`)
    }
    return { of, key, type: 'text', list: true }
  }
  if (of !== 'attribute') return { of: of ?? 'attribute', key, type: 'text', list: false }
  const attribute = Object.hasOwn(dialect.attributes, key) ? dialect.attributes[key] : undefined
  if (!attribute) {
    throw invalid(
      `Invalid attribute key '${key}' specified. Valid keys are '${names(Object.keys(dialect.attributes))}'`,
    )
  }
  return { of, key: attribute.column, type: attribute.type, list: attribute.list === true }
}

function entityNames(dialect: Dialect): string[] {
  return [...new Set(Object.values(dialect.entities))]
}

function names(list: readonly string[]): string {
  return `[${list.map((name) => `'${name}'`).join(', ')}]`
}

function unquote(text: string): string {
  return text.length >= 2 && /^(`[\s\S]*`|"[\s\S]*"|'[\s\S]*')$/.test(text) ? text.slice(1, -1) : text
}

/** The metric, parameter or tag that a name means, as in a filter. @throws MlflowError for attributes, data sets and other names. */
export function parseColumn(name: string, dialect: Dialect): { of: 'metric' | 'parameter' | 'tag'; key: string } {
  const { of, key } = identify(name.trim(), dialect)
  if (of === 'attribute' || of === 'dataset') {
    throw invalid(`Invalid column '${name}'. A column is a metric, a parameter or a tag, as in metrics.rmse.`)
  }
  return { of, key }
}

/** Parses MLflow's `order_by`: each a key, then ASC or DESC. */
export function parseOrderBy(list: readonly string[] | undefined, dialect: Dialect): SortKey[] {
  const seen = new Set<string>()
  return (list ?? []).map((text) => {
    const clause = text.trim()
    const direction = /\s(asc|desc)$/i.exec(clause)?.[1]
    const name = direction ? clause.slice(0, -direction.length).trim() : clause
    const tokens = tokenize(name)
    if (tokens.length !== 1 || (tokens[0]?.kind !== 'name' && tokens[0]?.kind !== 'quoted')) {
      throw invalid(`Invalid order_by clause '${text}'. Could not be parsed.`)
    }
    const { of, key } = identify(name, dialect)
    if (of === 'dataset' || (of === 'attribute' && !dialect.sortable.includes(key))) {
      throw invalid(`Invalid order by key '${name}' specified. Valid keys are '${names(dialect.sortable)}'`)
    }
    if (seen.has(`${of}.${key}`)) throw invalid(`\`order_by\` contains duplicate fields: ${names(list ?? [])}`)
    seen.add(`${of}.${key}`)
    return { of, key, ascending: direction?.toLowerCase() !== 'desc' }
  })
}
