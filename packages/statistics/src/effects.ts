/** How large a change is, beside whether it is one: effect sizes on counts. */
import type { Counts } from './homogeneity.ts'

/**
 * Jensen–Shannon distance, base 2: 0 for equal shares, 1 for disjoint ones. The square root of the divergence (Lin 1991),
 * as scipy.spatial.distance.jensenshannon with base 2.
 */
export function jensenShannonDistance(window: Counts, reference: Counts): number {
  const q = shares(window)
  const p = shares(reference)
  const divergence = p.reduce((sum, share, cell) => {
    const other = q[cell] ?? 0
    const middle = (share + other) / 2
    const part = (value: number): number => (value > 0 ? (value / 2) * Math.log2(value / middle) : 0)
    return sum + part(share) + part(other)
  }, 0)
  return Math.sqrt(Math.max(0, divergence))
}

function shares(counts: Counts): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.map((count) => (total > 0 ? count / total : 0))
}
