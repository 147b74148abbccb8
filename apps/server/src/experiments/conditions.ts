import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import type { RawBuilder } from 'kysely'
import { sql } from '../platform/index.ts'

export type Fragment = RawBuilder<unknown>
type Compared = Extract<Clause, { kind: 'number' | 'text' }>
type Listed = Extract<Clause, { kind: 'list' }>

// The parser lets only these through; the map keeps text from a request out of the statement all the same.
const OPERATORS: Readonly<Record<Compared['operator'], Fragment>> = {
  '=': sql.raw('='),
  '!=': sql.raw('<>'),
  '<': sql.raw('<'),
  '<=': sql.raw('<='),
  '>': sql.raw('>'),
  '>=': sql.raw('>='),
  LIKE: sql.raw('like'),
  ILIKE: sql.raw('ilike'),
}

/** The condition of a filter's comparison with one value. */
export function compare(column: Fragment, clause: Compared): Fragment {
  const value = clause.kind === 'number' ? sql`${clause.value}::double precision` : sql`${clause.value}::text`
  return sql`${column} ${OPERATORS[clause.operator]} ${value}`
}

/** Equality of text that an index by hash finds; long texts have no other index. */
export function equalText(column: Fragment, value: string): Fragment {
  return sql`hashtextextended(${column}, 0) = hashtextextended(${value}::text, 0) and ${column} = ${value}::text`
}

/** The condition of a filter's IN or NOT IN. */
export function compareList(column: Fragment, clause: Listed): Fragment {
  const among = sql`${column} = any (${clause.values}::text[])`
  return clause.operator === 'IN' ? among : sql`not (${among})`
}

/** All must hold; nothing asked is true. */
export function all(conditions: readonly Fragment[]): Fragment {
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `)
}

/** The word of SQL for a sort key's direction. */
export function direction(key: SortKey): Fragment {
  return key.ascending ? sql.raw('asc') : sql.raw('desc')
}
