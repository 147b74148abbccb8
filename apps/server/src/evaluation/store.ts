import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { Evaluation, HoldoutRow } from './types.ts'

const COLUMNS =
  sql.raw(`workspace, id, model, version, endpoint, purpose, champion, pipeline_run as "pipelineRun", holdout_run as "holdoutRun",
  state, problem, summary, runtime, gates, holdout, robustness, cause, correlation, actor_kind as "actorKind", actor_id as "actorId", attempts,
  started_at as "startedAt", finished_at as "finishedAt"`)

/** Adds an evaluation. @returns false when the same event asked for it before. */
export async function insertEvaluation(tx: Tx, evaluation: Evaluation): Promise<boolean> {
  const e = evaluation
  const { rows } = await sql`
    insert into evaluation (workspace, id, model, version, endpoint, purpose, champion, pipeline_run, holdout_run, state, cause, correlation,
      actor_kind, actor_id, started_at)
    values (${e.workspace}, ${e.id}, ${e.model}, ${e.version}, ${e.endpoint}, ${e.purpose}, ${e.champion}, ${e.pipelineRun}, ${e.holdoutRun},
      ${e.state}, ${e.cause}, ${e.correlation}, ${e.actorKind}, ${e.actorId}, ${e.startedAt})
    on conflict (workspace, cause) do nothing returning id`.execute(tx)
  return rows.length === 1
}

/** Writes what the work found; a finished evaluation is never written again. @returns false when it had finished before. */
export async function saveEvaluation(db: Queryable, evaluation: Evaluation): Promise<boolean> {
  const e = evaluation
  const { rows } = await sql`
    update evaluation set champion = ${e.champion}, pipeline_run = ${e.pipelineRun}, holdout_run = ${e.holdoutRun}, state = ${e.state},
      problem = ${e.problem}, summary = ${e.summary}, runtime = ${json(e.runtime)}::jsonb, gates = ${json(e.gates)}::jsonb,
      holdout = ${json(e.holdout)}::jsonb, robustness = ${json(e.robustness)}::jsonb, finished_at = ${e.finishedAt}
    where workspace = ${e.workspace} and id = ${e.id} and finished_at is null returning id`.execute(db)
  return rows.length === 1
}

function json(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

/** An evaluation; null when there is none of that id. */
export async function evaluationById(db: Queryable, workspace: string, id: string): Promise<Evaluation | null> {
  const { rows } =
    await sql<Evaluation>`select ${COLUMNS} from evaluation where workspace = ${workspace} and id = ${id}`.execute(db)
  return rows[0] ?? null
}

/** The evaluation that an event caused; null before. What makes the reaction idempotent. */
export async function evaluationByCause(db: Queryable, workspace: string, cause: string): Promise<Evaluation | null> {
  const { rows } =
    await sql<Evaluation>`select ${COLUMNS} from evaluation where workspace = ${workspace} and cause = ${cause}`.execute(
      db,
    )
  return rows[0] ?? null
}

/** Evaluations that fit the question, newest first. */
export async function evaluationsOf(
  db: Queryable,
  workspace: string,
  question: {
    model?: string | undefined
    version?: number | undefined
    endpoint?: string | undefined
    limit: number
  },
): Promise<Evaluation[]> {
  const { model, version, endpoint, limit } = question
  const { rows } = await sql<Evaluation>`
    select ${COLUMNS} from evaluation where workspace = ${workspace}
      ${model === undefined ? sql`` : sql`and model = ${model}`}
      ${version === undefined ? sql`` : sql`and version = ${version}`}
      ${endpoint === undefined ? sql`` : sql`and endpoint = ${endpoint}`}
    order by started_at desc, id desc limit ${limit}`.execute(db)
  return rows
}

/** The oldest unfinished evaluation, with one more try counted. One process works on evaluations, one at a time: what is unfinished lies idle. */
export async function takeNext(db: Queryable): Promise<Evaluation | null> {
  const { rows } = await sql<Evaluation>`
    update evaluation set attempts = attempts + 1
    where (workspace, id) in (
      select workspace, id from evaluation where finished_at is null order by started_at, id limit 1 for update skip locked)
    returning ${COLUMNS}`.execute(db)
  return rows[0] ?? null
}

/** How many evaluations are under way, over all workspaces. */
export async function unfinishedCount(db: Queryable): Promise<number> {
  const { rows } = await sql<{
    count: number
  }>`select count(*) as count from evaluation where finished_at is null`.execute(db)
  return rows[0]?.count ?? 0
}

/** Writes the predictions on the holdout over those of an earlier try. */
export async function saveHoldout(
  tx: Tx,
  key: { workspace: string; id: string },
  rows: readonly HoldoutRow[],
): Promise<void> {
  await sql`delete from holdout_prediction where workspace = ${key.workspace} and evaluation = ${key.id}`.execute(tx)
  await sql`
    insert into holdout_prediction (workspace, evaluation, row, entity, event_time, slices, label, prediction, champion_prediction)
    select ${key.workspace}, ${key.id}, r.ordinality - 1, r.value ->> 'entity', (r.value ->> 'eventTime')::timestamptz, r.value -> 'slices',
      (r.value ->> 'label')::float8, (r.value ->> 'prediction')::float8, (r.value ->> 'championPrediction')::float8
    from jsonb_array_elements(${JSON.stringify(rows)}::jsonb) with ordinality as r(value, ordinality)`.execute(tx)
}

/** The predictions on the holdout, in its rows' order. */
export async function holdoutOf(db: Queryable, workspace: string, evaluation: string): Promise<HoldoutRow[]> {
  const { rows } = await sql<HoldoutRow>`
    select entity, event_time as "eventTime", slices, label, prediction, champion_prediction as "championPrediction"
    from holdout_prediction where workspace = ${workspace} and evaluation = ${evaluation} order by row`.execute(db)
  return rows
}

/** The latest finished evaluation of a version that has predictions of a holdout; with `champion`, one against it. */
export async function latestWithHoldout(
  db: Queryable,
  workspace: string,
  model: string,
  version: number,
  champion?: number,
): Promise<Evaluation | null> {
  const { rows } = await sql<Evaluation>`
    select ${COLUMNS} from evaluation e
    where workspace = ${workspace} and model = ${model} and version = ${version} and state in ('passed', 'failed', 'measured')
      ${champion === undefined ? sql`` : sql`and champion = ${champion}`}
      and exists (select 1 from holdout_prediction h where h.workspace = e.workspace and h.evaluation = e.id)
    order by started_at desc, id desc limit 1`.execute(db)
  return rows[0] ?? null
}

/** Takes the names of things out of holdouts. @returns rows */
export async function eraseHoldoutEntities(
  tx: Tx,
  { workspace, endpoint, keys }: { workspace: string; endpoint: string | null; keys: readonly string[] },
): Promise<number> {
  const { numAffectedRows } = await sql`
    update holdout_prediction h set entity = null from evaluation e
    where h.workspace = ${workspace} and h.entity = any (${[...keys]}::text[]) and e.workspace = h.workspace and e.id = h.evaluation
      and (${endpoint}::text is null or e.endpoint = ${endpoint})`.execute(tx)
  return Number(numAffectedRows ?? 0)
}
