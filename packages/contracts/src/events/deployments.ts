import { z } from 'zod'
import { Id, Name } from '../values.ts'
import { defineEvent, Evidence, Version } from './define.ts'

export const endpointDeclared = defineEvent(
  'deployments.endpoint_declared',
  z.object({ endpoint: Name, model: z.string(), version: z.int() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Endpoint ${p.endpoint} declared, to begin with ${p.model}/${p.version}`,
)
export const endpointCreated = defineEvent(
  'deployments.endpoint_created',
  z.object({ endpoint: Name, model: z.string(), version: z.int() }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Endpoint ${p.endpoint} serves ${p.model}/${p.version}`,
)
export const endpointChanged = defineEvent(
  'deployments.endpoint_changed',
  z.object({ endpoint: Name, changed: z.array(z.string()) }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Endpoint ${p.endpoint} changed: ${p.changed.join(', ')}`,
)
const Rollout = Version.extend({ rollout: Id, endpoint: Name, championVersion: z.int() })
export const rolloutStarted = defineEvent(
  'deployments.rollout_started',
  Rollout.extend({ reason: z.string().nullable().default(null) }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} started in shadow of version ${p.championVersion}`,
)
export const rolloutShifted = defineEvent(
  'deployments.rollout_shifted',
  Rollout.extend({ weightPercent: z.number(), reason: z.string(), evidence: Evidence }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} moved to ${p.weightPercent} % of callers: ${p.reason}`,
)
export const rolloutPromoted = defineEvent(
  'deployments.rollout_promoted',
  Rollout.extend({
    proof: z.enum(['non-inferiority proven', 'promoted without proof']),
    reason: z.string(),
    evidence: Evidence,
  }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} promoted on ${p.endpoint} (${p.proof}): ${p.reason}`,
)
export const rolloutRolledBack = defineEvent(
  'deployments.rollout_rolled_back',
  Rollout.extend({
    guardrail: z.enum(['errors', 'loss', 'latency', 'disagreement', 'time', 'person']),
    reason: z.string(),
    evidence: Evidence,
  }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} rolled back on ${p.endpoint} because of ${p.guardrail}: ${p.reason}`,
)
export const rolloutPaused = defineEvent(
  'deployments.rollout_paused',
  Rollout.extend({ reason: z.string() }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} paused: ${p.reason}`,
)
export const rolloutResumed = defineEvent(
  'deployments.rollout_resumed',
  Rollout.extend({ reason: z.string() }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} resumed: ${p.reason}`,
)
export const rolloutDropped = defineEvent(
  'deployments.rollout_dropped',
  Rollout.extend({ reason: z.string() }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout of ${p.model}/${p.version} on ${p.endpoint} left its queue: ${p.reason}`,
)
const JudgedElsewhere = z.object({ rollout: Id, name: Name, reason: z.string() })
export const evidenceRolloutBegun = defineEvent(
  'deployments.evidence_rollout_begun',
  z.object({ rollout: Id, name: Name }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout ${p.name}, which another platform carries out, is judged from now on`,
)
export const evidenceRolloutJudged = defineEvent(
  'deployments.evidence_rollout_judged',
  JudgedElsewhere.extend({ verdict: z.enum(['promote', 'roll_back']), evidence: Evidence }),
  (p) => `rollout:${p.rollout}`,
  (p) => `Verdict on rollout ${p.name}: ${p.verdict.replace('_', ' ')}, ${p.reason}`,
)
export const evidenceRolloutEnded = defineEvent(
  'deployments.evidence_rollout_ended',
  JudgedElsewhere,
  (p) => `rollout:${p.rollout}`,
  (p) => `Rollout ${p.name} is judged no more: ${p.reason}`,
)
export const rolloutObserved = defineEvent(
  'deployments.rollout_observed',
  Rollout.extend({ verdict: z.enum(['not worse', 'no proof']), reason: z.string(), evidence: Evidence }),
  (p) => `rollout:${p.rollout}`,
  (p) => `${p.model}/${p.version} was observed in shadow on ${p.endpoint} (${p.verdict}): ${p.reason}`,
)

/** Endpoints and rollouts. */
export const DEPLOYMENTS_EVENTS = [
  endpointDeclared,
  endpointCreated,
  endpointChanged,
  rolloutStarted,
  rolloutShifted,
  rolloutPromoted,
  rolloutRolledBack,
  rolloutPaused,
  rolloutResumed,
  rolloutDropped,
  evidenceRolloutBegun,
  evidenceRolloutJudged,
  evidenceRolloutEnded,
  rolloutObserved,
] as const
