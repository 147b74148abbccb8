import { Link } from '@tanstack/react-router'
import type { EventRecord } from '@tidemark/contracts'
import { Ago, type Knot, type Tone } from '../ui/index.ts'

const TONES: Readonly<Record<string, Tone>> = {
  'data.rows_quarantined': 'watch',
  'pipelines.run_failed': 'harm',
  'pipelines.run_succeeded': 'good',
  'evaluation.gates_passed': 'good',
  'evaluation.gates_failed': 'harm',
  'governance.version_approved': 'good',
  'governance.waiver_recorded': 'watch',
  'deployments.rollout_promoted': 'good',
  'deployments.rollout_rolled_back': 'harm',
  'monitoring.drift_detected': 'watch',
  'monitoring.input_fault_detected': 'harm',
  'monitoring.performance_lost': 'harm',
  'automation.retraining_decided': 'watch',
}

export function toneOf(type: string): Tone {
  return TONES[type] ?? 'unknown'
}

/** An event as a knot of the thread: who and when, the sentence, the numbers it used. */
export function knotOf(event: EventRecord): Knot {
  const evidence = event.payload.evidence
  return {
    key: event.id,
    tone: toneOf(event.type),
    head: (
      <>
        <span>{event.actor.kind === 'system' ? `policy of ${event.actor.id}` : event.actor.id}</span>
        <Ago at={event.recordedAt} />
        <Link to="/governance/why/$id" params={{ id: event.id }}>
          Why
        </Link>
        <span className="tm-mono">#{event.position}</span>
      </>
    ),
    text: event.sentence,
    ...(typeof evidence === 'object' && evidence !== null ? { evidence: evidence as Record<string, unknown> } : {}),
  }
}
