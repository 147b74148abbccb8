import { z } from 'zod'
import { Evidence } from './events/index.ts'
import { RolloutPolicy } from './rolloutPolicy.ts'
import { ActorRef, Id, Instant, Json, ModelVersionRef, Name } from './values.ts'

export const GuardrailName = z.enum(['errors', 'failures', 'loss', 'latency', 'disagreement'])
export type GuardrailName = z.infer<typeof GuardrailName>

/** What ended a rollout that was rolled back. */
export const RollbackCause = z.enum(['errors', 'loss', 'latency', 'disagreement', 'time', 'person'])
export type RollbackCause = z.infer<typeof RollbackCause>

const VariantWeight = z.object({ version: z.int(), weightPercent: z.number() })

/**
 * What the rollout does now. Ends: `promoted`, `rolled_back`, `observed` (only mirrored, as its policy said), `dropped` (left the queue before it
 * began).
 */
export const RolloutState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('queued') }),
  z.object({ kind: z.literal('shadow') }),
  z.object({ kind: z.literal('canary'), step: z.int(), weightPercent: z.number() }),
  z.object({ kind: z.literal('ab'), weights: z.array(VariantWeight) }),
  z.object({ kind: z.literal('promoted'), proof: z.enum(['non-inferiority proven', 'promoted without proof']) }),
  z.object({ kind: z.literal('rolled_back'), guardrail: RollbackCause }),
  z.object({ kind: z.literal('observed'), verdict: z.enum(['not worse', 'no proof']) }),
  z.object({ kind: z.literal('dropped') }),
])
export type RolloutState = z.infer<typeof RolloutState>

/** One guardrail as a person reads it: how much worse the candidate is, what is allowed, and how sure we are. */
export const Guardrail = z
  .object({
    name: GuardrailName,
    /** The version that is compared with the champion, where a rollout tries several. */
    version: z.int().optional(),
    unit: z.string().describe('What one piece of evidence is: a caller, a thing predicted by both, a labelled thing.'),
    units: z.int(),
    champion: z
      .number()
      .nullable()
      .describe('Error rate (0–1), mean loss, or share of slow answers (0–1) of the champion.'),
    candidate: z.number().nullable(),
    /** Candidate − champion; always-valid bounds where the test has them. */
    difference: z.number().nullable(),
    lower: z.number().nullable(),
    upper: z.number().nullable(),
    margin: z.number(),
    harmEValue: z.number(),
    /** e-value that proves harm at this guardrail's share of the rollout's alpha. */
    harmNeeds: z.number(),
    acceptanceEValue: z.number(),
    /** e-value that proves acceptance at this guardrail's level. */
    acceptanceNeeds: z.number(),
    proven: z.boolean(),
  })
  .meta({ id: 'Guardrail' })
export type Guardrail = z.infer<typeof Guardrail>

/** A point of the chart: a difference with its confidence sequence, by event time. */
export const EvidencePoint = z.object({
  at: Instant,
  guardrail: GuardrailName,
  version: z.int().optional(),
  units: z.int(),
  difference: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  harmEValue: z.number(),
  acceptanceEValue: z.number(),
})
export type EvidencePoint = z.infer<typeof EvidencePoint>

/** A quantile of one version's latencies in milliseconds, with bounds that hold at every look. */
export const LatencyEstimate = z.object({
  units: z.int().describe('Callers, one answer of each.'),
  value: z.number(),
  lower: z.number(),
  upper: z.number().nullable().describe('null: too few to say.'),
})
export type LatencyEstimate = z.infer<typeof LatencyEstimate>

/** A point of the chart of latencies, by event time; null: no answer of that version yet. */
export const LatencyPoint = z.object({
  at: Instant,
  champion: LatencyEstimate.nullable(),
  candidate: LatencyEstimate.nullable(),
})
export type LatencyPoint = z.infer<typeof LatencyPoint>

/** What is shown of a version beside its guardrails, and judges nothing. null: not kept when the rollout began, or nothing of the kind was seen. */
export const Observed = z.object({
  disagreement: z.object({
    things: z.int(),
    tolerance: z.number(),
    share: z
      .number()
      .nullable()
      .describe('Of things that both answered, those answered differently by more than the tolerance.'),
    lower: z.number().nullable(),
    upper: z.number().nullable(),
  }),
  distribution: z
    .object({
      pairs: z.int(),
      distance: z.number().describe('Total variation distance (0–1) between the predictions of both.'),
      eValue: z.number(),
      needs: z.number().describe('e-value from which on their predictions are surely distributed otherwise.'),
    })
    .nullable(),
  latency: z
    .object({
      quantile: z.number(),
      champion: LatencyEstimate.nullable(),
      candidate: LatencyEstimate.nullable(),
      points: z.array(LatencyPoint),
    })
    .nullable(),
})
export type Observed = z.infer<typeof Observed>

export const RolloutDecision = z
  .object({
    id: Id,
    kind: z.enum(['hold', 'shift', 'promote', 'roll_back', 'pause', 'resume', 'finish']),
    reason: z.string(),
    nextLook: z.string().nullable().describe('What the rollout waits for before it decides again.'),
    nextLookAt: Instant.nullable().describe('When time alone may change the decision.'),
    /** Share of the callers that versions on trial have after it; null for decisions of before it was kept. */
    weightPercent: z.number().nullable(),
    evidence: Evidence,
    by: ActorRef,
    eventTime: Instant.nullable(),
    decidedAt: Instant,
  })
  .meta({ id: 'RolloutDecision' })
export type RolloutDecision = z.infer<typeof RolloutDecision>

const Pause = z.object({ reason: z.string(), by: ActorRef, at: Instant })

const RolloutSummary = z.object({
  id: Id,
  endpoint: Name,
  model: z.string(),
  version: z.int(),
  championVersion: z.int(),
  strategy: z.enum(['canary', 'blue_green', 'shadow', 'ab']),
  state: RolloutState,
  paused: Pause.nullable().describe('While paused only harm changes anything: it rolls back.'),
  /** False while a gateway has yet to confirm the last change. */
  confirmed: z.boolean(),
  reason: z.string().describe('The last decision in a sentence.'),
  nextLook: z.string().nullable(),
  nextLookAt: Instant.nullable(),
  createdAt: Instant,
  finishedAt: Instant.nullable(),
  /** Event time of the first and the latest evidence. */
  eventTimeFrom: Instant.nullable(),
  eventTimeTo: Instant.nullable(),
})
export const RolloutListItem = RolloutSummary.meta({ id: 'RolloutListItem' })
export type RolloutListItem = z.infer<typeof RolloutListItem>

/** Who had which share from when on. */
export const RolloutStage = z
  .object({
    stage: z.int(),
    /** `end`: the rollout is over, the champion of then on serves alone. */
    kind: z.enum(['shadow', 'canary', 'ab', 'end']),
    weights: z.array(VariantWeight).describe('Of the versions on trial; the champion has the rest.'),
    at: Instant,
    eventTime: Instant.nullable(),
    confirmedAt: Instant.nullable().describe('When all live gateways had confirmed it.'),
  })
  .meta({ id: 'RolloutStage' })
export type RolloutStage = z.infer<typeof RolloutStage>

export const Rollout = RolloutSummary.extend({
  policy: RolloutPolicy,
  /** Shares of callers, percent. */
  weights: z.object({ champion: z.number(), candidate: z.number() }),
  steps: z.array(z.object({ weightPercent: z.number(), minCallers: z.int() })),
  timeline: z.array(RolloutStage).describe('Oldest first; empty for rollouts of before it was kept.'),
  progress: z.object({
    pairs: z.int().describe('Things that both versions predicted.'),
    labelledPairs: z.int(),
    callersAtStep: z.int(),
    requests: z.int(),
    exposedRequests: z.int().describe('Requests that versions on trial answered.'),
    exposedCallers: z.int(),
  }),
  spending: z
    .object({
      alpha: z.number().describe('Chance, at most, that it is rolled back although it is healthy.'),
      alphaPerYear: z.number().nullable().describe("The endpoint's budget for a year; null: each rollout has its own."),
      rolloutsBefore: z.int().describe('Those of the endpoint that began within the year before it.'),
      spentBefore: z.number().describe('What they were given of alpha, together.'),
    })
    .describe('What it may be wrong about, and what rollouts before it were allowed to be.'),
  guardrails: z.array(Guardrail),
  observed: z
    .array(Observed.extend({ version: z.int() }))
    .describe('One for each version on trial; empty before it began.'),
  /** Sentences: what would make it roll back, go on, promote. */
  wouldChange: z.array(z.string()),
  points: z.array(EvidencePoint),
  decisions: z.array(RolloutDecision),
  approval: Id.nullable(),
  retryOf: Id.nullable(),
}).meta({ id: 'Rollout' })
export type Rollout = z.infer<typeof Rollout>

/** The first prediction of a thing by both versions. */
export const RolloutPair = z
  .object({
    entity: z.string(),
    version: ModelVersionRef,
    champion: Json.describe('null: it failed.'),
    candidate: Json,
    /** |candidate − champion|; null where they are not both numbers. */
    difference: z.number().nullable(),
    label: z.number().nullable(),
    eventTime: Instant,
  })
  .meta({ id: 'RolloutPair' })
export type RolloutPair = z.infer<typeof RolloutPair>

/** How the two versions' numbers are distributed over the same things: counts in bins of equal width. */
export const RolloutDistribution = z.object({
  version: ModelVersionRef,
  from: z.number(),
  to: z.number(),
  champion: z.array(z.int()),
  candidate: z.array(z.int()),
})
export type RolloutDistribution = z.infer<typeof RolloutDistribution>

/** A decision computed again from what was stored of its moment. */
export const ReplayedDecision = z.object({
  id: Id,
  kind: z.string(),
  reason: z.string(),
  /** A person's act has no rule to compute again. */
  outcome: z.enum(['same', 'different', 'by a person']),
  again: z.object({ kind: z.string(), reason: z.string() }).nullable(),
})
export type ReplayedDecision = z.infer<typeof ReplayedDecision>

/** The rollout's standing as one value, for whoever moves the traffic themselves. */
export const Verdict = z
  .object({
    verdict: z
      .enum(['promote', 'roll_back', 'hold'])
      .describe('What the evidence so far says: not worse than the margin, harmful, or not yet known.'),
    healthy: z.boolean().describe('False once harm is proven.'),
    proven: z.boolean().describe('True once non-inferiority is proven.'),
    state: z.string(),
    weightPercent: z.number(),
    reason: z.string(),
    nextLook: z.string().nullable(),
    nextLookAt: Instant.nullable(),
    guardrails: z.array(Guardrail),
  })
  .meta({ id: 'Verdict' })
export type Verdict = z.infer<typeof Verdict>

/** A rollout that somebody else's mesh carries out: counts come in, the verdict goes out. */
export const EvidenceRollout = z
  .object({
    id: Id,
    name: Name,
    policy: RolloutPolicy,
    state: z.enum(['open', 'ended']),
    verdict: z.enum(['promote', 'roll_back', 'hold']),
    reason: z.string(),
    requests: z.int(),
    createdAt: Instant,
    endedAt: Instant.nullable(),
  })
  .meta({ id: 'EvidenceRollout' })
export type EvidenceRollout = z.infer<typeof EvidenceRollout>

/** What happened to one caller since the last report. The arm was tossed once per caller and weight. */
export const Observation = z.strictObject({
  caller: z.string().min(1).max(500),
  arm: z.enum(['champion', 'candidate']),
  /** Share of callers on the candidate when this caller was assigned. */
  weightPercent: z.number().gt(0).lt(100),
  /** Goes up by one with each change of the weight. */
  stage: z.int().min(1).default(1),
  requests: z.int().min(1).max(1_000_000),
  /** The version's own: not what callers did wrong. */
  errors: z.int().min(0).default(0),
})
export type Observation = z.infer<typeof Observation>
