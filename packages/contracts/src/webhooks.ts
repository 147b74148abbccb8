import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Id, Instant } from './values.ts'

const tag = 'webhooks'

export const WebhookSummary = z
  .object({
    id: Id,
    name: z.string(),
    url: z.string(),
    /** As in `registered_model.created`. */
    events: z.array(z.string()),
    active: z.boolean(),
  })
  .meta({ id: 'WebhookSummary' })

export const WebhookDelivery = z
  .object({
    /** The header X-MLflow-Delivery-Id; the same for all attempts. */
    id: Id,
    event: z.string(),
    state: z.enum(['waiting', 'delivered', 'failed', 'dropped']),
    attempts: z.int(),
    status: z.int().nullable().describe('HTTP status of the last answer; null when there was none'),
    problem: z.string().nullable(),
    response: z.string().nullable().describe('Beginning of the last answer'),
    createdAt: Instant,
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export type WebhookDelivery = z.infer<typeof WebhookDelivery>

export const webhooks = {
  list: endpoint({
    method: 'GET',
    path: '/api/v1/webhooks',
    tag,
    summary: "Webhooks, the newest first; they are made and changed by MLflow's API",
    permission: 'registry.read',
    reply: z.object({ webhooks: z.array(WebhookSummary) }),
  }),
  deliveries: endpoint({
    method: 'GET',
    path: '/api/v1/webhooks/:webhook/deliveries',
    tag,
    summary: 'What a webhook was told and how that went, the newest first; kept for 30 days, at most 1,000',
    permission: 'registry.read',
    params: z.object({ webhook: z.string().max(64) }),
    query: z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    reply: z.object({ deliveries: z.array(WebhookDelivery) }),
  }),
} as const
