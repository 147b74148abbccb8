import type { RunStatusName } from '@tidemark/mlflow-protocol'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { DatasetInput, KeyValue, Lifecycle, MetricPoint, Run, RunInfo, RunModel } from './types.ts'

export interface RunInfoRow {
  id: string
  experiment: number
  name: string
  user_id: string
  status: RunStatusName
  start_ms: number
  end_ms: number | null
  artifact_uri: string
  lifecycle: Lifecycle
}

export interface RunRow extends RunInfoRow {
  parameters: KeyValue[]
  tags: KeyValue[]
  metrics: [key: string, value: number | string, atMs: number, step: number][] | null
  inputs: DatasetInput[] | null
  models: RunModel[] | null
}

export const RUN_INFO = sql.raw(
  'r.id, r.experiment, r.name, r.user_id, r.status, r.start_ms, r.end_ms, r.artifact_uri, r.lifecycle',
)

/** Everything of a run in one row: lists are made by the database, so that a page of runs is one round trip. */
export const RUN = sql`${RUN_INFO},
  (select coalesce(json_agg(json_build_object('key', p.key, 'value', p.value) order by p.key), '[]')
   from run_parameter p where p.workspace = r.workspace and p.run = r.id) as parameters,
  (select coalesce(json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key), '[]')
   from run_tag t where t.workspace = r.workspace and t.run = r.id) as tags,
  (select json_agg(json_build_array(m.key, m.value, m.at_ms, m.step) order by m.key)
   from latest_metric m where m.workspace = r.workspace and m.run = r.id) as metrics,
  (select json_agg(json_build_object('name', d.name, 'digest', d.digest, 'sourceType', d.source_type, 'source', d.source,
     'schema', d.schema, 'profile', d.profile, 'tags', i.tags))
   from run_input i join run_dataset d using (workspace, experiment, name, digest)
   where i.workspace = r.workspace and i.run = r.id) as inputs,
  (select json_agg(json_build_object('role', o.role, 'model', o.model, 'step', o.step) order by o.position)
   from run_model o where o.workspace = r.workspace and o.run = r.id) as models`

export function runInfoOf(row: RunInfoRow): RunInfo {
  return {
    id: row.id,
    experiment: row.experiment,
    name: row.name,
    user: row.user_id,
    status: row.status,
    startMs: row.start_ms,
    endMs: row.end_ms,
    artifactUri: row.artifact_uri,
    lifecycle: row.lifecycle,
  }
}

export function runOf(row: RunRow): Run {
  return {
    ...runInfoOf(row),
    parameters: row.parameters,
    tags: row.tags,
    // PostgreSQL writes a NaN in JSON as text.
    metrics: (row.metrics ?? []).map(
      ([key, value, atMs, step]): MetricPoint => ({ key, value: Number(value), atMs, step }),
    ),
    inputs: row.inputs ?? [],
    models: row.models ?? [],
  }
}

export async function runInfo(db: Queryable, workspace: string, id: string): Promise<RunInfo | null> {
  const { rows } =
    await sql<RunInfoRow>`select ${RUN_INFO} from run r where r.workspace = ${workspace} and r.id = ${id}`.execute(db)
  return rows[0] ? runInfoOf(rows[0]) : null
}

export async function runById(db: Queryable, workspace: string, id: string): Promise<Run | null> {
  const { rows } =
    await sql<RunRow>`select ${RUN} from run r where r.workspace = ${workspace} and r.id = ${id}`.execute(db)
  return rows[0] ? runOf(rows[0]) : null
}

export async function addRun(tx: Queryable, workspace: string, run: RunInfo, tags: readonly KeyValue[]): Promise<void> {
  await sql`
    with added as (
      insert into run (workspace, id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri)
      values (${workspace}, ${run.id}, ${run.experiment}, ${run.name}, ${run.user}, ${run.status}, ${run.startMs}, ${run.endMs}, ${run.artifactUri})
    )
    insert into run_tag (workspace, run, key, value)
    select ${workspace}, ${run.id}, t.key, t.value from unnest(${tags.map((tag) => tag.key)}::text[], ${tags.map((tag) => tag.value)}::text[]) t (key, value)`.execute(
    tx,
  )
}

/** Changes what is given of an active run. @returns the run after it, or null when there is no such active run. */
export async function updateRun(
  tx: Queryable,
  workspace: string,
  id: string,
  change: { status?: RunStatusName | undefined; endMs?: number | undefined; name?: string | undefined },
): Promise<RunInfo | null> {
  const { rows } = await sql<RunInfoRow>`
    with r as (
      update run set status = coalesce(${change.status ?? null}::text, status), end_ms = coalesce(${change.endMs ?? null}::bigint, end_ms),
        name = coalesce(${change.name ?? null}::text, name)
      where workspace = ${workspace} and id = ${id} and lifecycle = 'active'
      returning *
    ), named as (
      insert into run_tag (workspace, run, key, value)
      select r.workspace, r.id, 'mlflow.runName', r.name from r where ${change.name ?? null}::text is not null
      on conflict (workspace, run, key) do update set value = excluded.value
    )
    select ${RUN_INFO} from r`.execute(tx)
  return rows[0] ? runInfoOf(rows[0]) : null
}

export async function moveRun(tx: Queryable, workspace: string, id: string, lifecycle: Lifecycle): Promise<boolean> {
  const { rows } = await sql`
    update run set lifecycle = ${lifecycle} where workspace = ${workspace} and id = ${id} returning id`.execute(tx)
  return rows.length > 0
}

export async function removeTag(tx: Queryable, workspace: string, id: string, key: string): Promise<boolean> {
  const { rows } =
    await sql`delete from run_tag where workspace = ${workspace} and run = ${id} and key = ${key} returning key`.execute(
      tx,
    )
  return rows.length > 0
}

/** Adds data sets and the run's use of them; what is there already stays as it is. */
export async function addInputs(
  tx: Tx,
  workspace: string,
  run: RunInfo,
  inputs: readonly DatasetInput[],
  models: readonly RunModel[],
): Promise<void> {
  for (const input of inputs) {
    await sql`
      with known as (
        insert into run_dataset (workspace, experiment, name, digest, source_type, source, schema, profile)
        values (${workspace}, ${run.experiment}, ${input.name}, ${input.digest}, ${input.sourceType}, ${input.source}, ${input.schema}, ${input.profile})
        on conflict do nothing
      )
      insert into run_input (workspace, run, experiment, name, digest, tags)
      values (${workspace}, ${run.id}, ${run.experiment}, ${input.name}, ${input.digest}, ${JSON.stringify(input.tags)}::jsonb)
      on conflict do nothing`.execute(tx)
  }
  for (const model of models) {
    await sql`
      insert into run_model (workspace, run, role, model, step) values (${workspace}, ${run.id}, ${model.role}, ${model.model}, ${model.step})
      on conflict (workspace, run, role, model) do update set step = excluded.step`.execute(tx)
  }
}
