import type { EventRecord } from '@tidemark/contracts'

const DECISIONS = new Set([
  'automation.retraining_decided',
  'automation.retraining_declined',
  'evaluation.gates_passed',
  'evaluation.gates_failed',
  'governance.version_approved',
  'governance.waiver_recorded',
  'deployments.rollout_started',
  'deployments.rollout_shifted',
  'deployments.rollout_promoted',
  'deployments.rollout_rolled_back',
  'monitoring.input_fault_detected',
  'monitoring.performance_lost',
  'monitoring.drift_detected',
  'data.rows_quarantined',
  'pipelines.run_failed',
  'pipelines.retraining_not_started',
])

/** Kinds that come with every window or batch while something lasts. */
const FREQUENT = new Set(['monitoring.drift_detected', 'data.rows_quarantined'])

/** A decision, and how many of its kind came before it: thirty windows that drifted are one line. */
export interface Told {
  readonly event: EventRecord
  readonly moreAlike: number
}

/** The decisions among events (newest first); of a frequent kind only the last, with the count of the others. */
export function lastDecisions(events: readonly EventRecord[], most: number): readonly Told[] {
  const told: { event: EventRecord; moreAlike: number }[] = []
  for (const event of events) {
    if (!DECISIONS.has(event.type)) continue
    const before = FREQUENT.has(event.type) ? told.find((each) => each.event.type === event.type) : undefined
    if (before) before.moreAlike += 1
    else told.push({ event, moreAlike: 0 })
  }
  return told.slice(0, most)
}
