import { selfAndAncestors } from '@tidemark/mlflow-protocol'
import { type Blob, type Queryable, sql, type Tx } from '../platform/index.ts'
import type { ArtifactFile, FolderEntry } from './types.ts'

/** The first and the last path below a folder: "0" is the character after "/". */
function range(folder: string) {
  return sql`path > ${`${folder}/`} and path < ${`${folder}0`}`
}

const below = (folder: string) => (folder === '' ? sql`true` : range(folder))

/**
 * Keeps writers and registrations of one run or logged model apart until the end of the transaction: a file is either in a version's list or
 * comes after it and is refused.
 */
export async function lockTree(tx: Tx, workspace: string, path: string, mode: 'write' | 'freeze'): Promise<void> {
  const owner = path.split('/').slice(0, 3).join('/')
  const lock = sql.raw(mode === 'write' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock')
  // A folder above the third level is locked by each level, in this order, so that a registration of a whole run meets a write deep inside it.
  const names = selfAndAncestors(owner).map((level) => `artifact:${workspace}:${level}`)
  await sql`select ${lock}(hashtextextended(name, 0)) from unnest(${names}::text[]) name`.execute(tx)
}

/** Why nothing may change at this path or (for a folder) below it; null when it may. */
export async function frozenBecause(db: Queryable, workspace: string, path: string): Promise<string | null> {
  const { rows } = await sql<{ reason: string }>`${frozenAt(workspace, path)}`.execute(db)
  return rows[0]?.reason ?? null
}

function frozenAt(workspace: string, path: string) {
  return sql`
    select reason from frozen_folder where workspace = ${workspace} and (path = any (${selfAndAncestors(path)}::text[]) or ${range(path)}) limit 1`
}

/** Lets nothing below a folder change any more, for the reason given. */
export async function freezeFolder(tx: Tx, workspace: string, folder: string, reason: string): Promise<void> {
  await sql`insert into frozen_folder (workspace, path, reason) values (${workspace}, ${folder}, ${reason}) on conflict do nothing`.execute(
    tx,
  )
}

/** What keeps a file from being written at a path: `frozen`, why nothing may change there, or `taken`, a file or folder in its way. */
export async function obstacles(
  db: Queryable,
  workspace: string,
  path: string,
): Promise<{ readonly frozen: string | null; readonly taken: boolean }> {
  const parents = selfAndAncestors(path).slice(0, -1)
  const { rows } = await sql<{ frozen: string | null; taken: boolean }>`
    select (${frozenAt(workspace, path)}) as frozen, exists (
      select 1 from artifact where workspace = ${workspace} and (path = any (${parents}::text[]) or ${range(path)})
    ) as taken`.execute(db)
  return rows[0] ?? { frozen: null, taken: false }
}

/** Names a blob in the artifact tree, over what had that path before. */
export async function putFile(tx: Tx, workspace: string, path: string, blob: Blob): Promise<void> {
  await sql`
    insert into artifact (workspace, path, digest, bytes) values (${workspace}, ${path}, ${blob.digest}, ${blob.bytes})
    on conflict (workspace, path) do update set digest = excluded.digest, bytes = excluded.bytes, written_at = now()`.execute(
    tx,
  )
}

/** The file at a path; null when there is none. */
export async function fileAt(db: Queryable, workspace: string, path: string): Promise<ArtifactFile | null> {
  const { rows } = await sql<ArtifactFile>`
    select path, digest, bytes from artifact where workspace = ${workspace} and path = ${path}`.execute(db)
  return rows[0] ?? null
}

/** All files below a folder, with paths relative to it. */
export async function filesBelow(db: Queryable, workspace: string, folder: string): Promise<ArtifactFile[]> {
  const { rows } = await sql<ArtifactFile>`
    select path, digest, bytes from artifact where workspace = ${workspace} and ${below(folder)} order by path`.execute(
    db,
  )
  const skip = folder === '' ? 0 : folder.length + 1
  return rows.map((row) => ({ ...row, path: row.path.slice(skip) }))
}

/** What lies directly in a folder, by name. */
export async function entriesOf(db: Queryable, workspace: string, folder: string): Promise<FolderEntry[]> {
  const skip = folder === '' ? 1 : folder.length + 2
  const { rows } = await sql<{ name: string; is_folder: boolean; bytes: number }>`
    select split_part(rest, '/', 1) as name, bool_or(strpos(rest, '/') > 0) as is_folder, max(bytes) as bytes
    from (select substr(path, ${skip}) as rest, bytes from artifact where workspace = ${workspace} and ${below(folder)}) a
    group by 1 order by 1`.execute(db)
  return rows.map(
    (row): FolderEntry =>
      row.is_folder ? { kind: 'folder', name: row.name } : { kind: 'file', name: row.name, bytes: row.bytes },
  )
}

/** Removes a file, or a folder with all below it. @returns how many files that were. */
export async function removeTree(tx: Tx, workspace: string, path: string): Promise<number> {
  const { rows } = await sql`
    delete from artifact where workspace = ${workspace} and (path = ${path} or ${range(path)}) returning path`.execute(
    tx,
  )
  return rows.length
}
