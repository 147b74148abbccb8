import type { InputColumn } from '@tidemark/contracts'
import type { ArtifactFile, KeyValue } from '../experiments/index.ts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { ModelVersion, Stage } from './types.ts'

export interface VersionRow {
  model: string
  version: number
  description: string
  source: string
  storage_uri: string
  run: string
  logged_model: string
  run_link: string
  stage: Stage
  user_id: string
  created_ms: number
  updated_ms: number
  digest: string | null
  signature: InputColumn[] | null
  flavors: string[]
  tags: KeyValue[]
  aliases: string[]
}

export const VERSION =
  sql.raw(`v.model, v.version, v.description, v.source, v.storage_uri, v.run, v.logged_model, v.run_link, v.stage,
  v.user_id, v.created_ms, v.updated_ms, v.digest, v.signature, v.flavors,
  (select coalesce(json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key), '[]')
   from model_version_tag t where t.workspace = v.workspace and t.model = v.model and t.version = v.version) as tags,
  array(select a.alias from model_alias a where a.workspace = v.workspace and a.model = v.model and a.version = v.version
   order by a.alias) as aliases`)

export function versionOf(row: VersionRow): ModelVersion {
  return {
    model: row.model,
    version: row.version,
    description: row.description,
    source: row.source,
    storageUri: row.storage_uri,
    run: row.run,
    loggedModel: row.logged_model,
    runLink: row.run_link,
    stage: row.stage,
    user: row.user_id,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    tags: row.tags,
    aliases: row.aliases,
    digest: row.digest,
    signature: row.signature,
    flavors: row.flavors,
  }
}

/** The next number of a model; its row stays locked to the end of the transaction. Null when there is no such model. */
export async function nextVersion(tx: Tx, workspace: string, model: string, nowMs: number): Promise<number | null> {
  const { rows } = await sql<{ last_version: number }>`
    update registered_model set last_version = last_version + 1, updated_ms = ${nowMs}
    where workspace = ${workspace} and name = ${model} and not deleted returning last_version`.execute(tx)
  return rows[0]?.last_version ?? null
}

/** The version that this user made of this source before; `tx` keeps others from making one until it ends. */
export async function versionMadeBefore(
  tx: Tx,
  workspace: string,
  made: { readonly model: string; readonly source: string; readonly user: string },
): Promise<number | null> {
  await sql`select 1 from registered_model where workspace = ${workspace} and name = ${made.model} for update`.execute(
    tx,
  )
  const { rows } = await sql<{ version: number }>`
    select version from model_version
    where workspace = ${workspace} and model = ${made.model} and source = ${made.source} and user_id = ${made.user} and not deleted
    order by version limit 1`.execute(tx)
  return rows[0]?.version ?? null
}

export async function addVersion(
  tx: Tx,
  workspace: string,
  version: ModelVersion,
  files: readonly ArtifactFile[],
): Promise<void> {
  await sql`
    insert into model_version (workspace, model, version, description, source, storage_uri, run, logged_model, run_link, stage, user_id,
      created_ms, updated_ms, digest, signature, flavors)
    values (${workspace}, ${version.model}, ${version.version}, ${version.description}, ${version.source}, ${version.storageUri},
      ${version.run}, ${version.loggedModel}, ${version.runLink}, ${version.stage}, ${version.user}, ${version.createdMs}, ${version.updatedMs},
      ${version.digest}, ${version.signature === null ? null : JSON.stringify(version.signature)}::jsonb, ${version.flavors}::text[])`.execute(
    tx,
  )
  await sql`
    insert into version_file (workspace, model, version, path, digest, bytes)
    select ${workspace}, ${version.model}, ${version.version}, f.path, f.digest, f.bytes
    from unnest(${files.map((f) => f.path)}::text[], ${files.map((f) => f.digest)}::text[], ${files.map((f) => f.bytes)}::bigint[])
      f (path, digest, bytes)`.execute(tx)
  for (const tag of version.tags) await setVersionTag(tx, workspace, version.model, version.version, tag)
}

export async function versionByNumber(
  db: Queryable,
  workspace: string,
  model: string,
  version: number,
): Promise<ModelVersion | null> {
  const { rows } = await sql<VersionRow>`
    select ${VERSION} from model_version v
    where v.workspace = ${workspace} and v.model = ${model} and v.version = ${version} and not v.deleted`.execute(db)
  return rows[0] ? versionOf(rows[0]) : null
}

/** Versions of a model, the newest first. */
export async function versionsOfModel(db: Queryable, workspace: string, model: string): Promise<ModelVersion[]> {
  const { rows } = await sql<VersionRow>`
    select ${VERSION} from model_version v where v.workspace = ${workspace} and v.model = ${model} and not v.deleted
    order by v.version desc`.execute(db)
  return rows.map(versionOf)
}

/** The newest version of each stage, of each of these models. */
export async function latestVersions(
  db: Queryable,
  workspace: string,
  models: readonly string[],
): Promise<ModelVersion[]> {
  const { rows } = await sql<VersionRow>`
    select ${VERSION} from model_version v
    where v.workspace = ${workspace} and v.model = any (${models}::text[]) and not v.deleted
      and v.version = (select max(o.version) from model_version o
        where o.workspace = v.workspace and o.model = v.model and o.stage = v.stage and not o.deleted)
    order by v.model, v.version`.execute(db)
  return rows.map(versionOf)
}

export async function countVersions(db: Queryable, workspace: string): Promise<Map<string, number>> {
  const { rows } = await sql<{ model: string; count: number }>`
    select model, count(*) as count from model_version where workspace = ${workspace} and not deleted group by model`.execute(
    db,
  )
  return new Map(rows.map((row) => [row.model, row.count]))
}

export async function versionsOfRun(
  db: Queryable,
  workspace: string,
  run: string,
): Promise<{ model: string; version: number }[]> {
  const { rows } = await sql<{ model: string; version: number }>`
    select model, version from model_version where workspace = ${workspace} and run = ${run} and not deleted order by model, version`.execute(
    db,
  )
  return rows
}

/** The files of a version, by path. They are those of its registration, also when it was deleted since. */
export async function filesOfVersion(
  db: Queryable,
  workspace: string,
  model: string,
  version: number,
): Promise<ArtifactFile[]> {
  const { rows } = await sql<ArtifactFile>`
    select path, digest, bytes from version_file where workspace = ${workspace} and model = ${model} and version = ${version}
    order by path`.execute(db)
  return rows
}

export async function changeVersion(
  tx: Tx,
  workspace: string,
  model: string,
  version: number,
  change: { description?: string; stage?: Stage },
  nowMs: number,
): Promise<void> {
  await sql`
    update model_version set description = coalesce(${change.description ?? null}::text, description),
      stage = coalesce(${change.stage ?? null}::text, stage), updated_ms = ${nowMs}
    where workspace = ${workspace} and model = ${model} and version = ${version}`.execute(tx)
}

/** Archives all other versions of a stage. */
export async function archiveOthers(
  tx: Tx,
  workspace: string,
  model: string,
  version: number,
  stage: Stage,
  nowMs: number,
): Promise<void> {
  await sql`
    update model_version set stage = 'Archived', updated_ms = ${nowMs}
    where workspace = ${workspace} and model = ${model} and version <> ${version} and stage = ${stage} and not deleted`.execute(
    tx,
  )
}

export async function deleteVersion(
  tx: Tx,
  workspace: string,
  model: string,
  version: number,
  nowMs: number,
): Promise<void> {
  await sql`
    update model_version set deleted = true, updated_ms = ${nowMs}, deleted_ms = ${nowMs}
    where workspace = ${workspace} and model = ${model} and version = ${version}`.execute(tx)
}

export async function setVersionTag(
  tx: Queryable,
  workspace: string,
  model: string,
  version: number,
  tag: KeyValue,
): Promise<void> {
  await sql`
    insert into model_version_tag (workspace, model, version, key, value)
    values (${workspace}, ${model}, ${version}, ${tag.key}, ${tag.value})
    on conflict (workspace, model, version, key) do update set value = excluded.value`.execute(tx)
}

export async function removeVersionTag(
  tx: Queryable,
  workspace: string,
  model: string,
  version: number,
  key: string,
): Promise<void> {
  await sql`
    delete from model_version_tag where workspace = ${workspace} and model = ${model} and version = ${version} and key = ${key}`.execute(
    tx,
  )
}

/** False when this pipeline run's candidate was registered before. */
export async function addCandidate(
  tx: Tx,
  workspace: string,
  candidate: { pipelineRun: string; model: string; version: number; endpoint: string },
): Promise<boolean> {
  const { rows } = await sql`
    insert into candidate (workspace, pipeline_run, model, version, endpoint)
    values (${workspace}, ${candidate.pipelineRun}, ${candidate.model}, ${candidate.version}, ${candidate.endpoint})
    on conflict do nothing returning model`.execute(tx)
  return rows.length === 1
}
