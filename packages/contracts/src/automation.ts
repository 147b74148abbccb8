import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Evidence } from './events/index.ts'
import { Id, Instant, Name } from './values.ts'

const tag = 'automation'

/** Why a decision fell as it did; the first guard that holds is named. */
export const DecisionReason = z.enum([
  'pays',
  'does_not_pay',
  'gain_uncertain',
  'input_fault',
  'rollout_open',
  'training_open',
  'limit_reached',
  'too_soon',
  'no_policy',
])
export type DecisionReason = z.infer<typeof DecisionReason>

export const RetrainingOutcome = z.object({
  kind: z.enum(['promoted', 'rolled_back', 'refused', 'failed']),
  /** Share of the lost performance that was won back, 0–1; null when it could not be told. */
  recovery: z.number().nullable(),
  sentence: z.string(),
  event: Id,
  at: Instant,
})
export type RetrainingOutcome = z.infer<typeof RetrainingOutcome>

export const RetrainingDecision = z
  .object({
    id: Id,
    endpoint: Name,
    verdict: z.enum(['retrain', 'decline']),
    reason: DecisionReason,
    sentence: z.string(),
    /** Event time of the endpoint when it was decided. */
    at: Instant,
    /** Training sees what was known before this; null when declined. */
    asOf: Instant.nullable(),
    version: z.int(),
    numbers: Evidence,
    /** The performanceLost event that asked. */
    cause: Id,
    /** The retrainingDecided or retrainingDeclined event. */
    event: Id,
    outcome: RetrainingOutcome.nullable(),
    recordedAt: Instant,
  })
  .meta({ id: 'RetrainingDecision' })
export type RetrainingDecision = z.infer<typeof RetrainingDecision>

/** What past retrainings taught: mean of a Beta distribution that began at the policy's expectation. */
export const RecoveryBelief = z
  .object({ mean: z.number(), alpha: z.number(), beta: z.number(), outcomes: z.int() })
  .meta({ id: 'RecoveryBelief' })
export type RecoveryBelief = z.infer<typeof RecoveryBelief>

export const automation = {
  listDecisions: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint/decisions',
    tag,
    summary: 'Decisions to retrain or not, newest first, with all their numbers',
    permission: 'automation.read',
    params: z.object({ endpoint: Name }),
    reply: z.object({
      decisions: z.array(RetrainingDecision),
      recovery: RecoveryBelief.nullable(),
      trainings: z.int(),
    }),
  }),
  getDecision: endpoint({
    method: 'GET',
    path: '/api/v1/decisions/:id',
    tag,
    summary: 'One decision to retrain or not',
    permission: 'automation.read',
    params: z.object({ id: Id }),
    reply: RetrainingDecision,
  }),
} as const
