import type { RolloutPolicy } from '@tidemark/contracts'
import { judgeLatency, type LatencyTest, withRequests } from '@tidemark/statistics'
import type { CallerRow } from './types.ts'

/** Any finite time is one; a clock that went back is none. */
const LONGEST_MS = 86_400_000

/**
 * Judges one answer's time and counts it for its caller. The version on trial is given its margin: its times count as that much shorter, so that
 * H0 is "slower by no more than the margin".
 */
export function withTime(
  latency: LatencyTest,
  declared: NonNullable<RolloutPolicy['latency']>,
  row: CallerRow,
  answer: { milliseconds: number; candidate: boolean },
): { latency: LatencyTest; row: CallerRow } {
  const allowed = answer.candidate ? 1 + declared.marginPercent / 100 : 1
  const milliseconds = Math.min(LONGEST_MS, Math.max(0, answer.milliseconds)) / allowed
  const { slow, expected, test } = judgeLatency(latency, milliseconds)
  return { latency: test, row: { ...row, times: withRequests(row.times, Number(slow), 1, expected) } }
}
