import type { EventRecord } from '@tidemark/contracts'

/** Parts of the way from lost performance to a new champion that did not happen. What a waiver let in does not count. */
export function unshown(events: readonly Pick<EventRecord, 'type' | 'correlation'>[]): string[] {
  const decided = events.filter(({ type }) => type === 'automation.retraining_decided')
  const chains = new Set(decided.map(({ correlation }) => correlation))
  const happened = new Set(events.filter(({ correlation }) => chains.has(correlation)).map(({ type }) => type))
  const parts = {
    'performance lost': events.some(({ type }) => type === 'monitoring.performance_lost'),
    'a decision to retrain': decided.length > 0,
    'the pipeline run': happened.has('pipelines.run_succeeded'),
    'a candidate through the gates': happened.has('evaluation.gates_passed'),
    approval: happened.has('governance.version_approved'),
    'its rollout': happened.has('deployments.rollout_started'),
    promotion: happened.has('deployments.rollout_promoted'),
  }
  return Object.entries(parts).flatMap(([part, seen]) => (seen ? [] : [part]))
}
