import type { RunState, StepState } from '@tidemark/contracts'
import type { Tone } from '../ui/index.ts'

const TONES: Readonly<Record<RunState | StepState, Tone>> = {
  running: 'accent',
  cancelling: 'watch',
  succeeded: 'good',
  failed: 'harm',
  cancelled: 'unknown',
  waiting: 'unknown',
  retrying: 'watch',
  cached: 'good',
  skipped: 'unknown',
}

export function stateTone(state: RunState | StepState): Tone {
  return TONES[state]
}
