/**
 * Confidence sequence of a quantile: an interval that covers it at all times together with 1 − α, for display.
 *
 * The number of values up to the true quantile is a sum of Bernoulli(q) draws. A Beta mixture over other shares is a
 * martingale under q, so (Ville) that number stays with 1 − α among those whose mixture is below 1/α; read as ranks they bound
 * the quantile. Ties and bins only widen it: one may think them broken by independent coins.
 *
 * Assumes independent values from one distribution. Answers of one caller are not: feed one answer per caller, or read the
 * interval as what it is for requests taken as independent. No decision rests on it (latency.ts does that).
 *
 * Paper: Howard & Ramdas, Sequential estimation of quantiles with applications to A/B testing and best-arm identification
 * (1906.09712), with the Beta-binomial mixture as the boundary of the count.
 */
import { logBeta } from './gamma.ts'
import type { Interval } from './proportions.ts'

/** State of one sequence; plain numbers, to be stored as JSON and resumed. */
export interface QuantileSequence {
  formatVersion: 1
  quantile: number
  alpha: number
  n: number
  /** Values per bin: bin b holds those in (RATIO^(b−1), RATIO^b]. */
  counts: Record<string, number>
}

/** Each bin's upper end is this many times its lower one: an interval's ends are exact up to 2 %. */
const RATIO = 1.02
const LEAST = 1e-3

/** Worth of the mixture's prior in values: narrowest around ten times as many. */
const PRIOR = 100

/** A new sequence for the quantile `quantile` (0–1, both excluded) of positive values. */
export function startQuantileSequence(quantile: number, alpha = 0.05): QuantileSequence {
  if (!(quantile > 0 && quantile < 1)) throw new RangeError('The quantile must lie between 0 and 1.')
  if (!(alpha > 0 && alpha < 1)) throw new RangeError('Alpha must lie between 0 and 1.')
  return { formatVersion: 1, quantile, alpha, n: 0, counts: {} }
}

/** Adds values (below 0.001 counted as that) and returns the new state; the old one is unchanged. */
export function extendQuantileSequence(sequence: QuantileSequence, values: readonly number[]): QuantileSequence {
  const counts = { ...sequence.counts }
  for (const value of values) {
    if (!Number.isFinite(value)) throw new RangeError('A value of a quantile sequence must be a finite number.')
    const bin = Math.ceil(Math.log(Math.max(LEAST, value)) / Math.log(RATIO))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { ...sequence, n: sequence.n + values.length, counts }
}

export interface QuantileInterval extends Interval {
  n: number
  /** The sample's own quantile, as the upper end of its bin; null without values. */
  estimate: number | null
}

/** The interval now; a side about which nothing is known is 0 or Infinity. */
export function quantileInterval(sequence: QuantileSequence): QuantileInterval {
  const { quantile, alpha, n } = sequence
  if (n === 0) return { n, estimate: null, lower: 0, upper: Number.POSITIVE_INFINITY }
  const { fewest, most } = plausibleCounts(n, quantile, alpha)
  const bins = Object.entries(sequence.counts)
    .map(([bin, count]) => ({ bin: Number(bin), count }))
    .sort((a, b) => a.bin - b.bin)
  const rank = Math.max(1, Math.ceil(n * quantile))
  return {
    n,
    estimate: RATIO ** (binOfRank(bins, rank) ?? 0),
    // At least `fewest` values lie up to the quantile, at most `most`.
    lower: fewest === 0 ? 0 : RATIO ** ((binOfRank(bins, fewest) ?? 0) - 1),
    upper: most >= n ? Number.POSITIVE_INFINITY : RATIO ** (binOfRank(bins, most + 1) ?? 0),
  }
}

/**
 * Smallest and largest number of n values that may lie up to the quantile: where the mixture is below 1/α.
 *
 * Worked value: n = 1,000, quantile 0.99, α = 0.05 gives 979 … 997 (ville's BernoulliTest).
 */
export function plausibleCounts(n: number, quantile: number, alpha: number): { fewest: number; most: number } {
  const a = PRIOR * quantile
  const b = PRIOR * (1 - quantile)
  const limit = Math.log(1 / alpha) + logBeta(a, b)
  const plausible = (count: number): boolean =>
    logBeta(a + count, b + n - count) - count * Math.log(quantile) - (n - count) * Math.log1p(-quantile) < limit
  // The mixture falls towards n·q and rises beyond it, so each end is found by halving.
  const centre = Math.round(n * quantile)
  let [no, yes] = [-1, centre]
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2)
    if (plausible(middle)) yes = middle
    else no = middle
  }
  const fewest = yes
  ;[yes, no] = [centre, n + 1]
  while (no - yes > 1) {
    const middle = Math.floor((no + yes) / 2)
    if (plausible(middle)) yes = middle
    else no = middle
  }
  return { fewest, most: yes }
}

function binOfRank(bins: readonly { bin: number; count: number }[], rank: number): number | undefined {
  let below = 0
  for (const { bin, count } of bins) {
    below += count
    if (below >= rank) return bin
  }
  return undefined
}
