import { z } from 'zod'
import { Id } from '../values.ts'
import { defineEvent } from './define.ts'

const Webhook = z.object({ webhook: Id, name: z.string(), host: z.string() })
export const webhookCreated = defineEvent(
  'webhooks.created',
  Webhook.extend({ events: z.array(z.string()) }),
  (p) => `webhook:${p.webhook}`,
  (p) => `Webhook ${p.name} to ${p.host} created for ${p.events.join(', ')}`,
)
export const webhookChanged = defineEvent(
  'webhooks.changed',
  Webhook.extend({ events: z.array(z.string()), active: z.boolean(), newSecret: z.boolean() }),
  (p) => `webhook:${p.webhook}`,
  (p) => `Webhook ${p.name} to ${p.host} changed${p.active ? '' : ', it is off'}`,
)
export const webhookDeleted = defineEvent(
  'webhooks.deleted',
  Webhook,
  (p) => `webhook:${p.webhook}`,
  (p) => `Webhook ${p.name} to ${p.host} deleted`,
)

/** Webhooks of the registry. */
export const WEBHOOKS_EVENTS = [webhookCreated, webhookChanged, webhookDeleted] as const
