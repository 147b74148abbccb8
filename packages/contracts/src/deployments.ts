import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Evidence } from './events.ts'
import { InputColumn, ModelInput } from './gateway.ts'
import { EndpointPolicy } from './policy.ts'
import { ActorRef, Id, Instant, ModelVersionRef, Name } from './values.ts'

const tag = 'deployments'

/** What the rollout does now. Ends: `promoted`, `rolled_back`, `dropped` (left the queue before it began). */
export const RolloutState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('queued') }),
  z.object({ kind: z.literal('shadow') }),
  z.object({ kind: z.literal('canary'), step: z.int(), weightPercent: z.number() }),
  z.object({ kind: z.literal('promoted'), proof: z.enum(['non-inferiority proven', 'promoted without proof']) }),
  z.object({ kind: z.literal('rolled_back'), guardrail: z.enum(['errors', 'loss', 'time', 'person']) }),
  z.object({ kind: z.literal('dropped') }),
])
export type RolloutState = z.infer<typeof RolloutState>

/** One guardrail as a person reads it: how much worse the candidate is, what is allowed, and how sure we are. */
export const Guardrail = z
  .object({
    name: z.enum(['errors', 'failures', 'loss']),
    unit: z.string().describe('What one piece of evidence is: a caller, a thing predicted by both, a labelled thing.'),
    units: z.int(),
    champion: z.number().nullable().describe('Error rate (0–1) or mean loss of the champion.'),
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

/** A point of the chart: the loss difference with its confidence sequence, by event time. */
export const EvidencePoint = z.object({
  at: Instant,
  guardrail: z.enum(['errors', 'failures', 'loss']),
  units: z.int(),
  difference: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  harmEValue: z.number(),
  acceptanceEValue: z.number(),
})
export type EvidencePoint = z.infer<typeof EvidencePoint>

export const RolloutDecision = z
  .object({
    id: Id,
    kind: z.enum(['hold', 'shift', 'promote', 'roll_back']),
    reason: z.string(),
    nextLook: z.string().nullable().describe('What the rollout waits for before it decides again.'),
    evidence: Evidence,
    by: ActorRef,
    eventTime: Instant.nullable(),
    decidedAt: Instant,
  })
  .meta({ id: 'RolloutDecision' })
export type RolloutDecision = z.infer<typeof RolloutDecision>

const RolloutSummary = z.object({
  id: Id,
  endpoint: Name,
  model: z.string(),
  version: z.int(),
  championVersion: z.int(),
  state: RolloutState,
  /** False while a gateway has yet to confirm the last change. */
  confirmed: z.boolean(),
  reason: z.string().describe('The last decision in a sentence.'),
  nextLook: z.string().nullable(),
  createdAt: Instant,
  finishedAt: Instant.nullable(),
  /** Event time of the first and the latest evidence. */
  eventTimeFrom: Instant.nullable(),
  eventTimeTo: Instant.nullable(),
})
export const RolloutListItem = RolloutSummary.meta({ id: 'RolloutListItem' })
export type RolloutListItem = z.infer<typeof RolloutListItem>
export const Rollout = RolloutSummary.extend({
  /** Shares of callers, percent. */
  weights: z.object({ champion: z.number(), candidate: z.number() }),
  steps: z.array(z.object({ weightPercent: z.number(), minCallers: z.int() })),
  progress: z.object({
    pairs: z.int().describe('Things that both versions predicted.'),
    labelledPairs: z.int(),
    callersAtStep: z.int(),
    requests: z.int(),
  }),
  guardrails: z.array(Guardrail),
  points: z.array(EvidencePoint),
  decisions: z.array(RolloutDecision),
  approval: Id.nullable(),
}).meta({ id: 'Rollout' })
export type Rollout = z.infer<typeof Rollout>

export const EndpointView = z
  .object({
    name: Name,
    model: z.string(),
    /** `preparing` until its first version has a runtime and is published; `broken` when that failed. */
    state: z.enum(['preparing', 'serving', 'broken']),
    problem: z.string().nullable(),
    champion: ModelVersionRef,
    runtime: z.enum(['onnx', 'python']).nullable(),
    replay: z.boolean(),
    policy: EndpointPolicy,
    columns: z.array(InputColumn).describe('Empty unless the input is by columns.'),
    input: ModelInput.describe('How the model takes its input.'),
    url: z.string(),
    rollout: RolloutListItem.nullable().describe('The rollout that is under way.'),
    queuedRollouts: z.int(),
    createdAt: Instant,
  })
  .meta({ id: 'Endpoint' })
export type EndpointView = z.infer<typeof EndpointView>

const WithReason = z.object({ reason: z.string().min(1).max(2000) })

export const deployments = {
  putEndpoint: endpoint({
    method: 'PUT',
    path: '/api/v1/endpoints/:endpoint',
    tag,
    summary: 'Create an endpoint with its first version, or change its policy',
    permission: 'deployments.write',
    params: z.object({ endpoint: Name }),
    body: z.object({
      model: z.string().min(1),
      version: z.int().min(1).optional().describe('First version; later ones come by a rollout. Needed to create.'),
      replay: z.boolean().default(false).describe('Accept the event time of requests.'),
      policy: EndpointPolicy.prefault({}),
    }),
    reply: EndpointView,
  }),
  listEndpoints: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints',
    tag,
    summary: 'Endpoints with their live state',
    permission: 'deployments.read',
    reply: z.object({ endpoints: z.array(EndpointView) }),
  }),
  getEndpoint: endpoint({
    method: 'GET',
    path: '/api/v1/endpoints/:endpoint',
    tag,
    summary: 'One endpoint with its live state',
    permission: 'deployments.read',
    params: z.object({ endpoint: Name }),
    reply: EndpointView,
  }),
  startRollout: endpoint({
    method: 'POST',
    path: '/api/v1/endpoints/:endpoint/rollouts',
    tag,
    summary: 'Start the rollout of an approved version by hand',
    permission: 'deployments.write',
    status: 202,
    params: z.object({ endpoint: Name }),
    body: WithReason.extend({ version: z.int().min(1) }),
    reply: Rollout,
  }),
  listRollouts: endpoint({
    method: 'GET',
    path: '/api/v1/rollouts',
    tag,
    summary: 'Rollouts, newest first',
    permission: 'deployments.read',
    query: z.object({
      endpoint: Name.optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
    }),
    reply: z.object({ rollouts: z.array(RolloutListItem) }),
  }),
  getRollout: endpoint({
    method: 'GET',
    path: '/api/v1/rollouts/:id',
    tag,
    summary: 'One rollout: state, weights, evidence over time, decisions',
    permission: 'deployments.read',
    params: z.object({ id: Id }),
    reply: Rollout,
  }),
  promoteRollout: endpoint({
    method: 'POST',
    path: '/api/v1/rollouts/:id/promote',
    tag,
    summary: 'Promote now, recorded as "promoted without proof" unless it was proven',
    permission: 'deployments.write',
    params: z.object({ id: Id }),
    body: WithReason,
    reply: Rollout,
  }),
  abortRollout: endpoint({
    method: 'POST',
    path: '/api/v1/rollouts/:id/abort',
    tag,
    summary: 'Roll back now',
    permission: 'deployments.write',
    params: z.object({ id: Id }),
    body: WithReason,
    reply: Rollout,
  }),
} as const
