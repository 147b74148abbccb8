import type { RetrainingDecision, RetrainingOutcome } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'

interface DecisionRow {
  id: string
  endpoint: string
  version: number
  verdict: RetrainingDecision['verdict']
  reason: RetrainingDecision['reason']
  sentence: string
  numbers: RetrainingDecision['numbers']
  decided_at: Date
  as_of: Date | null
  recorded_at: Date
  cause: string
  event: string
  outcome: RetrainingOutcome | null
}

const COLUMNS = sql.raw(
  'id, endpoint, version, verdict, reason, sentence, numbers, decided_at, as_of, recorded_at, cause, event, outcome',
)

function decisionOf(row: DecisionRow): RetrainingDecision {
  const { decided_at, as_of, recorded_at, ...rest } = row
  return {
    ...rest,
    at: decided_at.toISOString(),
    asOf: as_of?.toISOString() ?? null,
    recordedAt: recorded_at.toISOString(),
  }
}

/** Serialises the decisions of an endpoint, until the transaction ends. */
export async function lockDecisions(tx: Tx, workspace: string, endpoint: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`automation:${workspace}/${endpoint}`}, 0))`.execute(tx)
}

/** Decisions of an endpoint, newest first. */
export async function listDecisions(db: Queryable, workspace: string, endpoint: string): Promise<RetrainingDecision[]> {
  const { rows } = await sql<DecisionRow>`
    select ${COLUMNS} from retraining_decision where workspace = ${workspace} and endpoint = ${endpoint} order by id desc`.execute(
    db,
  )
  return rows.map(decisionOf)
}

/** A decision to retrain or not; null when there is none of that id. */
export async function decisionById(db: Queryable, workspace: string, id: string): Promise<RetrainingDecision | null> {
  const { rows } = await sql<DecisionRow>`
    select ${COLUMNS} from retraining_decision where workspace = ${workspace} and id = ${id}`.execute(db)
  return rows[0] ? decisionOf(rows[0]) : null
}

/** Stores a decision; null when this cause was decided on before. */
export async function insertDecision(
  tx: Tx,
  workspace: string,
  decision: Omit<RetrainingDecision, 'event' | 'outcome'>,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into retraining_decision (workspace, id, endpoint, version, verdict, reason, sentence, numbers, decided_at, as_of, recorded_at, cause)
    values (${workspace}, ${decision.id}, ${decision.endpoint}, ${decision.version}, ${decision.verdict}, ${decision.reason},
      ${decision.sentence}, ${JSON.stringify(decision.numbers)}::jsonb, ${decision.at}, ${decision.asOf}, ${decision.recordedAt},
      ${decision.cause})
    on conflict (workspace, cause) do nothing`.execute(tx)
  return numAffectedRows === 1n
}

/** Notes the event that told of a decision, for the chain of causes. */
export async function setDecisionEvent(tx: Tx, workspace: string, id: string, event: string): Promise<void> {
  await sql`update retraining_decision set event = ${event} where workspace = ${workspace} and id = ${id}`.execute(tx)
}

/** Writes what a retraining led to, once. @returns false when its outcome is known already. */
export async function saveOutcome(tx: Tx, workspace: string, id: string, outcome: RetrainingOutcome): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update retraining_decision set outcome = ${JSON.stringify(outcome)}::jsonb
    where workspace = ${workspace} and id = ${id} and outcome is null`.execute(tx)
  return numAffectedRows === 1n
}
