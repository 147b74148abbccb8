import { type Queryable, sql, type Tx } from '../../platform/index.ts'

export interface WorkspaceRow {
  readonly name: string
  readonly description: string
  readonly createdAt: Date
}

const COLUMNS = sql.raw('name, description, created_at as "createdAt"')

export async function allWorkspaces(db: Queryable): Promise<WorkspaceRow[]> {
  const { rows } = await sql<WorkspaceRow>`select ${COLUMNS} from workspace order by name`.execute(db)
  return rows
}

export async function workspaceByName(db: Queryable, name: string): Promise<WorkspaceRow | null> {
  const { rows } = await sql<WorkspaceRow>`select ${COLUMNS} from workspace where name = ${name}`.execute(db)
  return rows[0] ?? null
}

/** Puts the workspace back that the migration made, and says so to whoever remembers others. */
export async function addDefault(tx: Tx): Promise<void> {
  await sql`insert into workspace (name) values ('default')`.execute(tx)
  await sql`select pg_notify('tidemark_identity', '')`.execute(tx)
}

/** Null when the name is taken. */
export async function addWorkspace(tx: Tx, name: string, description: string): Promise<WorkspaceRow | null> {
  const { rows } = await sql<WorkspaceRow>`
    insert into workspace (name, description) values (${name}, ${description}) on conflict do nothing returning ${COLUMNS}`.execute(
    tx,
  )
  return rows[0] ?? null
}

export async function describeWorkspace(tx: Tx, name: string, description: string): Promise<WorkspaceRow | null> {
  const { rows } = await sql<WorkspaceRow>`
    update workspace set description = ${description} where name = ${name} returning ${COLUMNS}`.execute(tx)
  return rows[0] ?? null
}

/** Removes a workspace with its members; its tokens are void from then on. False when there is none. */
export async function removeWorkspace(tx: Tx, name: string): Promise<boolean> {
  await sql`update service_token set revoked_at = coalesce(revoked_at, now()) where workspace = ${name}`.execute(tx)
  await sql`delete from membership where workspace = ${name}`.execute(tx)
  const { rows } = await sql`delete from workspace where name = ${name} returning name`.execute(tx)
  return rows.length === 1
}

// Who and what happened is no content, and bytes belong to whatever names them.
const NO_CONTENT = ['event', 'blob_grant', 'membership', 'service_token']

/** Tables that hold something of a workspace, with how many rows: found in the database's own catalogue, so that no module is forgotten. */
export async function contentsOf(tx: Tx, workspace: string): Promise<{ table: string; rows: number }[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select c.table_name as name from information_schema.columns c
    join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
    where c.table_schema = current_schema() and c.column_name = 'workspace' and not c.table_name = any (${NO_CONTENT}::text[])
    order by 1`.execute(tx)
  const found: { table: string; rows: number }[] = []
  for (const { name } of tables) {
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from ${sql.table(name)} where workspace = ${workspace}`.execute(tx)
    if (rows[0] && rows[0].n > 0) found.push({ table: name, rows: rows[0].n })
  }
  return found
}
