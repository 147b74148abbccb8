import type { ArtifactFile, KeyValue } from '../experiments/index.ts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { ModelVersion, Stage } from './types.ts'

export interface ModelHead {
  readonly name: string
  readonly description: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly lastVersion: number
}

/** Locks a registered model, also a deleted one. Null when there never was one of that name. */
export async function lockAnyModel(tx: Tx, workspace: string, name: string): Promise<{ deleted: boolean } | null> {
  const { rows } = await sql<{ deleted: boolean }>`
    select deleted from registered_model where workspace = ${workspace} and name = ${name} for update`.execute(tx)
  return rows[0] ?? null
}

/** Adds a registered model with the times of its source. False when somebody else added it just now. */
export async function addModelAsIs(tx: Tx, workspace: string, model: ModelHead): Promise<boolean> {
  const { rows } = await sql`
    insert into registered_model (workspace, name, description, created_ms, updated_ms, last_version)
    values (${workspace}, ${model.name}, ${model.description}, ${model.createdMs}, ${model.updatedMs}, ${model.lastVersion})
    on conflict do nothing returning name`.execute(tx)
  return rows.length === 1
}

export async function overwriteModel(tx: Tx, workspace: string, model: ModelHead): Promise<void> {
  await sql`
    update registered_model set description = ${model.description}, created_ms = ${model.createdMs}, updated_ms = ${model.updatedMs}
    where workspace = ${workspace} and name = ${model.name}`.execute(tx)
}

/** The number after which this model's versions go on counting: never less than one that was given at the source. */
export async function countFrom(tx: Tx, workspace: string, name: string, lastVersion: number): Promise<void> {
  await sql`
    update registered_model set last_version = greatest(last_version, ${lastVersion})
    where workspace = ${workspace} and name = ${name}`.execute(tx)
}

/** Puts tags on a model that it does not have yet. */
export async function addModelTags(tx: Tx, workspace: string, model: string, tags: readonly KeyValue[]): Promise<void> {
  await sql`
    insert into registered_model_tag (workspace, model, key, value)
    select ${workspace}, ${model}, t.key, t.value
    from unnest(${tags.map((tag) => tag.key)}::text[], ${tags.map((tag) => tag.value)}::text[]) t (key, value)
    on conflict do nothing`.execute(tx)
}

export interface VersionHere {
  readonly version: number
  readonly createdMs: number
  readonly run: string
  readonly deleted: boolean
  /** Null while it has no files. */
  readonly digest: string | null
}

/** All versions of a model, deleted ones too, by number. */
export async function allVersions(db: Queryable, workspace: string, model: string): Promise<Map<number, VersionHere>> {
  const { rows } = await sql<{
    version: number
    created_ms: number
    run: string
    deleted: boolean
    digest: string | null
  }>`
    select version, created_ms, run, deleted, digest from model_version where workspace = ${workspace} and model = ${model}`.execute(
    db,
  )
  return new Map(rows.map(({ created_ms, ...row }) => [row.version, { ...row, createdMs: created_ms }]))
}

/** What may change of a version without its files. */
export async function overwriteVersion(
  tx: Tx,
  workspace: string,
  model: string,
  given: { version: number; description: string; stage: Stage; updatedMs: number },
): Promise<void> {
  await sql`
    update model_version set description = ${given.description}, stage = ${given.stage}, updated_ms = ${given.updatedMs}
    where workspace = ${workspace} and model = ${model} and version = ${given.version}`.execute(tx)
}

/** Who moved an alias last; null when nobody ever did. */
export async function lastMover(
  db: Queryable,
  workspace: string,
  model: string,
  alias: string,
): Promise<{ kind: string; id: string } | null> {
  const { rows } = await sql<{ kind: string; id: string }>`
    select actor_kind as kind, actor_id as id from alias_change
    where workspace = ${workspace} and model = ${model} and alias = ${alias} order by position desc limit 1`.execute(db)
  return rows[0] ?? null
}

/** Gives a version that came without files those that came later; from then on they never change. */
export async function completeVersion(
  tx: Tx,
  workspace: string,
  version: Pick<ModelVersion, 'model' | 'version' | 'digest' | 'signature' | 'flavors'>,
  files: readonly ArtifactFile[],
): Promise<void> {
  const { model, version: number, digest, signature, flavors } = version
  await sql`
    update model_version set digest = ${digest}, signature = ${signature === null ? null : JSON.stringify(signature)}::jsonb,
      flavors = ${flavors}::text[]
    where workspace = ${workspace} and model = ${model} and version = ${number} and digest is null`.execute(tx)
  await sql`
    insert into version_file (workspace, model, version, path, digest, bytes)
    select ${workspace}, ${model}, ${number}, f.path, f.digest, f.bytes
    from unnest(${files.map((f) => f.path)}::text[], ${files.map((f) => f.digest)}::text[], ${files.map((f) => f.bytes)}::bigint[])
      f (path, digest, bytes)
    on conflict do nothing`.execute(tx)
}
