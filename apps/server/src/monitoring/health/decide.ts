import type { EndpointHealth, PerformanceState } from '@tidemark/contracts'
import { studentQuantile } from '@tidemark/statistics'

export interface HealthFacts {
  /** Why the champion stopped to run as ONNX; null: nothing was found against it. */
  readonly switched: { readonly at: string; readonly sentence: string } | null
  readonly openFaults: readonly { readonly feature: string; readonly sentence: string }[]
  readonly performance: PerformanceState | null
  /** Newest first; judged ones only. */
  readonly judged: readonly { readonly from: string; readonly alarms: number }[]
}

/** The endpoint's state in one word and one sentence: the worst thing that is known. */
export function decideHealth(facts: HealthFacts): Pick<EndpointHealth, 'state' | 'sentence'> {
  const [fault] = facts.openFaults
  if (fault) return { state: 'harm', sentence: `Input fault: ${fault.sentence}.` }
  if (facts.performance?.state === 'lost')
    return { state: 'harm', sentence: `Performance lost: ${facts.performance.sentence}.` }
  if (facts.switched) {
    const { at, sentence } = facts.switched
    return {
      state: 'watch',
      sentence: `The champion runs in Python since ${at.slice(0, 10)}, because its converted form answered otherwise: ${sentence}.`,
    }
  }
  const [newest] = facts.judged
  if (!newest) return { state: 'unknown', sentence: 'No window has been judged yet.' }
  if (newest.alarms > 0) {
    const alarms = newest.alarms === 1 ? 'One check' : `${newest.alarms} checks`
    return {
      state: 'watch',
      sentence: `${alarms} of the window from ${newest.from.slice(0, 10)} found a change; no loss of performance is proven.`,
    }
  }
  return { state: 'well', sentence: `The window from ${newest.from.slice(0, 10)} looks as training did.` }
}

/** A mean with its 95 % interval (Student's t); one value alone has no interval, so both ends are the value itself. */
export function estimateOf(
  n: number,
  mean: number,
  sd: number | null,
): { n: number; mean: number; lower: number; upper: number } {
  if (n < 2 || sd === null) return { n, mean, lower: mean, upper: mean }
  const half = (studentQuantile(0.975, n - 1) * sd) / Math.sqrt(n)
  return { n, mean, lower: mean - half, upper: mean + half }
}
