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
])

/** A decision, and how many of the same kind came right before it: thirty windows in a row that drifted are one line. */
export interface Told {
  readonly event: EventRecord
  readonly moreAlike: number
}

/** The decisions among events (newest first), those of the same kind in a row as one. */
export function lastDecisions(events: readonly EventRecord[], most: number): readonly Told[] {
  const told: { event: EventRecord; moreAlike: number }[] = []
  for (const event of events) {
    if (!DECISIONS.has(event.type)) continue
    const last = told.at(-1)
    if (last && last.event.type === event.type && isFrequent(event.type)) last.moreAlike += 1
    else told.push({ event, moreAlike: 0 })
  }
  return told.slice(0, most)
}

function isFrequent(type: string): boolean {
  return type === 'monitoring.drift_detected' || type === 'data.rows_quarantined'
}
