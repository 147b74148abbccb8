/** How large a change is, beside whether it is one: effect sizes on counts. */
import type { Counts } from './homogeneity.ts'

/** Added to each cell of both samples, so that an empty cell gives a large number and not infinity (Jeffreys' prior). */
const PRIOR_COUNT = 0.5

/**
 * Population stability index Σ (q − p)·ln(q / p), with half a row added to each cell. By custom 0.1 is small, 0.25 large;
 * its sampling noise is about (cells − 1)·(1/n + 1/m), so a small window shows a large index by chance: never a test.
 */
export function populationStabilityIndex(window: Counts, reference: Counts): number {
  const q = shares(window, PRIOR_COUNT)
  const p = shares(reference, PRIOR_COUNT)
  return p.reduce((sum, share, cell) => sum + ((q[cell] ?? 0) - share) * Math.log((q[cell] ?? 0) / share), 0)
}

/**
 * Jensen–Shannon distance, base 2: 0 for equal shares, 1 for disjoint ones. The square root of the divergence (Lin 1991),
 * as scipy.spatial.distance.jensenshannon with base 2.
 */
export function jensenShannonDistance(window: Counts, reference: Counts): number {
  const q = shares(window, 0)
  const p = shares(reference, 0)
  const divergence = p.reduce((sum, share, cell) => {
    const other = q[cell] ?? 0
    const middle = (share + other) / 2
    const part = (value: number): number => (value > 0 ? (value / 2) * Math.log2(value / middle) : 0)
    return sum + part(share) + part(other)
  }, 0)
  return Math.sqrt(Math.max(0, divergence))
}

/** Shift of the mean in standard deviations of the reference; 0 when the reference does not vary and the means agree. */
export function standardisedMeanShift(windowMean: number, reference: { mean: number; sd: number }): number {
  const shift = windowMean - reference.mean
  return shift === 0 ? 0 : shift / reference.sd
}

function shares(counts: Counts, prior: number): number[] {
  const total = counts.reduce((sum, count) => sum + count + prior, 0)
  return counts.map((count) => (total > 0 ? (count + prior) / total : 0))
}
