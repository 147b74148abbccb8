import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { GateName } from './evaluation.ts'
import { EventRecord } from './events/index.ts'
import { LoggedPrediction } from './monitoring.ts'
import { ActorRef, Id, Instant, Name } from './values.ts'

const tag = 'governance'

export const Approval = z
  .object({
    id: Id,
    model: z.string(),
    version: z.int(),
    endpoint: Name,
    policy: z.enum(['automatic', 'person']),
    state: z.enum(['waiting', 'approved', 'refused']),
    waiver: Id.nullable(),
    by: ActorRef.nullable(),
    reason: z.string().nullable(),
    requestedAt: Instant,
    decidedAt: Instant.nullable(),
  })
  .meta({ id: 'Approval' })
export type Approval = z.infer<typeof Approval>

export const Waiver = z
  .object({
    id: Id,
    model: z.string(),
    version: z.int(),
    endpoint: Name,
    evaluation: Id,
    gates: z.array(GateName),
    reason: z.string(),
    by: ActorRef,
    recordedAt: Instant,
  })
  .meta({ id: 'Waiver' })
export type Waiver = z.infer<typeof Waiver>

/** A fact about the thing asked for, with the page of the UI that shows it. */
export const WhyFact = z.object({
  label: z.string(),
  value: z.string(),
  link: z.string().nullable().describe('Path in the UI, such as /models/films/3.'),
})
export type WhyFact = z.infer<typeof WhyFact>

export const Why = z
  .object({
    about: z.object({
      kind: z.enum([
        'event',
        'rollout',
        'pipeline-run',
        'model-version',
        'evaluation',
        'approval',
        'waiver',
        'window',
        'prediction',
      ]),
      id: z.string(),
      title: z.string(),
    }),
    /** The logged answer with its mirror, when a prediction was asked for. */
    prediction: LoggedPrediction.nullable(),
    facts: z.array(WhyFact),
    /** Chain of causes, newest first. */
    chain: z.array(EventRecord),
  })
  .meta({ id: 'Why' })
export type Why = z.infer<typeof Why>

export const governance = {
  listApprovals: endpoint({
    method: 'GET',
    path: '/api/v1/approvals',
    tag,
    summary: 'Approvals, newest first',
    permission: 'governance.read',
    query: z.object({
      state: z.enum(['waiting', 'approved', 'refused']).optional(),
      endpoint: Name.optional(),
      limit: z.coerce.number().int().min(1).max(500).default(50),
    }),
    reply: z.object({ approvals: z.array(Approval) }),
  }),
  decideApproval: endpoint({
    method: 'POST',
    path: '/api/v1/approvals/:id/decision',
    tag,
    summary: 'Approve or refuse a version',
    permission: 'governance.approve',
    params: z.object({ id: Id }),
    body: z.object({ decision: z.enum(['approve', 'refuse']), reason: z.string().min(1).max(2000) }),
    reply: Approval,
  }),
  recordWaiver: endpoint({
    method: 'POST',
    path: '/api/v1/waivers',
    tag,
    summary: 'Waive failed gates of a version for an endpoint, with a reason; approves it',
    permission: 'governance.waive',
    status: 201,
    body: z.object({
      model: z.string().min(1),
      version: z.int().min(1),
      endpoint: Name,
      gates: z.array(GateName).min(1),
      reason: z.string().min(1).max(2000),
    }),
    reply: Waiver,
  }),
  listWaivers: endpoint({
    method: 'GET',
    path: '/api/v1/waivers',
    tag,
    summary: 'Waivers, newest first',
    permission: 'governance.read',
    query: z.object({ endpoint: Name.optional(), limit: z.coerce.number().int().min(1).max(500).default(50) }),
    reply: z.object({ waivers: z.array(Waiver) }),
  }),
  verifyAudit: endpoint({
    method: 'GET',
    path: '/api/v1/audit/verification',
    tag,
    summary: 'Recompute the hash chain of all events',
    permission: 'governance.read',
    reply: z.object({
      intact: z.boolean(),
      events: z.int(),
      firstBrokenPosition: z.int().nullable(),
    }),
  }),
  why: endpoint({
    method: 'GET',
    path: '/api/v1/why/:id',
    tag,
    summary: 'Why did this happen? Chain of causes of an event, rollout, run, version, evaluation or prediction',
    permission: 'governance.read',
    params: z.object({ id: z.string().min(1).max(300) }),
    reply: Why,
  }),
} as const
