import { z } from 'zod'
import { Id, Instant, Name } from '../values.ts'
import { defineEvent, Evidence } from './define.ts'

const Retraining = z.object({ decision: Id, endpoint: Name, pipeline: Name, summary: z.string(), evidence: Evidence })
export const retrainingDecided = defineEvent(
  'automation.retraining_decided',
  Retraining.extend({
    asOf: Instant,
    /** Of the run, besides `asOf`: as the endpoint's owner declared them. */
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Retrain ${p.pipeline} for ${p.endpoint}: ${p.summary}`,
)
export const retrainingDeclined = defineEvent(
  'automation.retraining_declined',
  Retraining,
  (p) => `endpoint:${p.endpoint}`,
  (p) => `No retraining for ${p.endpoint}: ${p.summary}`,
)

/** Retraining, or not. */
export const AUTOMATION_EVENTS = [retrainingDecided, retrainingDeclined] as const
