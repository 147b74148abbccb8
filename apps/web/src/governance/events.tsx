import { Link } from '@tanstack/react-router'
import type { EventRecord } from '@tidemark/contracts'
import { Ago, type Knot, sentence, type Tone } from '../ui/index.ts'
import { Who } from './who.tsx'

const TONES: Readonly<Record<string, Tone>> = {
  'data.rows_quarantined': 'watch',
  'pipelines.run_failed': 'harm',
  'pipelines.retraining_not_started': 'harm',
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
  'automation.retraining_decided': 'accent',
  'deployments.rollout_started': 'accent',
  'deployments.rollout_shifted': 'accent',
}

export function toneOf(type: string): Tone {
  return TONES[type] ?? 'plain'
}

/** An event as a knot of the thread: who and when, the sentence, the numbers it used. */
export function knotOf(event: EventRecord): Knot {
  const evidence = event.payload.evidence
  return {
    key: event.id,
    tone: toneOf(event.type),
    head: (
      <>
        <span>
          <Who actor={event.actor} />
        </span>
        <Ago at={event.recordedAt} />
        <Link to="/governance/why/$id" params={{ id: event.id }}>
          Why
        </Link>
        <span className="tm-mono">#{event.position}</span>
      </>
    ),
    text: sentence(event.sentence),
    ...(typeof evidence === 'object' && evidence !== null ? { evidence: evidence as Record<string, unknown> } : {}),
  }
}
