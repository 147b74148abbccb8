import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import { sql } from '../platform/index.ts'
import { all, compare, compareList, equalText, type Fragment } from './conditions.ts'
import type { Lifecycle } from './types.ts'

/** What a search of runs asks. */
export interface RunQuestion {
  /** null: all experiments of the workspace. */
  readonly experiments: readonly number[] | null
  readonly stages: readonly Lifecycle[]
  readonly clauses: readonly Clause[]
  readonly sort: readonly SortKey[]
  /** Numbers of the keys that clauses and sort keys name; a key without one was never used. */
  readonly keys: ReadonlyMap<string, number>
}

/** A comparison with a metric, parameter or tag. */
export type ValueClause =
  | (Exclude<Clause, { kind: 'presence' }> & { readonly of: 'metric' | 'parameter' | 'tag' })
  | Extract<Clause, { kind: 'presence' }>

export const ATTRIBUTES: Readonly<Record<string, Fragment>> = {
  run_id: sql.raw('r.id'),
  run_name: sql.raw('r.name'),
  status: sql.raw('r.status'),
  user_id: sql.raw('r.user_id'),
  artifact_uri: sql.raw('r.artifact_uri'),
  start_time: sql.raw('r.start_ms'),
  end_time: sql.raw('r.end_ms'),
}

export const TABLES: Readonly<Record<'metric' | 'parameter' | 'tag', Fragment>> = {
  metric: sql.raw('latest_metric'),
  parameter: sql.raw('run_parameter'),
  tag: sql.raw('run_tag'),
}

function test(column: Fragment, clause: Exclude<Clause, { kind: 'presence' }>): Fragment {
  return clause.kind === 'list' ? compareList(column, clause) : compare(column, clause)
}

/**
 * How a condition asks for a value of a run. `probe`: run by run; the planner cannot turn it into a join of all. `join`: for questions that look
 * at everything.
 */
export type Style = 'probe' | 'join'

export function isOfValue(clause: Clause): clause is ValueClause {
  return clause.of === 'metric' || clause.of === 'parameter' || clause.of === 'tag'
}

/** A comparison as a condition on the run `r`. A run without the key holds no comparison of it, not even `!=`. */
export function condition(clause: Clause, keys: RunQuestion['keys'], style: Style): Fragment {
  if (isOfValue(clause)) return valueCondition(clause, keys.get(clause.key), style)
  if (clause.of === 'attribute') {
    const column = ATTRIBUTES[clause.key]
    if (!column) throw new Error(`Runs have no attribute ${clause.key}.`)
    return test(column, clause)
  }
  if (clause.key === 'context') {
    return sql`exists (select 1 from run_input i, jsonb_array_elements(i.tags) t where i.workspace = r.workspace and i.run = r.id
      and t ->> 'key' = 'mlflow.data.context' and ${test(sql.raw("t ->> 'value'"), clause)})`
  }
  const column = sql.raw(clause.key === 'name' ? 'i.name' : 'i.digest')
  return sql`exists (select 1 from run_input i where i.workspace = r.workspace and i.run = r.id and ${test(column, clause)})`
}

function valueCondition(clause: ValueClause, key: number | undefined, style: Style): Fragment {
  const isAbsence = clause.kind === 'presence' && !clause.present
  if (key === undefined) return isAbsence ? sql`true` : sql`false`
  const from = sql`from ${TABLES[clause.of]} v where v.run = r.no and v.key = ${key}`
  if (clause.kind === 'presence') {
    if (style === 'probe') return sql`(select true ${from}) is ${sql.raw(clause.present ? 'not null' : 'null')}`
    return sql`${sql.raw(clause.present ? '' : 'not')} exists (select 1 ${from})`
  }
  const held = heldBy(clause)
  return style === 'probe' ? sql`coalesce((select ${held} ${from}), false)` : sql`exists (select 1 ${from} and ${held})`
}

/** What a value `v.value` must hold. In SQL a NaN is greater than all numbers and equal to itself; here it is neither, and differs from all. */
export function heldBy(clause: ValueClause, column: Fragment = sql.raw('v.value')): Fragment {
  if (clause.kind === 'presence') return sql`true`
  if (clause.kind === 'text' && clause.operator === '=') return equalText(column, clause.value)
  const isNumber = clause.of === 'metric' && !(clause.kind === 'number' && clause.operator === '!=')
  return isNumber ? sql`${test(column, clause)} and ${column} <> 'NaN'` : test(column, clause)
}

/** The conditions on a run `r` of a workspace. */
export function whereRun(workspace: string, question: RunQuestion, clauses: readonly Clause[], style: Style): Fragment {
  const { experiments, stages, keys } = question
  return sql`r.workspace = ${workspace} ${experiments === null ? sql`` : sql`and r.experiment = ${anyOf(experiments)}`}
    and r.lifecycle = any (${stages}::text[]) and ${all(clauses.map((clause) => condition(clause, keys, style)))}`
}

/** One of these experiments. A single one is named as such, so that an index by experiment keeps its order. */
export function anyOf(experiments: readonly number[]): Fragment {
  return experiments.length === 1 ? sql`${experiments[0]}::bigint` : sql`any (${experiments}::bigint[])`
}
