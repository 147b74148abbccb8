import { pathOfUri } from '@tidemark/mlflow-protocol'
import { type Queryable, sql, type Tx } from '../platform/index.ts'

/** A version by its name, and what it comes from; empty texts: not known. */
export interface Origin {
  readonly model: string
  readonly version: number
  readonly run: string
  readonly loggedModel: string
}

/** Versions that are not deleted and come from one of these runs or logged models. */
export async function versionsFrom(
  db: Queryable,
  workspace: string,
  from: { readonly runs: readonly string[]; readonly models: readonly string[] },
): Promise<Origin[]> {
  const { rows } = await sql<Origin>`
    select model, version, run, logged_model as "loggedModel" from model_version
    where workspace = ${workspace} and not deleted
      and ((run = any (${from.runs}::text[]) and run <> '') or (logged_model = any (${from.models}::text[]) and logged_model <> ''))
    order by model, version`.execute(db)
  return rows
}

/** What all versions that are not deleted come from. */
export async function heldSources(db: Queryable, workspace: string): Promise<{ runs: string[]; models: string[] }> {
  const { rows } = await sql<{ run: string; model: string }>`
    select distinct run, logged_model as model from model_version where workspace = ${workspace} and not deleted`.execute(
    db,
  )
  const named = (name: string) => name !== ''
  return { runs: rows.map(({ run }) => run).filter(named), models: rows.map(({ model }) => model).filter(named) }
}

export interface DueVersion {
  readonly model: string
  readonly version: number
}

/** A batch of deleted versions that are due and that no endpoint serves; they stay locked. */
export async function dueVersions(
  tx: Queryable,
  workspace: string,
  untilMs: number,
  served: readonly DueVersion[],
  limit: number,
): Promise<DueVersion[]> {
  const { rows } = await sql<DueVersion>`
    select v.model, v.version from model_version v
    where v.workspace = ${workspace} and v.deleted and v.deleted_ms <= ${untilMs}
      and not exists (
        select from unnest(${served.map(({ model }) => model)}::text[], ${served.map(({ version }) => version)}::int[]) s (model, version)
        where s.model = v.model and s.version = v.version)
    order by v.model, v.version limit ${limit} for update`.execute(tx)
  return rows
}

/** Deletes versions with their tags and lists of files. @returns folders of files that no version has any more. */
export async function dropVersions(tx: Tx, workspace: string, versions: readonly DueVersion[]): Promise<string[]> {
  const models = versions.map(({ model }) => model)
  const numbers = versions.map(({ version }) => version)
  const these = sql`(t.model, t.version) in (select * from unnest(${models}::text[], ${numbers}::int[]))`
  for (const table of ['version_file', 'model_version_tag'])
    await sql`delete from ${sql.raw(table)} t where t.workspace = ${workspace} and ${these}`.execute(tx)
  const { rows } = await sql<{ uri: string }>`
    delete from model_version t where t.workspace = ${workspace} and ${these} returning t.storage_uri as uri`.execute(
    tx,
  )
  const { rows: kept } = await sql<{ uri: string }>`
    select storage_uri as uri from model_version where workspace = ${workspace} and storage_uri = any (${rows.map(({ uri }) => uri)}::text[])`.execute(
    tx,
  )
  const used = new Set(kept.map(({ uri }) => uri))
  return rows.flatMap(({ uri }) => (used.has(uri) ? [] : (pathOfUri(uri) ?? [])))
}

/**
 * Empties deleted models that are due and have no version left. The row stays with its last number alone: should the name be used again, no
 * version gets a number that meant other bytes, and the history of the aliases keeps what it speaks of.
 */
export async function emptyModels(tx: Queryable, workspace: string, untilMs: number): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    update registered_model m set description = '', deleted_ms = null
    where m.workspace = ${workspace} and m.deleted and m.deleted_ms <= ${untilMs}
      and not exists (select from model_version v where v.workspace = m.workspace and v.model = m.name)
    returning m.name`.execute(tx)
  return rows.map(({ name }) => name)
}

/** How many deleted versions and models are due. */
export async function countDue(
  db: Queryable,
  workspace: string,
  untilMs: number,
): Promise<{ versions: number; models: number }> {
  const { rows } = await sql<{ versions: number; models: number }>`
    select (select count(*) from model_version where workspace = ${workspace} and deleted and deleted_ms <= ${untilMs}) as versions,
      (select count(*) from registered_model where workspace = ${workspace} and deleted and deleted_ms <= ${untilMs}) as models`.execute(
    db,
  )
  return rows[0] ?? { versions: 0, models: 0 }
}
