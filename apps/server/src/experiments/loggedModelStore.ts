import type { Clause, LoggedModelStatusName } from '@tidemark/mlflow-protocol'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import { all, compare, compareList, type Fragment } from './conditions.ts'
import type { KeyValue, Lifecycle, LoggedModel } from './types.ts'

interface Row {
  id: string
  experiment: number
  name: string
  artifact_uri: string
  status: LoggedModelStatusName
  model_type: string
  source_run: string
  created_ms: number
  updated_ms: number
  tags: KeyValue[]
  parameters: KeyValue[]
  metrics: [string, number | string, number, number, string, string, string][] | null
}

const COLUMNS =
  sql.raw(`m.id, m.experiment, m.name, m.artifact_uri, m.status, m.model_type, m.source_run, m.created_ms, m.updated_ms,
  (select coalesce(json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key), '[]')
   from logged_model_tag t where t.workspace = m.workspace and t.model = m.id) as tags,
  (select coalesce(json_agg(json_build_object('key', p.key, 'value', p.value) order by p.key), '[]')
   from logged_model_parameter p where p.workspace = m.workspace and p.model = m.id) as parameters,
  (select json_agg(json_build_array(v.key, v.value, v.at_ms, v.step, v.run, v.dataset_name, v.dataset_digest) order by v.key, v.at_ms, v.step)
   from logged_model_metric v where v.workspace = m.workspace and v.model = m.id) as metrics`)

function modelOf(row: Row): LoggedModel {
  return {
    id: row.id,
    experiment: row.experiment,
    name: row.name,
    artifactUri: row.artifact_uri,
    status: row.status,
    modelType: row.model_type,
    sourceRun: row.source_run,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    tags: row.tags,
    parameters: row.parameters,
    metrics: (row.metrics ?? []).map(([key, value, atMs, step, run, datasetName, datasetDigest]) => ({
      key,
      value: Number(value),
      atMs,
      step,
      run,
      datasetName,
      datasetDigest,
    })),
  }
}

export async function loggedModelById(
  db: Queryable,
  workspace: string,
  id: string,
  which: 'active' | 'also deleted' = 'active',
): Promise<LoggedModel | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from logged_model m
    where m.workspace = ${workspace} and m.id = ${id} and (m.lifecycle = 'active' or ${which === 'also deleted'})`.execute(
    db,
  )
  return rows[0] ? modelOf(rows[0]) : null
}

/** Logged models by their ids, deleted ones too. */
export async function loggedModelsByIds(
  db: Queryable,
  workspace: string,
  ids: readonly string[],
): Promise<(LoggedModel & { readonly lifecycle: Lifecycle })[]> {
  const { rows } = await sql<Row & { lifecycle: Lifecycle }>`
    select ${COLUMNS}, m.lifecycle from logged_model m where m.workspace = ${workspace} and m.id = any (${ids}::text[])`.execute(
    db,
  )
  return rows.map((row) => ({ ...modelOf(row), lifecycle: row.lifecycle }))
}

export async function addLoggedModel(tx: Tx, workspace: string, model: LoggedModel): Promise<void> {
  await sql`
    insert into logged_model (workspace, id, experiment, name, artifact_uri, status, model_type, source_run, created_ms, updated_ms)
    values (${workspace}, ${model.id}, ${model.experiment}, ${model.name}, ${model.artifactUri}, ${model.status}, ${model.modelType},
      ${model.sourceRun}, ${model.createdMs}, ${model.updatedMs})`.execute(tx)
  await setLoggedModelTags(tx, workspace, model.id, model.tags)
  await addLoggedModelParameters(tx, workspace, model.id, model.parameters)
}

export async function setLoggedModelTags(
  tx: Queryable,
  workspace: string,
  id: string,
  tags: readonly KeyValue[],
): Promise<void> {
  const unique = [...new Map(tags.map((tag) => [tag.key, tag.value]))]
  if (unique.length === 0) return
  await sql`
    insert into logged_model_tag (workspace, model, key, value)
    select ${workspace}, ${id}, t.key, t.value from unnest(${unique.map(([key]) => key)}::text[], ${unique.map(([, value]) => value)}::text[]) t (key, value)
    on conflict (workspace, model, key) do update set value = excluded.value`.execute(tx)
}

export async function removeLoggedModelTag(
  tx: Queryable,
  workspace: string,
  id: string,
  key: string,
): Promise<boolean> {
  const { rows } = await sql`
    delete from logged_model_tag where workspace = ${workspace} and model = ${id} and key = ${key} returning key`.execute(
    tx,
  )
  return rows.length > 0
}

/** Parameters of a logged model, like those of a run, are written once. */
export async function addLoggedModelParameters(
  tx: Queryable,
  workspace: string,
  id: string,
  parameters: readonly KeyValue[],
): Promise<void> {
  if (parameters.length === 0) return
  await sql`
    insert into logged_model_parameter (workspace, model, key, value)
    select ${workspace}, ${id}, p.key, p.value
    from unnest(${parameters.map((p) => p.key)}::text[], ${parameters.map((p) => p.value)}::text[]) p (key, value)
    on conflict do nothing`.execute(tx)
}

export async function finalizeLoggedModel(
  tx: Queryable,
  workspace: string,
  id: string,
  status: LoggedModelStatusName,
  nowMs: number,
): Promise<void> {
  await sql`
    update logged_model set status = ${status}, updated_ms = ${nowMs} where workspace = ${workspace} and id = ${id}`.execute(
    tx,
  )
}

export async function deleteLoggedModel(tx: Queryable, workspace: string, id: string, nowMs: number): Promise<void> {
  await sql`
    update logged_model set lifecycle = 'deleted', updated_ms = ${nowMs}, deleted_ms = ${nowMs} where workspace = ${workspace} and id = ${id}`.execute(
    tx,
  )
}

const ATTRIBUTES: Readonly<Record<string, Fragment>> = {
  name: sql.raw('m.name'),
  model_id: sql.raw('m.id'),
  model_type: sql.raw('m.model_type'),
  status: sql.raw('m.status'),
  source_run_id: sql.raw('m.source_run'),
  experiment_id: sql.raw('m.experiment::text'),
  creation_timestamp_ms: sql.raw('m.created_ms'),
  last_updated_timestamp_ms: sql.raw('m.updated_ms'),
}
/** Statuses are sorted in the order in which a model passes them. */
const SORTED: Readonly<Record<string, Fragment>> = {
  ...ATTRIBUTES,
  status: sql.raw(
    "array_position(array['LOGGED_MODEL_STATUS_UNSPECIFIED','LOGGED_MODEL_PENDING','LOGGED_MODEL_READY','LOGGED_MODEL_UPLOAD_FAILED'], m.status)",
  ),
  experiment_id: sql.raw('m.experiment'),
}
const TABLES = {
  metric: sql.raw('logged_model_metric'),
  parameter: sql.raw('logged_model_parameter'),
  tag: sql.raw('logged_model_tag'),
} as const

type Dataset = { readonly name: string | null; readonly digest: string | null }

/** What a search of logged models sorts by. */
export type LoggedModelSort =
  | { readonly kind: 'attribute'; readonly column: string; readonly ascending: boolean }
  | { readonly kind: 'metric'; readonly key: string; readonly dataset: Dataset; readonly ascending: boolean }

/** Metrics on a data set, or on any. */
function onDataset({ name, digest }: Dataset): Fragment {
  return all([
    ...(name === null ? [] : [sql`v.dataset_name = ${name}`]),
    ...(digest === null ? [] : [sql`v.dataset_digest = ${digest}`]),
  ])
}

const any = (conditions: readonly Fragment[]): Fragment => sql`(${sql.join(conditions, sql` or `)})`

function condition(clause: Clause, datasets: readonly Dataset[]): Fragment {
  if (clause.kind === 'presence' || clause.of === 'dataset') throw new Error('Logged models are not asked that.')
  const test = (column: Fragment) => (clause.kind === 'list' ? compareList(column, clause) : compare(column, clause))
  if (clause.of === 'attribute') {
    const column = ATTRIBUTES[clause.key]
    if (!column) throw new Error(`Logged models have no attribute ${clause.key}.`)
    return test(column)
  }
  return sql`exists (select 1 from ${TABLES[clause.of]} v where v.workspace = m.workspace and v.model = m.id and v.key = ${clause.key}
    and ${test(sql.raw('v.value'))} ${clause.of === 'metric' && datasets.length > 0 ? sql`and ${any(datasets.map(onDataset))}` : sql``})`
}

/** A page of logged models of some experiments; ties and by default: the newest first. */
export async function searchLoggedModels(
  db: Queryable,
  workspace: string,
  question: {
    experiments: readonly number[]
    clauses: readonly Clause[]
    sort: readonly LoggedModelSort[]
    /** Metrics that the filter asks for count on these alone; without such a filter a model must have some metric on one of them. */
    datasets: readonly Dataset[]
    offset: number
    limit: number
  },
): Promise<LoggedModel[]> {
  const { clauses, datasets } = question
  const keys = question.sort.map((key) => {
    const direction = sql.raw(key.ascending ? 'asc nulls last' : 'desc nulls last')
    if (key.kind === 'attribute') return sql`${SORTED[key.column]} ${direction}`
    return sql`(select v.value from logged_model_metric v where v.workspace = m.workspace and v.model = m.id and v.key = ${key.key}
      and ${onDataset(key.dataset)} order by v.at_ms desc, v.step desc, v.run limit 1) ${direction}`
  })
  const conditions = clauses.map((clause) => condition(clause, datasets))
  if (datasets.length > 0 && !clauses.some(({ of }) => of === 'metric')) {
    conditions.push(sql`exists (select 1 from logged_model_metric v where v.workspace = m.workspace and v.model = m.id
      and ${any(datasets.map(onDataset))})`)
  }
  const { rows } = await sql<Row>`
    select ${COLUMNS} from logged_model m
    where m.workspace = ${workspace} and m.lifecycle = 'active' and m.experiment = any (${question.experiments}::bigint[])
      and ${all(conditions)}
    order by ${sql.join([...keys, sql`m.created_ms desc`, sql`m.id`])} limit ${question.limit} offset ${question.offset}`.execute(
    db,
  )
  return rows.map(modelOf)
}

/** Data sets used in experiments, each once. */
export async function datasetsOf(
  db: Queryable,
  workspace: string,
  experiments: readonly number[],
): Promise<{ experiment: number; name: string; digest: string; context: string | null }[]> {
  const { rows } = await sql<{ experiment: number; name: string; digest: string; context: string | null }>`
    select distinct i.experiment, i.name, i.digest,
      (select t ->> 'value' from jsonb_array_elements(i.tags) t where t ->> 'key' = 'mlflow.data.context' limit 1) as context
    from run_input i where i.workspace = ${workspace} and i.experiment = any (${experiments}::bigint[])
    order by 1, 2, 3 limit 1000`.execute(db)
  return rows
}
