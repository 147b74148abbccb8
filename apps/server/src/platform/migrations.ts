import { type Db, sql } from './db.ts'
import { DatabaseNewer } from './errors.ts'

/** A step of the schema, forward only. Ids sort in the order of application: `0003-registry`. */
export interface Migration {
  readonly id: string
  readonly sql: string
}

// Any constant does: it only has to be the same in every server that may start at the same time.
const LOCK = 7_301_553

/**
 * Brings the schema up to date, each migration in its own transaction, one server at a time.
 * @returns ids that were applied now.
 * @throws DatabaseNewer when the database has a migration that this release does not know.
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<string[]> {
  return db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${LOCK})`.execute(connection)
    try {
      await sql`create table if not exists schema_migration (id text primary key, applied_at timestamptz not null default now())`.execute(
        connection,
      )
      const { rows } = await sql<{ id: string }>`select id from schema_migration order by id`.execute(connection)
      const done = new Set(rows.map((row) => row.id))
      const known = new Set(migrations.map((migration) => migration.id))
      const stranger = rows.find((row) => !known.has(row.id))
      if (stranger) throw DatabaseNewer(stranger.id)
      const missing = migrations.filter((migration) => !done.has(migration.id))
      for (const migration of missing) {
        await connection.transaction().execute(async (tx) => {
          // Only the last waits for the disk, and with it all before it: a start after a crash in between finds some of them applied, in order.
          if (migration !== missing.at(-1)) await sql`set local synchronous_commit = off`.execute(tx)
          await sql.raw(migration.sql).execute(tx)
          await sql`insert into schema_migration (id) values (${migration.id})`.execute(tx)
        })
      }
      return missing.map((migration) => migration.id)
    } finally {
      await sql`select pg_advisory_unlock(${LOCK})`.execute(connection)
    }
  })
}
