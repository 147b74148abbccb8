import { parseModelVersionRef } from '@tidemark/contracts'
import { type Closing, remainingClosings } from '@tidemark/statistics'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import { readEvidence } from './state.ts'
import type { AgedPair, CallerRow, EvidenceState, Half, Pair } from './types.ts'

/** Which evidence is meant. */
export interface EvidenceKey {
  readonly workspace: string
  readonly rollout: string
}

/** Whose evidence it is: the key of its rows, the rollout it belongs to, and the version that it judges. */
export interface EvidenceOwner extends EvidenceKey {
  /** The rollout's id; of several versions each but the first has a key of its own. */
  readonly parent: string
  /** As the log names it, `films/3`; null in rollouts of before it was kept. */
  readonly version: string | null
}

export interface OwnedEvidence extends EvidenceOwner {
  readonly state: EvidenceState
}

/** The number of the version that evidence judges; a rollout of before it was kept tried one alone. */
export function versionNumber(version: string | null, rollout: { readonly version: number }): number {
  return version === null ? rollout.version : parseModelVersionRef(version).version
}

const OWNED = sql.raw('workspace, rollout, coalesce(parent, rollout) as parent, version, state')

function ownedOf(rows: readonly OwnedEvidence[]): OwnedEvidence[] {
  return rows.map((row) => ({ ...row, state: readEvidence(row.state) }))
}

/** Begins the evidence of a version: from here on its predictions and labels are folded. */
export async function createEvidence(
  tx: Tx,
  owner: EvidenceOwner & { endpoint: string },
  state: EvidenceState,
): Promise<void> {
  await sql`
    insert into rollout_evidence (workspace, rollout, parent, version, endpoint, open, state)
    values (${owner.workspace}, ${owner.rollout}, ${owner.parent}, ${owner.version}, ${owner.endpoint}, true,
      ${JSON.stringify(state)}::jsonb)`.execute(tx)
}

/** The evidence of all versions of a rollout, the first on trial first; empty before it has begun. */
export async function evidencesOf(db: Queryable, workspace: string, rollout: string): Promise<OwnedEvidence[]> {
  const { rows } = await sql<OwnedEvidence>`
    select ${OWNED} from rollout_evidence where workspace = ${workspace} and coalesce(parent, rollout) = ${rollout}
    order by rollout`.execute(db)
  return ownedOf(rows)
}

/** Ends the collecting for all versions of a rollout: records that come later count for nothing, and half pairs are of no more use. */
export async function closeEvidence(tx: Tx, { workspace, rollout }: EvidenceKey): Promise<void> {
  const { rows } = await sql<{ rollout: string }>`
    update rollout_evidence set open = false where workspace = ${workspace} and coalesce(parent, rollout) = ${rollout}
    returning rollout`.execute(tx)
  const keys = rows.map((row) => row.rollout)
  await sql`delete from rollout_half where workspace = ${workspace} and rollout = any(${keys}::uuid[])`.execute(tx)
  await sql`delete from rollout_label where workspace = ${workspace} and rollout = any(${keys}::uuid[])`.execute(tx)
}

/** The open evidence of these rollouts, locked: whoever folds into it next waits. */
export async function lockOpenEvidence(tx: Tx, rollouts: readonly string[]): Promise<OwnedEvidence[]> {
  const { rows } = await sql<OwnedEvidence>`
    select ${OWNED} from rollout_evidence where open and coalesce(parent, rollout) = any(${rollouts}::uuid[])
    order by rollout for update`.execute(tx)
  return ownedOf(rows)
}

/** The open evidence of an endpoint's rollout, one for each version, locked; empty when none is under way. */
export async function lockEndpointEvidence(tx: Tx, workspace: string, endpoint: string): Promise<OwnedEvidence[]> {
  const { rows } = await sql<OwnedEvidence>`
    select ${OWNED} from rollout_evidence
    where open and workspace = ${workspace} and endpoint = ${endpoint} order by rollout for update`.execute(tx)
  return ownedOf(rows)
}

/** Writes the state of a rollout's evidence over the last one. */
export async function saveEvidence(tx: Tx, key: EvidenceKey, state: EvidenceState): Promise<void> {
  await sql`update rollout_evidence set state = ${JSON.stringify(state)}::jsonb
    where workspace = ${key.workspace} and rollout = ${key.rollout}`.execute(tx)
}

interface StoredCaller {
  caller: string
  stage: number
  weightPercent: number
  candidate: boolean
  rho: number
  errors: number
  requests: number
  expectedErrors: number
  firstSeen: number
  closed: Closing[]
  slow: number
  expectedSlow: number
  timesClosed: Closing[]
}

const CALLER = sql.raw(
  'caller, stage, weight_percent as "weightPercent", candidate, rho, errors, requests, expected_errors as "expectedErrors", first_seen as "firstSeen", closed, slow, expected_slow as "expectedSlow", times_closed as "timesClosed"',
)

function rowOf({ slow, expectedSlow, timesClosed, ...row }: StoredCaller): CallerRow {
  const { caller, stage, weightPercent, candidate, rho, errors, requests, expectedErrors, firstSeen, closed } = row
  const common = { assignedCandidate: candidate, rho, requests, firstSeen }
  return {
    caller,
    stage,
    weightPercent,
    open: { ...common, errors, expectedErrors, closed },
    times: { ...common, errors: slow, expectedErrors: expectedSlow, closed: timesClosed },
  }
}

/** These callers, at every stage. */
export async function callersNamed(tx: Tx, key: EvidenceKey, callers: readonly string[]): Promise<CallerRow[]> {
  const { rows } = await sql<StoredCaller>`
    select ${CALLER} from rollout_caller
    where workspace = ${key.workspace} and rollout = ${key.rollout} and caller = any(${callers}::text[])`.execute(tx)
  return rows.map(rowOf)
}

/** Callers that some rule has not closed: of earlier stages, or first seen at or before this count of requests. */
export async function openCallers(tx: Tx, key: EvidenceKey, stage: number, firstSeen: number): Promise<CallerRow[]> {
  const { rows } = await sql<StoredCaller>`
    select ${CALLER} from rollout_caller
    where workspace = ${key.workspace} and rollout = ${key.rollout} and not done
      and (stage < ${stage} or first_seen <= ${firstSeen})
    order by first_seen, caller`.execute(tx)
  return rows.map(rowOf)
}

/** Writes callers with their counts; how a caller was assigned never changes. */
export async function saveCallers(tx: Tx, key: EvidenceKey, callers: readonly CallerRow[]): Promise<void> {
  if (callers.length === 0) return
  const records = callers.map(({ open, times, ...row }) => ({
    ...row,
    ...open,
    slow: times.errors,
    expectedSlow: times.expectedErrors,
    timesClosed: times.closed,
    done: remainingClosings(open).length === 0 && remainingClosings(times).length === 0,
  }))
  await sql`
    insert into rollout_caller (workspace, rollout, caller, stage, weight_percent, candidate, rho, errors, requests, expected_errors, first_seen,
      closed, done, slow, expected_slow, times_closed)
    select ${key.workspace}, ${key.rollout}, c.caller, c.stage, c."weightPercent", c."assignedCandidate", c.rho, c.errors, c.requests,
      c."expectedErrors", c."firstSeen", c.closed, c.done, c.slow, c."expectedSlow", c."timesClosed"
    from jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as c(caller text, stage int, "weightPercent" float8, "assignedCandidate" boolean,
      rho float8, errors int, requests int, "expectedErrors" float8, "firstSeen" bigint, closed text[], done boolean, slow int,
      "expectedSlow" float8, "timesClosed" text[])
    on conflict (workspace, rollout, caller, stage) do update
      set errors = excluded.errors, requests = excluded.requests, expected_errors = excluded.expected_errors, closed = excluded.closed,
        done = excluded.done, slow = excluded.slow, expected_slow = excluded.expected_slow,
        times_closed = excluded.times_closed`.execute(tx)
}

/** Which of these things already have their pair. */
export async function pairedAmong(tx: Tx, key: EvidenceKey, entities: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ entity: string }>`
    select entity from rollout_pair
    where workspace = ${key.workspace} and rollout = ${key.rollout} and entity = any(${entities}::text[])`.execute(tx)
  return new Set(rows.map((row) => row.entity))
}

/** Halves of these predictions that were read before. */
export async function halvesOf(tx: Tx, key: EvidenceKey, predictions: readonly string[]): Promise<Half[]> {
  const { rows } = await sql<Omit<Half, 'eventTime'> & { event_time: Date }>`
    select prediction, entity, candidate, value, said, failed, event_time from rollout_half
    where workspace = ${key.workspace} and rollout = ${key.rollout} and prediction = any(${predictions}::uuid[])`.execute(
    tx,
  )
  return rows.map(({ event_time, ...half }) => ({ ...half, eventTime: event_time.getTime() }))
}

/** Keeps one version's prediction of a thing until the other's has come; one that is read twice counts once. */
export async function saveHalves(tx: Tx, key: EvidenceKey, halves: readonly Half[]): Promise<void> {
  if (halves.length === 0) return
  await sql`
    insert into rollout_half (workspace, rollout, prediction, entity, candidate, value, said, failed, event_time)
    select ${key.workspace}, ${key.rollout}, h.prediction, h.entity, h.candidate, h.value, h.said, h.failed, to_timestamp(h."eventTime" / 1000.0)
    from jsonb_to_recordset(${JSON.stringify(halves)}::jsonb) as h(prediction uuid, entity text, candidate boolean, value float8,
      said jsonb, failed boolean, "eventTime" float8)
    on conflict do nothing`.execute(tx)
}

/** Stores new pairs and forgets the halves of their things. */
export async function savePairs(tx: Tx, key: EvidenceKey, pairs: readonly Pair[]): Promise<void> {
  if (pairs.length === 0) return
  const { workspace, rollout } = key
  await sql`
    insert into rollout_pair (workspace, rollout, entity, stage, champion, candidate, champion_failed, candidate_failed, event_time,
      champion_said, candidate_said)
    select ${workspace}, ${rollout}, p.entity, p.stage, p.champion, p.candidate, p."championFailed", p."candidateFailed",
      to_timestamp(p."eventTime" / 1000.0), p."championSaid", p."candidateSaid"
    from jsonb_to_recordset(${JSON.stringify(pairs)}::jsonb) as p(entity text, stage int, champion float8, candidate float8,
      "championSaid" jsonb, "candidateSaid" jsonb, "championFailed" boolean, "candidateFailed" boolean, "eventTime" float8)`.execute(
    tx,
  )
  await sql`delete from rollout_half where workspace = ${workspace} and rollout = ${rollout}
    and entity = any(${pairs.map((pair) => pair.entity)}::text[])`.execute(tx)
}

/** Keeps the first label of each thing; a correction does not bet a second time. */
export async function saveLabels(
  tx: Tx,
  key: EvidenceKey,
  labels: readonly { entity: string; value: number; knownAt: Date }[],
): Promise<void> {
  await sql`
    insert into rollout_label (workspace, rollout, entity, value, known_at)
    select distinct on (l.entity) ${key.workspace}, ${key.rollout}, l.entity, l.value, l."knownAt"
    from jsonb_to_recordset(${JSON.stringify(labels)}::jsonb) as l(entity text, value float8, "knownAt" timestamptz)
    order by l.entity, l."knownAt"
    on conflict do nothing`.execute(tx)
}

const PAIR = sql.raw(
  'p.entity, p.stage, p.champion, p.candidate, p.champion_said as "championSaid", p.candidate_said as "candidateSaid", p.champion_failed as "championFailed", p.candidate_failed as "candidateFailed", p.event_time',
)

/**
 * Joins labels to pairs that have none yet, and tells which joined now, in the order in which the labels became known. A label that was
 * known before the prediction does not count: a version may have been trained on it.
 */
export async function joinLabels(
  tx: Tx,
  key: EvidenceKey,
  entities: readonly string[],
): Promise<{ pair: Pair; label: number }[]> {
  const { rows } = await sql<Omit<Pair, 'eventTime'> & { event_time: Date; label: number; known_at: Date }>`
    update rollout_pair p set label = l.value
    from rollout_label l
    where p.workspace = ${key.workspace} and p.rollout = ${key.rollout} and p.entity = any(${entities}::text[]) and p.label is null
      and l.workspace = p.workspace and l.rollout = p.rollout and l.entity = p.entity and l.known_at > p.event_time
    returning ${PAIR}, p.label, l.known_at`.execute(tx)
  rows.sort((a, b) => a.known_at.getTime() - b.known_at.getTime() || (a.entity < b.entity ? -1 : 1))
  return rows.map(({ event_time, label, known_at: _, ...pair }) => ({
    pair: { ...pair, eventTime: event_time.getTime() },
    label,
  }))
}

/** Takes the pairs predicted at or before that time that were not taken before, in the order of their predictions: each is taken once. */
export async function takeAged(tx: Tx, key: EvidenceKey, predictedBefore: Date): Promise<AgedPair[]> {
  const { rows } = await sql<
    Omit<Pair, 'eventTime'> & { event_time: Date; label: number | null; known_at: Date | null }
  >`
    update rollout_pair p set aged = true
    where p.workspace = ${key.workspace} and p.rollout = ${key.rollout} and not p.aged and p.event_time <= ${predictedBefore}
    returning ${PAIR}, p.label, (
      select known_at from rollout_label l
      where p.label is not null and l.workspace = p.workspace and l.rollout = p.rollout and l.entity = p.entity
    ) as known_at`.execute(tx)
  rows.sort((a, b) => a.event_time.getTime() - b.event_time.getTime() || (a.entity < b.entity ? -1 : 1))
  return rows.map(({ event_time, label, known_at, ...pair }) => ({
    pair: { ...pair, eventTime: event_time.getTime() },
    label,
    labelledAt: known_at?.getTime() ?? null,
  }))
}
