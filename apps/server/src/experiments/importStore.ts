import { sql, type Tx } from '../platform/index.ts'
import type { KeyValue, LoggedModel } from './types.ts'

/** What was deleted at its source counts as deleted here from its coming on: a time to keep it in begins then. */
export const deletedNow = sql.raw(`case when lifecycle = 'deleted' then (extract(epoch from now()) * 1000)::bigint end`)

/** Adds an experiment under its own number when no workspace has it, else under a new one. @returns the number it got. */
export async function adoptExperiment(
  tx: Tx,
  workspace: string,
  given: { id: number | null; name: string; lifecycle: string; createdMs: number; updatedMs: number },
): Promise<number> {
  // One at a time, so that the number that is found free is still free when it is taken.
  await sql`select pg_advisory_xact_lock(hashtextextended('experiment_id', 0))`.execute(tx)
  const { rows } = await sql<{ id: number }>`
    with free as (
      select ${given.id}::bigint as id where ${given.id}::bigint is not null and not exists (select 1 from experiment where id = ${given.id}::bigint)
    ), chosen as (select coalesce((select id from free), nextval('experiment_id')) as id),
    -- Numbers that the sequence would give later are taken from it.
    moved as (
      select setval('experiment_id', id) from chosen
      where id >= (select last_value from experiment_id) and exists (select 1 from free)
    )
    insert into experiment (workspace, id, name, artifact_location, lifecycle, created_ms, updated_ms, deleted_ms)
    select ${workspace}, id, ${given.name}, 'mlflow-artifacts:/' || id, lifecycle, ${given.createdMs}, ${given.updatedMs}, ${deletedNow}
    from chosen left join moved on true, (select ${given.lifecycle}::text as lifecycle) l
    returning id`.execute(tx)
  const id = rows[0]?.id
  if (id === undefined) throw new Error(`Experiment ${given.name} was not written.`)
  return id
}

/** Puts tags on an experiment that it does not have yet. */
export async function addExperimentTags(
  tx: Tx,
  workspace: string,
  id: number,
  tags: readonly KeyValue[],
): Promise<void> {
  await sql`
    insert into experiment_tag (workspace, experiment, key, value)
    select ${workspace}, ${id}, t.key, t.value from unnest(${keys(tags)}::text[], ${values(tags)}::text[]) t (key, value)
    on conflict do nothing`.execute(tx)
}

/** An experiment as its source describes it now: name, life, times and tags. */
export async function overwriteExperiment(
  tx: Tx,
  workspace: string,
  id: number,
  given: { name: string; lifecycle: string; createdMs: number; updatedMs: number; tags: readonly KeyValue[] },
): Promise<void> {
  await sql`
    update experiment set name = ${given.name}, lifecycle = ${given.lifecycle}, created_ms = ${given.createdMs}, updated_ms = ${given.updatedMs},
      deleted_ms = case when ${given.lifecycle} = 'deleted' then coalesce(deleted_ms, (extract(epoch from now()) * 1000)::bigint) end
    where workspace = ${workspace} and id = ${id}`.execute(tx)
  await sql`
    insert into experiment_tag (workspace, experiment, key, value)
    select ${workspace}, ${id}, t.key, t.value from unnest(${keys(given.tags)}::text[], ${values(given.tags)}::text[]) t (key, value)
    on conflict (workspace, experiment, key) do update set value = excluded.value`.execute(tx)
}

/** Writes logged models; one that is here takes the description of its source. */
export async function putLoggedModels(
  tx: Tx,
  workspace: string,
  models: readonly (LoggedModel & { readonly lifecycle: string })[],
): Promise<void> {
  const of = <T>(pick: (model: (typeof models)[number]) => T) => models.map(pick)
  await sql`
    insert into logged_model (workspace, id, experiment, name, artifact_uri, status, model_type, source_run, lifecycle, created_ms, updated_ms, deleted_ms)
    select ${workspace}, m.*, ${deletedNow} from unnest(${of((m) => m.id)}::text[], ${of((m) => m.experiment)}::bigint[], ${of((m) => m.name)}::text[],
      ${of((m) => m.artifactUri)}::text[], ${of((m) => m.status)}::text[], ${of((m) => m.modelType)}::text[], ${of((m) => m.sourceRun)}::text[],
      ${of((m) => m.lifecycle)}::text[], ${of((m) => m.createdMs)}::bigint[], ${of((m) => m.updatedMs)}::bigint[])
      m (id, experiment, name, artifact_uri, status, model_type, source_run, lifecycle, created_ms, updated_ms)
    on conflict (workspace, id) do update set name = excluded.name, status = excluded.status, model_type = excluded.model_type,
      source_run = excluded.source_run, lifecycle = excluded.lifecycle, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
      deleted_ms = case when excluded.lifecycle = 'deleted' then coalesce(logged_model.deleted_ms, excluded.deleted_ms) end`.execute(
    tx,
  )
  await putPairs(tx, workspace, 'logged_model_tag', models, (model) => model.tags)
  await putPairs(tx, workspace, 'logged_model_parameter', models, (model) => model.parameters)
  const metrics = models.flatMap((model) => model.metrics.map((metric) => ({ ...metric, model: model.id })))
  if (metrics.length === 0) return
  await sql`
    insert into logged_model_metric (workspace, model, key, at_ms, step, value, run, dataset_name, dataset_digest)
    select ${workspace}, m.* from unnest(${metrics.map((m) => m.model)}::text[], ${metrics.map((m) => m.key)}::text[],
      ${metrics.map((m) => m.atMs)}::bigint[], ${metrics.map((m) => m.step)}::bigint[], ${metrics.map((m) => m.value)}::double precision[],
      ${metrics.map((m) => m.run)}::text[], ${metrics.map((m) => m.datasetName)}::text[], ${metrics.map((m) => m.datasetDigest)}::text[]) m
    on conflict do nothing`.execute(tx)
}

async function putPairs(
  tx: Tx,
  workspace: string,
  table: 'logged_model_tag' | 'logged_model_parameter',
  models: readonly LoggedModel[],
  pick: (model: LoggedModel) => readonly KeyValue[],
): Promise<void> {
  const rows = models.flatMap((model) => pick(model).map(({ key, value }) => ({ model: model.id, key, value })))
  if (rows.length === 0) return
  await sql`
    insert into ${sql.table(table)} (workspace, model, key, value)
    select ${workspace}, p.* from unnest(${rows.map((row) => row.model)}::text[], ${keys(rows)}::text[], ${values(rows)}::text[]) p
    on conflict (workspace, model, key) do update set value = excluded.value`.execute(tx)
}

function keys(pairs: readonly KeyValue[]): string[] {
  return pairs.map(({ key }) => key)
}

function values(pairs: readonly KeyValue[]): string[] {
  return pairs.map(({ value }) => value)
}
