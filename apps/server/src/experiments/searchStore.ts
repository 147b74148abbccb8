import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import { type Queryable, sql } from '../platform/index.ts'
import { all, compare, compareList, direction, type Fragment } from './conditions.ts'
import { RUN, type RunRow, runOf } from './runStore.ts'
import type { Lifecycle, Run } from './types.ts'

export interface RunQuestion {
  /** null: all experiments of the workspace. */
  readonly experiments: readonly number[] | null
  readonly stages: readonly Lifecycle[]
  readonly clauses: readonly Clause[]
  readonly sort: readonly SortKey[]
  readonly offset: number
  readonly limit: number
}

const ATTRIBUTES: Readonly<Record<string, Fragment>> = {
  run_id: sql.raw('r.id'),
  run_name: sql.raw('r.name'),
  status: sql.raw('r.status'),
  user_id: sql.raw('r.user_id'),
  artifact_uri: sql.raw('r.artifact_uri'),
  start_time: sql.raw('r.start_ms'),
  end_time: sql.raw('r.end_ms'),
}

const TABLES: Readonly<Record<'metric' | 'parameter' | 'tag', Fragment>> = {
  metric: sql.raw('latest_metric'),
  parameter: sql.raw('run_parameter'),
  tag: sql.raw('run_tag'),
}

function test(column: Fragment, clause: Exclude<Clause, { kind: 'presence' }>): Fragment {
  return clause.kind === 'list' ? compareList(column, clause) : compare(column, clause)
}

/** A comparison as a condition on the run `r`. A run without the key holds no comparison of it, not even `!=`. */
function condition(clause: Clause): Fragment {
  switch (clause.of) {
    case 'attribute': {
      const column = ATTRIBUTES[clause.key]
      if (!column) throw new Error(`Runs have no attribute ${clause.key}.`)
      return test(column, clause)
    }
    case 'dataset': {
      if (clause.key === 'context') {
        return sql`exists (select 1 from run_input i, jsonb_array_elements(i.tags) t where i.workspace = r.workspace and i.run = r.id
          and t ->> 'key' = 'mlflow.data.context' and ${test(sql.raw("t ->> 'value'"), clause)})`
      }
      const column = sql.raw(clause.key === 'name' ? 'i.name' : 'i.digest')
      return sql`exists (select 1 from run_input i where i.workspace = r.workspace and i.run = r.id and ${test(column, clause)})`
    }
    case 'metric':
    case 'parameter':
    case 'tag': {
      const table = TABLES[clause.of]
      const found = (held: Fragment) =>
        sql`exists (select 1 from ${table} v where v.workspace = r.workspace and v.run = r.id and v.key = ${clause.key} and ${held})`
      if (clause.kind === 'presence') return clause.present ? found(sql`true`) : sql`not ${found(sql`true`)}`
      // In SQL a NaN is greater than all numbers and equal to itself; here it is neither, and differs from all.
      const number = sql.raw('v.value')
      if (clause.of === 'metric') {
        return found(
          clause.kind === 'number' && clause.operator === '!='
            ? test(number, clause)
            : sql`${test(number, clause)} and v.value <> 'NaN'`,
        )
      }
      return found(test(number, clause))
    }
  }
}

interface Sorting {
  readonly joins: readonly Fragment[]
  readonly keys: readonly Fragment[]
}

/** Runs without a value come last either way, those with a NaN before them. Ties: the newest first, then by id. */
function sorting(sort: readonly SortKey[]): Sorting {
  const joins: Fragment[] = []
  const keys: Fragment[] = []
  for (const [index, key] of sort.entries()) {
    if (key.of === 'attribute') {
      const column = ATTRIBUTES[key.key]
      if (!column) throw new Error(`Runs are not sorted by ${key.key}.`)
      keys.push(sql`${column} ${direction(key)} nulls last`)
      continue
    }
    const name = sql.raw(`s${index}`)
    if (key.of === 'dataset') throw new Error('Runs are not sorted by data sets.')
    const table = TABLES[key.of]
    joins.push(
      sql`left join ${table} ${name} on ${name}.workspace = r.workspace and ${name}.run = r.id and ${name}.key = ${key.key}`,
    )
    if (key.of === 'metric')
      keys.push(sql`case when ${name}.value = 'NaN' then 1 when ${name}.value is null then 2 else 0 end`)
    keys.push(sql`${name}.value ${direction(key)} nulls last`)
  }
  if (!sort.some((key) => key.of === 'attribute' && key.key === 'start_time')) keys.push(sql`r.start_ms desc`)
  keys.push(sql`r.id`)
  return { joins, keys }
}

function where(workspace: string, question: RunQuestion): Fragment {
  const { experiments, stages, clauses } = question
  return sql`r.workspace = ${workspace} ${experiments === null ? sql`` : sql`and r.experiment = any (${experiments}::bigint[])`}
    and r.lifecycle = any (${stages}::text[]) and ${all(clauses.map(condition))}`
}

/** A page of runs with all that lists show of them, in one round trip: ids first, then details of those alone. */
export async function searchRuns(db: Queryable, workspace: string, question: RunQuestion): Promise<Run[]> {
  const { joins, keys } = sorting(question.sort)
  const { rows } = await sql<RunRow>`
    with page as materialized (
      select r.id, row_number() over (order by ${sql.join(keys)}) as place
      from run r ${sql.join(joins, sql` `)}
      where ${where(workspace, question)}
      order by ${sql.join(keys)} limit ${question.limit} offset ${question.offset}
    )
    select ${RUN} from page join run r on r.workspace = ${workspace} and r.id = page.id order by page.place`.execute(db)
  return rows.map(runOf)
}

export async function countRuns(db: Queryable, workspace: string, question: RunQuestion): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from run r where ${where(workspace, question)}`.execute(db)
  return rows[0]?.count ?? 0
}
