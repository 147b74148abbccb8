import type { Clause, Dialect, Named, NumberOperator, TextOperator } from './clauses.ts'
import { invalid } from './errors.ts'
import { identify } from './identify.ts'
import { type Token, tokenize } from './tokens.ts'
import { listValues, textValue } from './values.ts'

/** More would only burden the planner; MLflow's own server on SQLite ends at 64. */
const MAX_COMPARISONS = 60

/** A comparison as it stands in a filter; nothing is looked up yet. */
interface Comparison {
  readonly left: Token
  readonly operator: string
  readonly right: Token | null
}

/**
 * Parses a filter: comparisons joined by AND. Keys may be quoted with backticks or double quotes, values with single or double quotes.
 * @throws MlflowError INVALID_PARAMETER_VALUE naming the part that is not understood. Linear in the filter's length.
 */
export function parseFilter(text: string | undefined, dialect: Dialect): Clause[] {
  if (text === undefined || text === '') return []
  if (text.trim() === '') throw invalid(dialect.words.blank(text))
  const tokens = joined(tokenize(text), text)
  const semicolon = tokens.findIndex((token) => token.kind === 'semicolon')
  if (semicolon >= 0 && semicolon < tokens.length - 1) throw invalid(dialect.words.several(text))
  const { comparisons, rest } = comparisonsOf(tokens)
  if (rest.length > 0)
    throw invalid(
      dialect.words.unreadable(
        rest.slice(0, 20).map((token) => token.text),
        text,
      ),
    )
  if (comparisons.length > MAX_COMPARISONS) throw invalid(`A filter may have at most ${MAX_COMPARISONS} comparisons.`)
  const read = comparisons.map((comparison) => readComparison(comparison, dialect))
  return read.map((comparison) => clauseOf(comparison, dialect))
}

/** Joins what an operator of arithmetic or a comma connects: neither is a value of a filter, and errors show it whole. */
function joined(tokens: readonly Token[], text: string): Token[] {
  const out: Token[] = []
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as Token
    const before = out.at(-1)
    const after = tokens[index + 1]
    const joins = token.kind === 'arithmetic' && before && after && isOperand(before) && isOperand(after)
    if (joins) {
      out[out.length - 1] = {
        kind: 'placeholder',
        text: text.slice(before.start, after.end),
        start: before.start,
        end: after.end,
      }
      index += 1
    } else {
      out.push(token)
    }
  }
  return out
}

const OPERANDS: ReadonlySet<string> = new Set(['name', 'quoted', 'text', 'number', 'placeholder', 'group'])
const isOperand = (token: Token | undefined): token is Token => token !== undefined && OPERANDS.has(token.kind)
const isName = (token: Token): boolean => token.kind === 'name' || token.kind === 'quoted'
const wordOf = (token: Token | undefined): string =>
  token?.kind === 'keyword' ? token.text.toUpperCase().replace(/\s+/g, ' ') : ''

/** Splits words into comparisons and the rest, which belongs to none. AND stands between them, as often as it likes. */
function comparisonsOf(tokens: readonly Token[]): { comparisons: Comparison[]; rest: Token[] } {
  const comparisons: Comparison[] = []
  const rest: Token[] = []
  let at = 0
  while (at < tokens.length) {
    const left = tokens[at] as Token
    const [first, second, third] = [tokens[at + 1], tokens[at + 2], tokens[at + 3]]
    const word = wordOf(first)
    const compares = first?.kind === 'operator' || word === 'LIKE' || word === 'ILIKE' || word === 'RLIKE'
    if (isOperand(left) && first && compares && isOperand(second)) {
      comparisons.push({ left, operator: word || first.text, right: second })
      at += 3
    } else if (isOperand(left) && isName(left) && word === 'IN' && second?.kind === 'group') {
      comparisons.push({ left, operator: 'IN', right: second })
      at += 3
    } else if (
      isOperand(left) &&
      isName(left) &&
      word === 'NOT' &&
      wordOf(second) === 'IN' &&
      third?.kind === 'group'
    ) {
      comparisons.push({ left, operator: 'NOT IN', right: third })
      at += 4
    } else if (isOperand(left) && isName(left) && word === 'IS' && ['NULL', 'NOT NULL'].includes(wordOf(second))) {
      comparisons.push({ left, operator: `IS ${wordOf(second)}`, right: null })
      at += 3
    } else {
      if (wordOf(left) !== 'AND') rest.push(left)
      at += 1
    }
  }
  return { comparisons, rest }
}

interface Read {
  readonly named: Named
  readonly operator: string
  readonly value: number | string | readonly string[] | null
}

/** Looks the key up and reads the value. */
function readComparison({ left, operator, right }: Comparison, dialect: Dialect): Read {
  if (!isName(left)) throw invalid(`Invalid comparison clause. Expected 'Identifier' found '${left.text}'`)
  const named = identify(left.text, dialect)
  const { words } = dialect
  if (right === null) {
    if (!dialect.nullable.includes(named.of)) throw invalid(words.notNullable(named))
    return { named, operator, value: null }
  }
  if (named.type === 'number') {
    if (right.kind === 'number') return { named, operator, value: Number(right.text) }
    if (dialect.numbersAsText && (right.kind === 'text' || right.kind === 'quoted')) {
      const text = textValue(right)
      if (/^\s*[+-]?\d+\s*$/.test(text)) return { named, operator, value: Number(text) }
    }
    throw invalid(words.badValue(named, right.text))
  }
  if (right.kind === 'text' || isName(right)) return { named, operator, value: textValue(right) }
  if (right.kind === 'group') {
    if (!dialect.operators(named).includes('IN')) throw invalid(words.noList(named, right.text))
    return { named, operator, value: listValues(right.text) }
  }
  throw invalid(words.badValue(named, right.text))
}

/** Checks the operator. @throws MlflowError for one that the key does not have. */
function clauseOf({ named, operator, value }: Read, dialect: Dialect): Clause {
  const { of, key } = named
  if (value === null) {
    return { kind: 'presence', of: of as 'parameter' | 'tag', key, present: operator === 'IS NOT NULL' }
  }
  const isList = typeof value === 'object'
  const fits = isList === (operator === 'IN' || operator === 'NOT IN')
  if (!fits || !dialect.operators(named).includes(operator)) throw invalid(dialect.words.badOperator(named, operator))
  if (typeof value === 'number') return { kind: 'number', of, key, operator: operator as NumberOperator, value }
  if (typeof value === 'string') return { kind: 'text', of, key, operator: operator as TextOperator, value }
  return { kind: 'list', of, key, operator: operator as 'IN' | 'NOT IN', values: value }
}
