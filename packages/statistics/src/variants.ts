/**
 * Several variants beside one champion (A/B/n): each against the champion, all under one α.
 *
 * A caller that was shared out to the champion or to variant k, given that it was one of the two, is on k with probability
 * w_k / (w_0 + w_k): a toss of its own, and the harm test of rates.ts holds among those callers. What other variants do to
 * their callers plays no part. Each pair's e-process gives an always-valid p-value, 1 / sup E (Ramdas et al., 2210.01948); Holm's
 * correction of these (familywise.ts) keeps the chance that any harmless variant is ever accused, at any look, at α, however the
 * tests depend on each other (they share the champion's callers). Holm, and not a mean of e-values: each test is an e-process in its
 * own order of closings only.
 */

/**
 * The chance (0–1) that a caller is on the variant, given that it is on it or on the champion; 0 for a variant of no weight.
 *
 * Worked value: weights 0.2 and 0.3 beside a champion of 0.5 give 2/7 and 3/8.
 */
export function shareAgainstChampion(weights: Readonly<Record<string, number>>, variant: string): number {
  const own = weights[variant] ?? 0
  const champion = 1 - Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  if (champion < -1e-9) throw new RangeError('The weights of the variants exceed 1 together.')
  return own === 0 ? 0 : own / (own + Math.max(0, champion))
}
