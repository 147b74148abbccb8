import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { StoredApproval, StoredWaiver } from './types.ts'

const APPROVAL = sql.raw(`workspace, id, model, version, endpoint, policy, state, waiver,
  case when actor_kind is null then null else json_build_object('kind', actor_kind, 'id', actor_id) end as by, reason, cause,
  last_event as "lastEvent", correlation, requested_at as "requestedAt", decided_at as "decidedAt"`)

/** Adds an approval. @returns false when the same event asked for one before. */
export async function insertApproval(tx: Tx, approval: StoredApproval): Promise<boolean> {
  const a = approval
  const { rows } = await sql`
    insert into approval (workspace, id, model, version, endpoint, policy, state, waiver, actor_kind, actor_id, reason, cause, last_event,
      correlation, requested_at, decided_at)
    values (${a.workspace}, ${a.id}, ${a.model}, ${a.version}, ${a.endpoint}, ${a.policy}, ${a.state}, ${a.waiver}, ${a.by?.kind ?? null},
      ${a.by?.id ?? null}, ${a.reason}, ${a.cause}, ${a.lastEvent}, ${a.correlation}, ${a.requestedAt}, ${a.decidedAt})
    on conflict (workspace, cause) do nothing returning id`.execute(tx)
  return rows.length === 1
}

/** Writes an approval's state and who decided it. */
export async function saveApproval(tx: Tx, approval: StoredApproval): Promise<void> {
  const a = approval
  await sql`
    update approval set state = ${a.state}, actor_kind = ${a.by?.kind ?? null}, actor_id = ${a.by?.id ?? null}, reason = ${a.reason},
      last_event = ${a.lastEvent}, decided_at = ${a.decidedAt}
    where workspace = ${a.workspace} and id = ${a.id}`.execute(tx)
}

/** An approval, locked until the transaction ends; null when there is none of that id. */
export async function lockApproval(tx: Tx, workspace: string, id: string): Promise<StoredApproval | null> {
  const { rows } =
    await sql<StoredApproval>`select ${APPROVAL} from approval where workspace = ${workspace} and id = ${id} for update`.execute(
      tx,
    )
  return rows[0] ?? null
}

/** Approvals, newest first. */
export async function approvalsOf(
  db: Queryable,
  workspace: string,
  question: { state?: string | undefined; endpoint?: string | undefined; limit: number },
): Promise<StoredApproval[]> {
  const { state, endpoint, limit } = question
  const { rows } = await sql<StoredApproval>`
    select ${APPROVAL} from approval where workspace = ${workspace}
      ${state === undefined ? sql`` : sql`and state = ${state}`}
      ${endpoint === undefined ? sql`` : sql`and endpoint = ${endpoint}`}
    order by requested_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

const WAIVER = sql.raw(`workspace, id, model, version, endpoint, evaluation, gates, reason,
  json_build_object('kind', actor_kind, 'id', actor_id) as by, recorded_at as "recordedAt"`)

export async function insertWaiver(tx: Tx, waiver: StoredWaiver): Promise<void> {
  const w = waiver
  await sql`
    insert into waiver (workspace, id, model, version, endpoint, evaluation, gates, reason, actor_kind, actor_id, recorded_at)
    values (${w.workspace}, ${w.id}, ${w.model}, ${w.version}, ${w.endpoint}, ${w.evaluation}, ${w.gates}::text[], ${w.reason}, ${w.by.kind},
      ${w.by.id}, ${w.recordedAt})`.execute(tx)
}

/** Waivers, newest first. */
export async function waiversOf(
  db: Queryable,
  workspace: string,
  question: { endpoint?: string | undefined; limit: number },
): Promise<StoredWaiver[]> {
  const { endpoint, limit } = question
  const { rows } = await sql<StoredWaiver>`
    select ${WAIVER} from waiver where workspace = ${workspace} ${endpoint === undefined ? sql`` : sql`and endpoint = ${endpoint}`}
    order by recorded_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/** Things that events are about, by their subjects, or one that they name in their payload. */
type About =
  | { subjects: readonly string[] }
  | { payload: 'evaluation' | 'approval' | 'waiver' | 'decision'; id: string }

/** The latest event about a thing; for an evaluation, the event that its gates ended with. */
export async function latestEventAbout(db: Queryable, workspace: string, about: About): Promise<string | null> {
  const { rows } = await latestEventQuery(workspace, about).execute(db)
  return rows[0]?.id ?? null
}

/** The question of `latestEventAbout`, for the database to explain. */
export function latestEventQuery(workspace: string, about: About) {
  return sql<{ id: string }>`
    select id from event where workspace = ${workspace}
      and ${
        'subjects' in about
          ? sql`subject = any(${about.subjects}::text[])`
          : // Literal, not a parameter: an index on the expression is used only then.
            sql`payload ->> ${sql.lit(about.payload)} = ${about.id}`
      }
    order by position desc limit 1`
}

/** How many events there are, over all workspaces. */
export async function eventCount(db: Queryable): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from event`.execute(db)
  return rows[0]?.count ?? 0
}

/** The latest event of these types about a version, on an endpoint or on any. */
export async function eventThatPutInPlace(
  db: Queryable,
  workspace: string,
  question: { model: string; version: number; endpoint: string | null; types: readonly string[] },
): Promise<string | null> {
  const { model, version, endpoint, types } = question
  const { rows } = await sql<{ id: string }>`
    select id from event where workspace = ${workspace} and type = any(${types}::text[])
      and payload ->> 'model' = ${model} and (payload ->> 'version')::int = ${version}
      ${endpoint === null ? sql`` : sql`and payload ->> 'endpoint' = ${endpoint}`}
    order by position desc limit 1`.execute(db)
  return rows[0]?.id ?? null
}
