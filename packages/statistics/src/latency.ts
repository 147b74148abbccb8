/**
 * Always-valid test that a version makes slow answers more frequent: one bet per caller on its share of slow answers.
 *
 * An answer is slow when it takes longer than the endpoint's own quantile at that time, whichever version answered. Slow
 * answers are then counted by caller as errors are (callers.ts) and bet on by the harm test of rates.ts.
 *
 * H0: the arm changes nothing about a caller's latencies. Then neither the threshold (it follows all answers, never those of
 * one arm) nor the share of slow answers (it follows the same) depends on any toss, so the bet's expectation is 1 whatever
 * callers are like, however slow each is, and wherever the endpoint's latency moves. A threshold taken from the champion's
 * answers alone would not do: a slow caller on the champion would raise it and be judged by a milder one than on the candidate.
 * Power: a candidate that moves the tail of its own answers moves the pooled threshold too, by its weight; and one that
 * slows the champion's answers as well (both in one process) is seen less.
 *
 * Papers: Ramdas et al., Game-theoretic statistics and safe anytime-valid inference (2210.01948); Lindon, Sanden & Shirikian,
 * Rapid regression detection in software deployments (2205.14762), whose per-request test needs per-request randomisation.
 */
import { type CallerUnit, expectTraffic, type TrafficRate, withTraffic } from './callers.ts'
import { addCaller, type RateEvidence, type RateTest, rateEvidence, startRateTest } from './rates.ts'

/** State of one latency test; plain numbers, to be stored as JSON and resumed. */
export interface LatencyTest {
  formatVersion: 1
  /** Which quantile of the endpoint's latency parts slow answers from others, 0.5–0.999. */
  quantile: number
  /** Answers seen, of both arms. */
  answers: number
  /** Natural logarithm of the threshold in milliseconds; null before the first answer. */
  logThreshold: number | null
  /** Share of slow answers lately, both arms together. */
  slow: TrafficRate
  harm: RateTest
}

/** How far one slow answer moves the threshold once it has settled, in natural logarithms. */
const STEP = 0.05
/** Latencies below a microsecond are the clock's. */
const LEAST_MILLISECONDS = 1e-3

/**
 * A new test of a latency quantile, 0.5 ≤ `quantile` ≤ 0.999. The 0.95 and 0.99 quantiles suit it: a unit closes at the
 * caller's first slow answer, so at the median nearly every caller says no more than one answer could.
 *
 * @throws RangeError when the quantile lies outside.
 */
export function startLatencyTest(quantile = 0.99): LatencyTest {
  if (!(quantile >= 0.5 && quantile <= 0.999)) {
    throw new RangeError(`The latency quantile must lie between 0.5 and 0.999, not ${quantile}.`)
  }
  const slowShare = 1 - quantile
  return {
    formatVersion: 1,
    quantile,
    answers: 0,
    logThreshold: null,
    slow: expectTraffic(slowShare),
    harm: startRateTest({ kind: 'harm' }, slowShare),
  }
}

/** Milliseconds beyond which an answer is slow now; null before the first answer. */
export function latencyThreshold(test: LatencyTest): number | null {
  return test.logThreshold === null ? null : Math.exp(test.logThreshold)
}

/** What one answer says, and the test after it. */
export interface JudgedLatency {
  /** Slow against the endpoint's quantile before this answer; false for the very first. */
  slow: boolean
  /** Share of slow answers that was expected of this one, for the caller's `expectedErrors`. */
  expected: number
  test: LatencyTest
}

/**
 * Judges an answer's latency in milliseconds against the threshold so far, then moves the threshold. Every answer of the
 * endpoint passes through it once, in the log's order, whichever version answered. Count `slow` for the caller with
 * `withRequests(caller, Number(slow), 1, expected)` and give its closed units to `addLatencyUnit`.
 *
 * @throws RangeError when the latency is negative or not a number.
 */
export function judgeLatency(test: LatencyTest, milliseconds: number): JudgedLatency {
  if (!(milliseconds >= 0)) throw new RangeError(`A latency must be a number of milliseconds, not ${milliseconds}.`)
  const value = Math.log(Math.max(LEAST_MILLISECONDS, milliseconds))
  const before = test.logThreshold
  const slow = before !== null && value > before
  const expected = test.slow.errors / test.slow.requests
  const answers = test.answers + 1
  // Robbins & Monro (1951): it rests where slow answers are as frequent as the quantile says. Bets need no exact threshold, as
  // the expected share is measured beside it.
  const step = STEP + 1 / answers
  const moved = before === null ? value : before + step * (Number(slow) - (1 - test.quantile))
  return {
    slow,
    expected,
    test: { ...test, answers, logThreshold: moved, slow: withTraffic(test.slow, Number(slow), 1) },
  }
}

/** Bets one closed unit, whose `errors` are the caller's slow answers. */
export function addLatencyUnit(test: LatencyTest, unit: CallerUnit): LatencyTest {
  const harm = addCaller(test.harm, unit)
  return harm === test.harm ? test : { ...test, harm }
}

export interface LatencyEvidence extends RateEvidence {
  thresholdMilliseconds: number | null
}

/** The evidence so far; `championRate` and `candidateRate` are shares of slow answers. */
export function latencyEvidence(test: LatencyTest): LatencyEvidence {
  return { ...rateEvidence(test.harm), thresholdMilliseconds: latencyThreshold(test) }
}
