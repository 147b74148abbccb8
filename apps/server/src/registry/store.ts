import type { ActorRef } from '@tidemark/contracts'
import type { KeyValue } from '../experiments/index.ts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { AliasChange, RegisteredModel } from './types.ts'

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
      set description = excluded.description, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms, deleted = false, deleted_ms = null
      where registered_model.deleted
    returning name`.execute(tx)
  return rows.length === 1
}

/** Notes that a model changed by what happened to one of its versions. */
export async function touchModel(tx: Tx, workspace: string, name: string, nowMs: number): Promise<void> {
  await sql`update registered_model set updated_ms = ${nowMs} where workspace = ${workspace} and name = ${name}`.execute(
    tx,
  )
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
  await sql`update model_version set deleted = true, updated_ms = ${nowMs}, deleted_ms = coalesce(deleted_ms, ${nowMs}) where workspace = ${workspace} and model = ${name}`.execute(
    tx,
  )
  await sql`update registered_model set deleted = true, updated_ms = ${nowMs}, deleted_ms = ${nowMs} where workspace = ${workspace} and name = ${name}`.execute(
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
