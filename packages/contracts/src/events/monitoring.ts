import { z } from 'zod'
import { Id, Instant, Name } from '../values.ts'
import { defineEvent, Evidence } from './define.ts'

const Window = z.object({ endpoint: Name, window: Id, from: Instant, to: Instant })
export const windowClosed = defineEvent(
  'monitoring.window_closed',
  Window.extend({ predictions: z.int(), entities: z.int() }),
  (p) => `window:${p.window}`,
  (p) =>
    `Window ${p.from.slice(0, 10)} to ${p.to.slice(0, 10)} of ${p.endpoint} closed with ${p.predictions} predictions on ${p.entities} things`,
)
export const driftDetected = defineEvent(
  'monitoring.drift_detected',
  Window.extend({ features: z.array(z.string()), summary: z.string(), evidence: Evidence }),
  (p) => `window:${p.window}`,
  (p) => `Drift on ${p.endpoint}: ${p.summary}`,
)
export const inputFaultDetected = defineEvent(
  'monitoring.input_fault_detected',
  Window.extend({
    feature: z.string(),
    factor: z.number(),
    since: Instant,
    summary: z.string(),
    evidence: Evidence,
    quarantined: z.int(),
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Input fault on ${p.endpoint}: ${p.summary}`,
)
export const inputFaultResolved = defineEvent(
  'monitoring.input_fault_resolved',
  z.object({
    endpoint: Name,
    fault: Id,
    feature: z.string(),
    until: Instant,
    reason: z.string(),
    quarantined: z.int(),
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Input fault of ${p.feature} on ${p.endpoint} is over: ${p.reason}`,
)
export const performanceLost = defineEvent(
  'monitoring.performance_lost',
  Window.extend({
    version: z.int(),
    lossBefore: z.number(),
    lossNow: z.number(),
    summary: z.string(),
    evidence: Evidence,
  }),
  (p) => `endpoint:${p.endpoint}`,
  (p) => `Performance lost on ${p.endpoint}: ${p.summary}`,
)

/** Windows, faults and lost performance. */
export const MONITORING_EVENTS = [
  windowClosed,
  driftDetected,
  inputFaultDetected,
  inputFaultResolved,
  performanceLost,
] as const
