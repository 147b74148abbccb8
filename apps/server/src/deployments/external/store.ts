import { RolloutPolicy } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'

/** A rollout that somebody else's mesh carries out, as it is stored. */
export interface ExternalRollout {
  readonly workspace: string
  readonly id: string
  readonly name: string
  readonly policy: RolloutPolicy
  readonly state: 'open' | 'ended'
  readonly verdict: 'promote' | 'roll_back' | 'hold'
  readonly reason: string
  readonly createdAt: Date
  readonly endedAt: Date | null
}

/** The same, with how many requests were reported so far. */
export interface SeenExternal extends ExternalRollout {
  readonly requests: number
}

const COLUMNS = sql.raw(
  `workspace, id, name, policy, state, verdict, reason, created_at as "createdAt", ended_at as "endedAt",
  coalesce((select (seen.state ->> 'requests')::int from rollout_evidence seen
    where seen.workspace = evidence_rollout.workspace and seen.rollout = evidence_rollout.id), 0) as requests`,
)

function rolloutOf(row: SeenExternal): SeenExternal {
  return { ...row, policy: RolloutPolicy.parse(row.policy) }
}

/** Adds a rollout to judge. */
export async function insertExternal(tx: Tx, rollout: ExternalRollout): Promise<void> {
  const { workspace, id, name, policy, state, verdict, reason, createdAt } = rollout
  await sql`
    insert into evidence_rollout (workspace, id, name, policy, state, verdict, reason, created_at)
    values (${workspace}, ${id}, ${name}, ${JSON.stringify(policy)}::jsonb, ${state}, ${verdict}, ${reason}, ${createdAt})`.execute(
    tx,
  )
}

/** A rollout that is judged here; null when there is none of that id. */
export async function externalById(db: Queryable, workspace: string, id: string): Promise<SeenExternal | null> {
  const { rows } = await sql<SeenExternal>`
    select ${COLUMNS} from evidence_rollout where workspace = ${workspace} and id = ${id}`.execute(db)
  return rows[0] ? rolloutOf(rows[0]) : null
}

/** The same, locked: one report at a time. */
export async function lockExternal(tx: Tx, workspace: string, id: string): Promise<SeenExternal | null> {
  const { rows } = await sql<SeenExternal>`
    select ${COLUMNS} from evidence_rollout where workspace = ${workspace} and id = ${id} for update`.execute(tx)
  return rows[0] ? rolloutOf(rows[0]) : null
}

/** Newest first. */
export async function externalsOf(db: Queryable, workspace: string, limit: number): Promise<SeenExternal[]> {
  const { rows } = await sql<SeenExternal>`
    select ${COLUMNS} from evidence_rollout where workspace = ${workspace} order by created_at desc, id desc limit ${limit}`.execute(
    db,
  )
  return rows.map(rolloutOf)
}

/** Writes what may change. */
export async function saveExternal(tx: Tx, rollout: ExternalRollout): Promise<void> {
  const { workspace, id, state, verdict, reason, endedAt } = rollout
  await sql`update evidence_rollout set state = ${state}, verdict = ${verdict}, reason = ${reason}, ended_at = ${endedAt}
    where workspace = ${workspace} and id = ${id}`.execute(tx)
}

/** Notes a report. @returns false when it was counted before. */
export async function insertReport(
  tx: Tx,
  report: { workspace: string; rollout: string; report: string; at: Date },
): Promise<boolean> {
  const { rows } = await sql`
    insert into evidence_report (workspace, rollout, report, at)
    values (${report.workspace}, ${report.rollout}, ${report.report}, ${report.at}) on conflict do nothing returning 1`.execute(
    tx,
  )
  return rows.length === 1
}

/** Forgets which reports were counted: an ended rollout takes none. */
export async function forgetReports(tx: Tx, workspace: string, rollout: string): Promise<void> {
  await sql`delete from evidence_report where workspace = ${workspace} and rollout = ${rollout}`.execute(tx)
}
