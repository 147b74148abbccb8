import {
  type ActorRef,
  type RolloutDecision,
  RolloutPolicy,
  type RolloutStage,
  RolloutState,
} from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { Rollout, Weights } from './types.ts'

type Row = Omit<Rollout, 'policy' | 'ownPolicy' | 'state'> & { policy: unknown; ownPolicy: unknown; state: unknown }

const COLUMNS =
  sql.raw(`workspace, id, endpoint, model, version, champion_version as "championVersion", approval, waiver, policy, own_policy as "ownPolicy", state, tried,
  paused, stage, stage_from as "stageFrom", limits_from as "limitsFrom", reason, next_look as "nextLook", next_look_at as "nextLookAt",
  retry_of as "retryOf", start_reason as "startReason", snapshot_version as "snapshotVersion", confirmed, last_event as "lastEvent", correlation,
  created_at as "createdAt", finished_at as "finishedAt"`)

function rolloutOf(row: Row): Rollout {
  return {
    ...row,
    policy: RolloutPolicy.parse(row.policy),
    ownPolicy: row.ownPolicy === null ? null : RolloutPolicy.parse(row.ownPolicy),
    state: RolloutState.parse(row.state),
  }
}

function json(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value)
}

/** Adds a rollout to its endpoint's queue. @returns false when its approval already has one. */
export async function insertRollout(tx: Tx, rollout: Rollout): Promise<boolean> {
  const r = rollout
  const { rows } = await sql`
    insert into rollout (workspace, id, endpoint, model, version, champion_version, approval, waiver, policy, own_policy, kind, state, tried, paused, stage,
      stage_from, limits_from, reason, next_look, next_look_at, retry_of, start_reason, snapshot_version, confirmed, last_event, correlation,
      created_at, finished_at)
    values (${r.workspace}, ${r.id}, ${r.endpoint}, ${r.model}, ${r.version}, ${r.championVersion}, ${r.approval}, ${r.waiver},
      ${JSON.stringify(r.policy)}::jsonb, ${json(r.ownPolicy)}::jsonb, ${r.state.kind}, ${JSON.stringify(r.state)}::jsonb,
      ${JSON.stringify(r.tried)}::jsonb, ${json(r.paused)}::jsonb, ${r.stage}, ${r.stageFrom}, ${r.limitsFrom}, ${r.reason},
      ${r.nextLook}, ${r.nextLookAt}, ${r.retryOf}, ${r.startReason}, ${r.snapshotVersion}, ${r.confirmed}, ${r.lastEvent}, ${r.correlation}, ${r.createdAt}, ${r.finishedAt})
    on conflict (workspace, approval) do nothing returning id`.execute(tx)
  return rows.length === 1
}

/** Writes what may change of a rollout. */
export async function saveRollout(tx: Tx, rollout: Rollout): Promise<void> {
  const r = rollout
  await sql`
    update rollout set version = ${r.version}, champion_version = ${r.championVersion}, tried = ${JSON.stringify(r.tried)}::jsonb,
      paused = ${json(r.paused)}::jsonb, stage_from = ${r.stageFrom}, limits_from = ${r.limitsFrom}, next_look_at = ${r.nextLookAt}, policy = ${JSON.stringify(r.policy)}::jsonb, kind = ${r.state.kind},
      state = ${JSON.stringify(r.state)}::jsonb, stage = ${r.stage}, reason = ${r.reason}, next_look = ${r.nextLook},
      snapshot_version = ${r.snapshotVersion}, confirmed = ${r.confirmed}, last_event = ${r.lastEvent}, correlation = ${r.correlation},
      finished_at = ${r.finishedAt}
    where workspace = ${r.workspace} and id = ${r.id}`.execute(tx)
}

/** A rollout; null when there is none of that id. */
export async function rolloutById(db: Queryable, workspace: string, id: string): Promise<Rollout | null> {
  const { rows } = await sql<Row>`select ${COLUMNS} from rollout where workspace = ${workspace} and id = ${id}`.execute(
    db,
  )
  return rows[0] ? rolloutOf(rows[0]) : null
}

/** The same, locked until the transaction ends. */
export async function lockRollout(tx: Tx, workspace: string, id: string): Promise<Rollout | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from rollout where workspace = ${workspace} and id = ${id} for update`.execute(tx)
  return rows[0] ? rolloutOf(rows[0]) : null
}

/** Rollouts, newest first. */
export async function rolloutsOf(
  db: Queryable,
  workspace: string,
  question: { endpoint?: string | undefined; limit: number },
): Promise<Rollout[]> {
  const { endpoint, limit } = question
  const { rows } = await sql<Row>`
    select ${COLUMNS} from rollout where workspace = ${workspace} ${endpoint === undefined ? sql`` : sql`and endpoint = ${endpoint}`}
    order by created_at desc, id desc limit ${limit}`.execute(db)
  return rows.map(rolloutOf)
}

/** The rollout that is under way on an endpoint. */
export async function liveRollout(db: Queryable, workspace: string, endpoint: string): Promise<Rollout | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from rollout where workspace = ${workspace} and endpoint = ${endpoint} and kind in ('shadow', 'canary', 'ab')`.execute(
    db,
  )
  return rows[0] ? rolloutOf(rows[0]) : null
}

/** Versions that endpoints serve, or that a rollout tries or waits to try. */
export async function versionsInUse(db: Queryable, workspace: string): Promise<{ model: string; version: number }[]> {
  const { rows } = await sql<{ model: string; version: number }>`
    select model, champion_version as version from endpoint where workspace = ${workspace}
    union select model, version from rollout where workspace = ${workspace} and kind in ('queued', 'shadow', 'canary', 'ab')
    union select model, (tried.value ->> 'version')::int from rollout, jsonb_array_elements(tried) as tried
      where workspace = ${workspace} and kind in ('queued', 'shadow', 'canary', 'ab')
    union select model, champion_version from rollout where workspace = ${workspace} and kind in ('queued', 'shadow', 'canary', 'ab')`.execute(
    db,
  )
  return rows
}

/** A rollout that began: when, by the wall clock, and the α that it was given. */
export interface GivenAlpha {
  readonly rollout: string
  readonly beganAt: number
  readonly alpha: number
  /** Whether its endpoint had a budget for the year when it began. */
  readonly budgeted: boolean
}

/** The rollouts of an endpoint that ever began, the oldest first. */
export async function alphasGiven(db: Queryable, workspace: string, endpoint: string): Promise<GivenAlpha[]> {
  const { rows } = await sql<Omit<GivenAlpha, 'beganAt'> & { began: Date }>`
    select id as rollout, (policy ->> 'alpha')::float8 as alpha, policy ->> 'alphaPerYear' is not null as budgeted,
      coalesce((select min(at) from rollout_stage s where s.workspace = r.workspace and s.rollout = r.id), created_at) as began
    from rollout r where workspace = ${workspace} and endpoint = ${endpoint} and kind not in ('queued', 'dropped')
    order by began, id`.execute(db)
  return rows.map(({ began, ...row }) => ({ ...row, beganAt: began.getTime() }))
}

/** The rollout that has waited longest on an endpoint. */
export async function nextQueued(db: Queryable, workspace: string, endpoint: string): Promise<Rollout | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from rollout where workspace = ${workspace} and endpoint = ${endpoint} and kind = 'queued'
    order by created_at, id limit 1`.execute(db)
  return rows[0] ? rolloutOf(rows[0]) : null
}

/** How many rollouts wait at an endpoint for the one under way. */
export async function queuedCount(db: Queryable, workspace: string, endpoint: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from rollout where workspace = ${workspace} and endpoint = ${endpoint} and kind = 'queued'`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** Whether a change of the endpoint's routing waits for a gateway's word. */
export async function hasUnconfirmed(db: Queryable, workspace: string, endpoint: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from rollout where workspace = ${workspace} and endpoint = ${endpoint} and not confirmed limit 1`.execute(
    db,
  )
  return rows.length > 0
}

/** How many rollouts wait for gateways to confirm, over all workspaces. */
export async function unconfirmedCount(db: Queryable): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from rollout where not confirmed`.execute(db)
  return rows[0]?.count ?? 0
}

/** Rollouts of all workspaces that need attention without new evidence: under way, unconfirmed, or waiting in a queue. */
export async function unsettledRollouts(db: Queryable): Promise<Rollout[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from rollout where kind in ('queued', 'shadow', 'canary', 'ab') or not confirmed order by created_at, id`.execute(
    db,
  )
  return rows.map(rolloutOf)
}

/** Notes that all live gateways serve the rollout's snapshot; nothing when a newer one has replaced it meanwhile. */
export async function markConfirmed(tx: Tx, rollout: Rollout, now: Date): Promise<void> {
  const { workspace, id, snapshotVersion } = rollout
  await sql`
    update rollout set confirmed = true
    where workspace = ${workspace} and id = ${id} and snapshot_version = ${snapshotVersion}`.execute(tx)
  await sql`
    update rollout_stage set confirmed_at = ${now}
    where workspace = ${workspace} and rollout = ${id} and confirmed_at is null and snapshot_version <= ${snapshotVersion}`.execute(
    tx,
  )
}

/** A change of the routing, as the timeline tells it. */
export interface NewStage {
  readonly stage: number
  readonly kind: RolloutStage['kind']
  readonly weights: Weights
  readonly at: Date
  readonly eventTime: Date | null
  readonly snapshotVersion: number
}

/** Adds a change of the routing to the timeline. */
export async function insertStage(tx: Tx, rollout: { workspace: string; id: string }, stage: NewStage): Promise<void> {
  const s = stage
  await sql`
    insert into rollout_stage (workspace, rollout, stage, kind, weights, at, event_time, snapshot_version)
    values (${rollout.workspace}, ${rollout.id}, ${s.stage}, ${s.kind}, ${JSON.stringify(s.weights)}::jsonb, ${s.at}, ${s.eventTime},
      ${s.snapshotVersion})`.execute(tx)
}

/** The timeline of a rollout, oldest first. */
export async function stagesOf(db: Queryable, workspace: string, rollout: string): Promise<RolloutStage[]> {
  const { rows } = await sql<
    Pick<NewStage, 'stage' | 'kind' | 'at'> & {
      weights: RolloutStage['weights']
      event_time: Date | null
      confirmed_at: Date | null
    }
  >`
    select stage, kind, weights, at, event_time, confirmed_at from rollout_stage
    where workspace = ${workspace} and rollout = ${rollout} order by stage`.execute(db)
  return rows.map(({ stage, kind, weights, at, event_time, confirmed_at }) => ({
    stage,
    kind,
    weights,
    at: at.toISOString(),
    eventTime: event_time?.toISOString() ?? null,
    confirmedAt: confirmed_at?.toISOString() ?? null,
  }))
}

/** A decision with the exact arguments of the rule (`input`), so that it can be computed again. */
export interface StoredDecision extends RolloutDecision {
  readonly input: unknown
}

/** Keeps a decision with the input and evidence it was made from, so that it can be replayed. */
export async function insertDecision(
  tx: Tx,
  rollout: { workspace: string; id: string },
  decision: StoredDecision,
): Promise<void> {
  const d = decision
  await sql`
    insert into rollout_decision (workspace, rollout, id, kind, reason, next_look, next_look_at, weight_percent, actor_kind, actor_id, input,
      evidence, event_time, decided_at)
    values (${rollout.workspace}, ${rollout.id}, ${d.id}, ${d.kind}, ${d.reason}, ${d.nextLook}, ${d.nextLookAt}, ${d.weightPercent},
      ${d.by.kind}, ${d.by.id},
      ${d.input === null ? null : JSON.stringify(d.input)}::jsonb, ${JSON.stringify(d.evidence)}::jsonb, ${d.eventTime}, ${d.decidedAt})`.execute(
    tx,
  )
}

/** Decisions of a rollout, newest first. */
export async function decisionsOf(db: Queryable, workspace: string, rollout: string): Promise<StoredDecision[]> {
  const { rows } = await sql<
    Omit<StoredDecision, 'by' | 'eventTime' | 'decidedAt' | 'nextLookAt'> & {
      next_look_at: Date | null
      by_kind: ActorRef['kind']
      by_id: string
      event_time: Date | null
      decided_at: Date
    }
  >`
    select id, kind, reason, next_look as "nextLook", next_look_at, weight_percent as "weightPercent", actor_kind as by_kind, actor_id as by_id, input, evidence, event_time, decided_at
    from rollout_decision where workspace = ${workspace} and rollout = ${rollout} order by id desc`.execute(db)
  return rows.map(({ by_kind, by_id, event_time, decided_at, next_look_at, ...row }) => ({
    ...row,
    nextLookAt: next_look_at?.toISOString() ?? null,
    by: { kind: by_kind, id: by_id },
    eventTime: event_time?.toISOString() ?? null,
    decidedAt: decided_at.toISOString(),
  }))
}
