import type { RecheckPolicy } from '@tidemark/contracts'

/**
 * Whether an answer is asked of Python again: a share of them by chance, and one whenever none was for so long that the hour's least number would
 * not be reached.
 * @param lastMs when an answer of this version was last chosen; null: never.
 * @param chance uniform in [0, 1).
 */
export function isChosen(policy: RecheckPolicy, lastMs: number | null, nowMs: number, chance: number): boolean {
  if (chance * 100 < policy.sharePercent) return true
  if (policy.minPerHour === 0) return false
  return lastMs === null || nowMs - lastMs >= 3_600_000 / policy.minPerHour
}
