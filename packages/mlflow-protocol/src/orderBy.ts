import type { Dialect, SortKey } from './clauses.ts'
import { invalid } from './errors.ts'
import { identifySort } from './identify.ts'
import { pythonList } from './python.ts'
import { type Token, tokenize } from './tokens.ts'

/** More would join a table each. */
const MAX_KEYS = 20

const isName = (token: Token | undefined): token is Token => token?.kind === 'name' || token?.kind === 'quoted'

/** Parses MLflow's `order_by`: each a key, then ASC or DESC. @throws MlflowError for a key that is unknown, unreadable or given twice. */
export function parseOrderBy(list: readonly string[] | undefined, dialect: Dialect): SortKey[] {
  const clauses = list ?? []
  if (clauses.length > MAX_KEYS) throw invalid(`order_by may have at most ${MAX_KEYS} keys.`)
  const keys = new Map<string, SortKey>()
  for (const clause of clauses) {
    const key = parseKey(clause, dialect)
    const name = `${key.of}.${key.key}`
    if (keys.has(name) && !dialect.repeatedSortKeys) {
      throw invalid(`\`order_by\` contains duplicate fields: ${pythonList(clauses)}`)
    }
    if (!keys.has(name)) keys.set(name, key)
  }
  return [...keys.values()]
}

function parseKey(clause: string, dialect: Dialect): SortKey {
  const [name, direction, ...more] = tokenize(clause)
  if (!isName(name) || more.length > 0) throw unreadable(clause)
  if (direction === undefined) return { ...identifySort(name.text, dialect), ascending: true }
  const word = direction.text.toLowerCase()
  if (direction.kind === 'keyword' && (word === 'asc' || word === 'desc')) {
    return { ...identifySort(name.text, dialect), ascending: word === 'asc' }
  }
  if (isName(direction)) throw invalid(`Invalid ordering key in order_by clause '${clause}'.`)
  throw unreadable(clause)
}

function unreadable(clause: string): Error {
  return invalid(`Invalid order_by clause '${clause.slice(0, 1000)}'. Could not be parsed.`)
}
