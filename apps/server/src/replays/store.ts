import type { JsonValue, ReplayReport } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { Flip, ReplayState, StoredReplay } from './types.ts'

const COLUMNS =
  sql.raw(`workspace, id, endpoint, model, version, from_time as "from", to_time as "to", terms, state, problem, rows,
  rows_done as "rowsDone", evaluation, report, actor_kind as "actorKind", actor_id as "actorId", requested_at as "requestedAt",
  started_at as "startedAt", finished_at as "finishedAt"`)

/** @returns false when its evaluation asked before */
export async function insertReplay(tx: Tx, r: StoredReplay): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into replay (workspace, id, endpoint, model, version, from_time, to_time, terms, state, evaluation, actor_kind, actor_id, requested_at)
    values (${r.workspace}, ${r.id}::uuid, ${r.endpoint}, ${r.model}, ${r.version}, ${r.from}, ${r.to}, ${JSON.stringify(r.terms)}::jsonb,
      ${r.state}, ${r.evaluation}::uuid, ${r.actorKind}, ${r.actorId}, ${r.requestedAt})
    on conflict (workspace, evaluation) where evaluation is not null do nothing`.execute(tx)
  return Number(numAffectedRows ?? 0) > 0
}

export async function replayById(db: Queryable, workspace: string, id: string): Promise<StoredReplay | null> {
  const { rows } = await sql<StoredReplay>`
    select ${COLUMNS} from replay where workspace = ${workspace} and id = ${id}::uuid`.execute(db)
  return rows[0] ?? null
}

/** The replay that an evaluation's gate asked for. */
export async function replayOfEvaluation(
  db: Queryable,
  workspace: string,
  evaluation: string,
): Promise<StoredReplay | null> {
  const { rows } = await sql<StoredReplay>`
    select ${COLUMNS} from replay where workspace = ${workspace} and evaluation = ${evaluation}::uuid`.execute(db)
  return rows[0] ?? null
}

/** Which replays are meant; what is not said does not matter. */
export interface ReplayQuestion {
  readonly endpoint?: string | undefined
  readonly model?: string | undefined
  readonly version?: number | undefined
  readonly limit: number
}

/** Replays, newest first. */
export async function replaysOf(db: Queryable, workspace: string, question: ReplayQuestion): Promise<StoredReplay[]> {
  const { endpoint = null, model = null, version = null, limit } = question
  const { rows } = await sql<StoredReplay>`
    select ${COLUMNS} from replay
    where workspace = ${workspace} and (${endpoint}::text is null or endpoint = ${endpoint})
      and (${model}::text is null or model = ${model}) and (${version}::int is null or version = ${version})
    order by requested_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/**
 * The oldest that is not at its end, also of a server that was killed; counts the start. Said twice that it has no end: one that is cancelled
 * while this waits for its row stays so.
 */
export async function takeNext(db: Queryable, now: Date): Promise<(StoredReplay & { readonly starts: number }) | null> {
  const { rows } = await sql<StoredReplay & { starts: number }>`
    update replay set state = 'running', starts = starts + 1, started_at = coalesce(started_at, ${now})
    where (workspace, id) = (select workspace, id from replay where finished_at is null order by requested_at, id limit 1)
      and finished_at is null
    returning ${COLUMNS}, starts`.execute(db)
  return rows[0] ?? null
}

/** Notes how far it is; one that was cancelled meanwhile stays so. @returns whether it still runs */
export async function saveProgress(
  db: Queryable,
  { workspace, id }: StoredReplay,
  rows: number,
  rowsDone: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update replay set rows = ${rows}, rows_done = ${rowsDone}
    where workspace = ${workspace} and id = ${id}::uuid and state = 'running'`.execute(db)
  return Number(numAffectedRows ?? 0) > 0
}

/** Ends it; false when it has ended meanwhile. */
export async function saveEnd(
  db: Queryable,
  { workspace, id }: StoredReplay,
  end: {
    readonly state: ReplayState
    readonly finishedAt: Date
    readonly problem?: string
    readonly report?: ReplayReport
  },
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update replay set state = ${end.state}, problem = ${end.problem ?? null}, finished_at = ${end.finishedAt},
      report = ${end.report ? JSON.stringify(end.report) : null}::jsonb
    where workspace = ${workspace} and id = ${id}::uuid and finished_at is null`.execute(db)
  return Number(numAffectedRows ?? 0) > 0
}

export async function unfinished(db: Queryable): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from replay where finished_at is null`.execute(db)
  return rows[0]?.n ?? 0
}

/** Stores the worst flips of a replay in place of what an earlier try stored. */
export async function saveFlips(tx: Tx, { workspace, id }: StoredReplay, flips: readonly Flip[]): Promise<void> {
  await sql`delete from replay_flip where workspace = ${workspace} and replay = ${id}::uuid`.execute(tx)
  if (flips.length === 0) return
  const json = (value: JsonValue) => JSON.stringify(value)
  await sql`
    insert into replay_flip (workspace, replay, rank, prediction, row_index, event_time, version, logged, candidate, problem, difference,
      label, loss_increase)
    select ${workspace}, ${id}::uuid, * from unnest(${flips.map((f) => f.rank)}::int[], ${flips.map((f) => f.prediction)}::uuid[],
      ${flips.map((f) => f.row)}::int[], ${flips.map((f) => f.eventTime)}::timestamptz[], ${flips.map((f) => f.version)}::text[],
      ${flips.map((f) => json(f.logged))}::text[], ${flips.map((f) => (f.problem === null ? json(f.candidate) : null))}::text[],
      ${flips.map((f) => f.problem)}::text[], ${flips.map((f) => f.difference)}::float8[],
      ${flips.map((f) => (f.label === null ? null : json(f.label)))}::jsonb[], ${flips.map((f) => f.lossIncrease)}::float8[])`.execute(
    tx,
  )
}

/** Takes out what versions said when they failed, of every replay of an endpoint (null: of all): it may repeat what callers sent. @returns how many texts */
export async function eraseProblems(tx: Tx, workspace: string, endpoint: string | null): Promise<number> {
  const flips = await sql`
    update replay_flip f set problem = 'erased' from replay r
    where f.workspace = ${workspace} and f.problem <> 'erased' and r.workspace = f.workspace and r.id = f.replay
      and (${endpoint}::text is null or r.endpoint = ${endpoint})`.execute(tx)
  const reports = await sql`
    update replay set report = jsonb_set(report, '{answers,problem}', '"erased"')
    where workspace = ${workspace} and (${endpoint}::text is null or endpoint = ${endpoint})
      and report #>> '{answers,problem}' <> 'erased'`.execute(tx)
  return Number(flips.numAffectedRows ?? 0) + Number(reports.numAffectedRows ?? 0)
}

export async function flipsOf(db: Queryable, workspace: string, id: string, limit: number): Promise<Flip[]> {
  const { rows } = await sql<Omit<Flip, 'logged' | 'candidate'> & { logged: string; candidate: string | null }>`
    select rank, prediction, row_index as row, event_time as "eventTime", version, logged, candidate, problem, difference, label,
      loss_increase as "lossIncrease"
    from replay_flip where workspace = ${workspace} and replay = ${id}::uuid order by rank limit ${limit}`.execute(db)
  return rows.map(({ logged, candidate, ...flip }) => ({
    ...flip,
    logged: JSON.parse(logged) as JsonValue,
    candidate: candidate === null ? null : (JSON.parse(candidate) as JsonValue),
  }))
}
