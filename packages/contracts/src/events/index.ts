import { z } from 'zod'
import { ActorRef, Id, Instant } from '../values.ts'
import { AUTOMATION_EVENTS } from './automation.ts'
import { BATCH_EVENTS } from './batch.ts'
import { DATA_EVENTS } from './data.ts'
import { DEPLOYMENTS_EVENTS } from './deployments.ts'
import { EVALUATION_EVENTS } from './evaluation.ts'
import { GOVERNANCE_EVENTS } from './governance.ts'
import { IDENTITY_EVENTS } from './identity.ts'
import { IMPORTS_EVENTS } from './imports.ts'
import { MONITORING_EVENTS } from './monitoring.ts'
import { PIPELINES_EVENTS } from './pipelines.ts'
import { PLATFORM_EVENTS } from './platform.ts'
import { PREDICTIONS_EVENTS } from './predictions.ts'
import { REGISTRY_EVENTS } from './registry.ts'
import { REPLAYS_EVENTS } from './replays.ts'
import { RETENTION_EVENTS } from './retention.ts'
import { WEBHOOKS_EVENTS } from './webhooks.ts'

export * from './automation.ts'
export * from './batch.ts'
export * from './data.ts'
export { type EventType, Evidence } from './define.ts'
export * from './deployments.ts'
export * from './evaluation.ts'
export * from './governance.ts'
export * from './identity.ts'
export * from './imports.ts'
export * from './monitoring.ts'
export * from './pipelines.ts'
export * from './platform.ts'
export * from './predictions.ts'
export * from './registry.ts'
export * from './replays.ts'
export * from './retention.ts'
export * from './webhooks.ts'

/** Every kind of event, by station. */
export const EVENT_TYPES = [
  ...DATA_EVENTS,
  ...PIPELINES_EVENTS,
  ...REGISTRY_EVENTS,
  ...WEBHOOKS_EVENTS,
  ...IMPORTS_EVENTS,
  ...EVALUATION_EVENTS,
  ...GOVERNANCE_EVENTS,
  ...DEPLOYMENTS_EVENTS,
  ...MONITORING_EVENTS,
  ...AUTOMATION_EVENTS,
  ...PLATFORM_EVENTS,
  ...IDENTITY_EVENTS,
  ...PREDICTIONS_EVENTS,
  ...BATCH_EVENTS,
  ...REPLAYS_EVENTS,
  ...RETENTION_EVENTS,
] as const

/** An event as the API gives it. */
export const EventRecord = z
  .object({
    id: Id,
    /** Position in commit order: a reader that remembers it misses nothing. */
    position: z.int(),
    workspace: z.string(),
    type: z.string(),
    schemaVersion: z.int(),
    subject: z.string(),
    actor: ActorRef,
    causes: z.array(Id),
    correlation: Id,
    payload: z.record(z.string(), z.unknown()),
    sentence: z.string(),
    occurredAt: Instant,
    recordedAt: Instant,
    /** SHA-256 over the previous event's hash and this event's canonical bytes, hex. */
    hash: z.string(),
  })
  .meta({ id: 'Event' })
export type EventRecord = z.infer<typeof EventRecord>
