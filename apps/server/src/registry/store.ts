import type { ActorRef, InputColumn } from '@tidemark/contracts'
import type { ArtifactFile, KeyValue } from '../experiments/index.ts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { AliasChange, ModelVersion, RegisteredModel, Stage } from './types.ts'

export interface ModelRow {
  name: string
  description: string
  created_ms: number
  updated_ms: number
  last_version: number
  tags: KeyValue[]
  aliases: { alias: string; version: number }[]
}

export const MODEL = sql.raw(`m.name, m.description, m.created_ms, m.updated_ms, m.last_version,
  (select coalesce(json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key), '[]')
   from registered_model_tag t where t.workspace = m.workspace and t.model = m.name) as tags,
  (select coalesce(json_agg(json_build_object('alias', a.alias, 'version', a.version) order by a.alias), '[]')
   from model_alias a where a.workspace = m.workspace and a.model = m.name) as aliases`)

export function modelOf(row: ModelRow): RegisteredModel {
  return {
    name: row.name,
    description: row.description,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    lastVersion: row.last_version,
    tags: row.tags,
    aliases: row.aliases,
  }
}

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

export async function modelByName(db: Queryable, workspace: string, name: string): Promise<RegisteredModel | null> {
  const { rows } = await sql<ModelRow>`
    select ${MODEL} from registered_model m where m.workspace = ${workspace} and m.name = ${name} and not m.deleted`.execute(
    db,
  )
  return rows[0] ? modelOf(rows[0]) : null
}

/** False when the name is taken. A deleted model's name may be used again; its versions go on counting. */
export async function addModel(
  tx: Tx,
  workspace: string,
  name: string,
  description: string,
  nowMs: number,
): Promise<boolean> {
  const { rows } = await sql`
    insert into registered_model (workspace, name, description, created_ms, updated_ms)
    values (${workspace}, ${name}, ${description}, ${nowMs}, ${nowMs})
    on conflict (workspace, name) do update
      set description = excluded.description, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms, deleted = false
      where registered_model.deleted
    returning name`.execute(tx)
  return rows.length === 1
}

export async function describeModel(
  tx: Tx,
  workspace: string,
  name: string,
  description: string,
  nowMs: number,
): Promise<void> {
  await sql`
    update registered_model set description = ${description}, updated_ms = ${nowMs} where workspace = ${workspace} and name = ${name}`.execute(
    tx,
  )
}

/** Renames a model with its versions, aliases and their history. False when the new name is or was another's. */
export async function renameModel(
  tx: Tx,
  workspace: string,
  name: string,
  newName: string,
  nowMs: number,
): Promise<boolean> {
  const { rows } = await sql`
    update registered_model set name = ${newName}, updated_ms = ${nowMs} where workspace = ${workspace} and name = ${name}
      and not exists (select 1 from registered_model o where o.workspace = ${workspace} and o.name = ${newName})
    returning name`.execute(tx)
  return rows.length === 1
}

/** Marks a model and its versions as deleted; their rows stay, so that their numbers and files are never taken for others. */
export async function deleteModel(tx: Tx, workspace: string, name: string, nowMs: number): Promise<void> {
  await sql`delete from registered_model_tag where workspace = ${workspace} and model = ${name}`.execute(tx)
  await sql`update model_version set deleted = true, updated_ms = ${nowMs} where workspace = ${workspace} and model = ${name}`.execute(
    tx,
  )
  await sql`update registered_model set deleted = true, updated_ms = ${nowMs} where workspace = ${workspace} and name = ${name}`.execute(
    tx,
  )
}

export async function setModelTag(tx: Queryable, workspace: string, model: string, tag: KeyValue): Promise<void> {
  await sql`
    insert into registered_model_tag (workspace, model, key, value) values (${workspace}, ${model}, ${tag.key}, ${tag.value})
    on conflict (workspace, model, key) do update set value = excluded.value`.execute(tx)
}

export async function removeModelTag(tx: Queryable, workspace: string, model: string, key: string): Promise<void> {
  await sql`delete from registered_model_tag where workspace = ${workspace} and model = ${model} and key = ${key}`.execute(
    tx,
  )
}

/** The next number of a model; its row stays locked to the end of the transaction. Null when there is no such model. */
export async function nextVersion(tx: Tx, workspace: string, model: string, nowMs: number): Promise<number | null> {
  const { rows } = await sql<{ last_version: number }>`
    update registered_model set last_version = last_version + 1, updated_ms = ${nowMs}
    where workspace = ${workspace} and name = ${model} and not deleted returning last_version`.execute(tx)
  return rows[0]?.last_version ?? null
}

export async function addVersion(
  tx: Tx,
  workspace: string,
  version: ModelVersion,
  files: readonly ArtifactFile[],
): Promise<void> {
  await sql`
    insert into model_version (workspace, model, version, description, source, storage_uri, run, logged_model, run_link, user_id,
      created_ms, updated_ms, digest, signature, flavors)
    values (${workspace}, ${version.model}, ${version.version}, ${version.description}, ${version.source}, ${version.storageUri},
      ${version.run}, ${version.loggedModel}, ${version.runLink}, ${version.user}, ${version.createdMs}, ${version.updatedMs},
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
    update model_version set deleted = true, updated_ms = ${nowMs}
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

/** Locks a model, so that changes of one alias come one after the other. */
export async function lockModel(tx: Tx, workspace: string, model: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from registered_model where workspace = ${workspace} and name = ${model} and not deleted for update`.execute(
    tx,
  )
  return rows.length === 1
}

export async function aliasTarget(
  db: Queryable,
  workspace: string,
  model: string,
  alias: string,
): Promise<number | null> {
  const { rows } = await sql<{ version: number }>`
    select version from model_alias where workspace = ${workspace} and model = ${model} and alias = ${alias}`.execute(
    db,
  )
  return rows[0]?.version ?? null
}

/** Points an alias, or removes it with a null version, and writes that into its history. */
export async function moveAlias(
  tx: Tx,
  workspace: string,
  model: string,
  change: { alias: string; version: number | null; previousVersion: number | null; by: ActorRef; at: Date },
): Promise<void> {
  const { alias, version, previousVersion, by, at } = change
  if (version === null) {
    await sql`delete from model_alias where workspace = ${workspace} and model = ${model} and alias = ${alias}`.execute(
      tx,
    )
  } else {
    await sql`
      insert into model_alias (workspace, model, alias, version) values (${workspace}, ${model}, ${alias}, ${version})
      on conflict (workspace, model, alias) do update set version = excluded.version`.execute(tx)
  }
  await sql`
    insert into alias_change (workspace, model, alias, version, previous_version, actor_kind, actor_id, at)
    values (${workspace}, ${model}, ${alias}, ${version}, ${previousVersion}, ${by.kind}, ${by.id}, ${at})`.execute(tx)
}

interface AliasChangeRow {
  alias: string
  version: number | null
  previous_version: number | null
  actor_kind: ActorRef['kind']
  actor_id: string
  at: Date
}

/** Changes of a model's aliases, the newest first; of one alias and up to an instant when that is asked. */
export async function aliasHistory(
  db: Queryable,
  workspace: string,
  model: string,
  question: { alias?: string; until?: Date; limit: number },
): Promise<AliasChange[]> {
  const { rows } = await sql<AliasChangeRow>`
    select alias, version, previous_version, actor_kind, actor_id, at from alias_change
    where workspace = ${workspace} and model = ${model}
      ${question.alias === undefined ? sql`` : sql`and alias = ${question.alias}`}
      ${question.until === undefined ? sql`` : sql`and at <= ${question.until}`}
    order by position desc limit ${question.limit}`.execute(db)
  return rows.map((row) => ({
    alias: row.alias,
    version: row.version,
    previousVersion: row.previous_version,
    by: { kind: row.actor_kind, id: row.actor_id },
    at: row.at,
  }))
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
