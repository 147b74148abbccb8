import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { InputColumn, ModelInput } from './gateway.ts'
import { EndpointPolicy } from './policy.ts'
import { RolloutPolicy } from './rolloutPolicy.ts'
import {
  EvidenceRollout,
  Observation,
  ReplayedDecision,
  Rollout,
  RolloutDistribution,
  RolloutListItem,
  RolloutPair,
  Verdict,
} from './rollouts.ts'
import { Id, Instant, ModelVersionRef, Name } from './values.ts'

const tag = 'deployments'

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
    body: WithReason.extend({
      version: z.int().min(1),
      policy: RolloutPolicy.optional().describe("Of this rollout alone; else the endpoint's when it begins."),
    }),
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
  pauseRollout: endpoint({
    method: 'POST',
    path: '/api/v1/rollouts/:id/pause',
    tag,
    summary: 'Stay at the weight in force; proven harm still rolls back',
    permission: 'deployments.write',
    params: z.object({ id: Id }),
    body: WithReason,
    reply: Rollout,
  }),
  resumeRollout: endpoint({
    method: 'POST',
    path: '/api/v1/rollouts/:id/resume',
    tag,
    summary: 'Go on; time limits count anew from now on',
    permission: 'deployments.write',
    params: z.object({ id: Id }),
    body: WithReason,
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
  retryRollout: endpoint({
    method: 'POST',
    path: '/api/v1/rollouts/:id/retry',
    tag,
    summary: 'Begin again what was rolled back, with new evidence; answers the new rollout',
    permission: 'deployments.write',
    status: 202,
    params: z.object({ id: Id }),
    body: WithReason,
    reply: Rollout,
  }),
  rolloutPairs: endpoint({
    method: 'GET',
    path: '/api/v1/rollouts/:id/pairs',
    tag,
    summary:
      'Things that both versions predicted, the largest disagreement first, and how their predictions are distributed',
    permission: 'deployments.read',
    params: z.object({ id: Id }),
    query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
    reply: z.object({ pairs: z.array(RolloutPair), distributions: z.array(RolloutDistribution) }),
  }),
  replayRollout: endpoint({
    method: 'GET',
    path: '/api/v1/rollouts/:id/replay',
    tag,
    summary: 'Every stored decision, computed again from what was stored of its moment',
    permission: 'deployments.read',
    params: z.object({ id: Id }),
    reply: z.object({
      same: z.int(),
      different: z.int(),
      byPersons: z.int(),
      decisions: z.array(ReplayedDecision).describe('Oldest first.'),
    }),
  }),
  rolloutVerdict: endpoint({
    method: 'GET',
    path: '/api/v1/rollouts/:id/verdict',
    tag,
    summary: 'The standing as one value, as the web metric of Argo Rollouts reads it',
    permission: 'deployments.read',
    params: z.object({ id: Id }),
    reply: Verdict,
  }),
  createEvidenceRollout: endpoint({
    method: 'POST',
    path: '/api/v1/evidence-rollouts',
    tag,
    summary: "Begin to judge a rollout that another platform's mesh carries out",
    permission: 'deployments.write',
    status: 201,
    body: z.object({ name: Name, policy: RolloutPolicy.prefault({}) }),
    reply: EvidenceRollout,
  }),
  listEvidenceRollouts: endpoint({
    method: 'GET',
    path: '/api/v1/evidence-rollouts',
    tag,
    summary: 'Rollouts that are only judged here, newest first',
    permission: 'deployments.read',
    query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
    reply: z.object({ rollouts: z.array(EvidenceRollout) }),
  }),
  observeRollout: endpoint({
    method: 'POST',
    path: '/api/v1/evidence-rollouts/:id/observations',
    tag,
    summary:
      'Report what happened to callers since the last report; answers the verdict. The same report key counts once',
    permission: 'deployments.write',
    params: z.object({ id: Id }),
    body: z.object({
      report: z
        .string()
        .min(1)
        .max(200)
        .describe('A key of your own for this report, so that a repeated one counts once.'),
      at: Instant.optional(),
      observations: z.array(Observation).min(1).max(10_000),
    }),
    reply: Verdict,
  }),
  endEvidenceRollout: endpoint({
    method: 'POST',
    path: '/api/v1/evidence-rollouts/:id/end',
    tag,
    summary: 'Take no more observations; the verdict stays',
    permission: 'deployments.write',
    params: z.object({ id: Id }),
    body: WithReason,
    reply: EvidenceRollout,
  }),
} as const
