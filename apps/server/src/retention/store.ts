import { type Queryable, sql } from '../platform/index.ts'

export interface Policy {
  readonly workspace: string
  readonly olderThanDays: number
  readonly lastRunAt: Date | null
}

const COLUMNS = sql.raw('workspace, older_than_days as "olderThanDays", last_run_at as "lastRunAt"')

export async function policyOf(db: Queryable, workspace: string): Promise<Policy | null> {
  const { rows } = await sql<Policy>`select ${COLUMNS} from retention_policy where workspace = ${workspace}`.execute(db)
  return rows[0] ?? null
}

export async function policies(db: Queryable): Promise<Policy[]> {
  const { rows } = await sql<Policy>`select ${COLUMNS} from retention_policy order by workspace`.execute(db)
  return rows
}

/** Sets after how many days what is deleted goes for good; null: never. */
export async function setPolicy(tx: Queryable, workspace: string, olderThanDays: number | null): Promise<void> {
  if (olderThanDays === null) await sql`delete from retention_policy where workspace = ${workspace}`.execute(tx)
  else
    await sql`
      insert into retention_policy (workspace, older_than_days) values (${workspace}, ${olderThanDays})
      on conflict (workspace) do update set older_than_days = excluded.older_than_days`.execute(tx)
}

export async function noteRun(db: Queryable, workspace: string, at: Date): Promise<void> {
  await sql`update retention_policy set last_run_at = ${at} where workspace = ${workspace}`.execute(db)
}
