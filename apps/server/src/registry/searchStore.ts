import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import { all, compare, compareList, direction, type Fragment } from '../experiments/index.ts'
import { type Queryable, sql } from '../platform/index.ts'
import { MODEL, type ModelRow, modelOf } from './store.ts'
import type { ModelVersion, RegisteredModel } from './types.ts'
import { VERSION, type VersionRow, versionOf } from './versionStore.ts'

export interface Question {
  readonly clauses: readonly Clause[]
  readonly sort: readonly SortKey[]
  readonly offset: number
  readonly limit: number
}

const MODEL_COLUMNS: Readonly<Record<string, Fragment>> = {
  name: sql.raw('m.name'),
  last_updated_timestamp: sql.raw('m.updated_ms'),
}
const VERSION_COLUMNS: Readonly<Record<string, Fragment>> = {
  name: sql.raw('v.model'),
  run_id: sql.raw('v.run'),
  source: sql.raw('v.source'),
  version: sql.raw('v.version'),
  creation_timestamp: sql.raw('v.created_ms'),
  last_updated_timestamp: sql.raw('v.updated_ms'),
}

function condition(clause: Clause, columns: Readonly<Record<string, Fragment>>, tag: (test: Fragment) => Fragment) {
  if (clause.kind === 'presence') throw new Error('The registry is not asked for presence.')
  const test = (column: Fragment) => (clause.kind === 'list' ? compareList(column, clause) : compare(column, clause))
  if (clause.of === 'tag') return tag(sql`t.key = ${clause.key} and ${test(sql.raw('t.value'))}`)
  const column = columns[clause.key]
  if (!column) throw new Error(`The registry has no attribute ${clause.key}.`)
  return test(column)
}

function order(sort: readonly SortKey[], columns: Readonly<Record<string, Fragment>>, byDefault: readonly Fragment[]) {
  const keys = sort.map((key) => sql`${columns[key.key] ?? sql`1`} ${direction(key)}`)
  return sql.join([...keys, ...byDefault])
}

// Prompts are registered models with this tag; they are shown only to those who ask for them.
const PROMPT_TAG = 'mlflow.prompt.is_prompt'

function asksForPrompts(clauses: readonly Clause[]): boolean {
  return clauses.some(
    (c) =>
      c.of === 'tag' &&
      c.key === PROMPT_TAG &&
      c.kind === 'text' &&
      (c.operator === '=') === (c.value.toLowerCase() === 'true'),
  )
}

function promptRule(clauses: readonly Clause[], name: Fragment, workspace: string) {
  if (asksForPrompts(clauses)) return { kept: clauses, rule: sql`true` }
  return {
    kept: clauses.filter((clause) => !(clause.of === 'tag' && clause.key === PROMPT_TAG)),
    rule: sql`not exists (select 1 from registered_model_tag p where p.workspace = ${workspace} and p.model = ${name}
      and p.key = ${PROMPT_TAG} and p.value = 'true')`,
  }
}

/** Registered models that hold all clauses; by default by name. */
export async function searchModels(db: Queryable, workspace: string, question: Question): Promise<RegisteredModel[]> {
  const { kept, rule } = promptRule(question.clauses, sql.raw('m.name'), workspace)
  const tagged = (test: Fragment) =>
    sql`exists (select 1 from registered_model_tag t where t.workspace = m.workspace and t.model = m.name and ${test})`
  const { rows } = await sql<ModelRow>`
    select ${MODEL} from registered_model m
    where m.workspace = ${workspace} and not m.deleted and ${rule} and ${all(kept.map((c) => condition(c, MODEL_COLUMNS, tagged)))}
    order by ${order(question.sort, MODEL_COLUMNS, [sql`m.name`])} limit ${question.limit} offset ${question.offset}`.execute(
    db,
  )
  return rows.map(modelOf)
}

/** Versions that hold all clauses; by default the newest change first. */
export async function searchVersions(db: Queryable, workspace: string, question: Question): Promise<ModelVersion[]> {
  const { kept, rule } = promptRule(question.clauses, sql.raw('v.model'), workspace)
  const tagged = (test: Fragment) =>
    sql`exists (select 1 from model_version_tag t where t.workspace = v.workspace and t.model = v.model and t.version = v.version and ${test})`
  const { rows } = await sql<VersionRow>`
    select ${VERSION} from model_version v
    where v.workspace = ${workspace} and not v.deleted and ${rule} and ${all(kept.map((c) => condition(c, VERSION_COLUMNS, tagged)))}
    order by ${order(question.sort, VERSION_COLUMNS, [...(question.sort.length === 0 ? [sql`v.updated_ms desc`] : []), sql`v.model`, sql`v.version desc`])}
    limit ${question.limit} offset ${question.offset}`.execute(db)
  return rows.map(versionOf)
}
