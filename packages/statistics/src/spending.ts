/**
 * α over the rollouts of one endpoint: each may spend up to its own α, all of a year together up to a budget.
 *
 * A rollout gets the smaller of its own α and the half of what is left of the year's budget. What was spent comes back a year
 * after the rollout began. Guarantee, by the union bound: the chance that any healthy version is rolled back among the
 * rollouts that begin within any one year is at most the year's budget, and of each single rollout at most its own α, however
 * the rollouts depend on each other and on those before. The same holds for false promotions with a budget of their own.
 *
 * Alternatives measured against in the decision's page: α·6/(π²k²) for the k-th rollout, which is spent for good (the tenth has
 * 0.03 %), and a false discovery rate over rollbacks (e-LOND), which promises nothing about a single rollout.
 */

export interface AlphaBudget {
  /** Most that one rollout may spend (0–1). */
  perRollout: number
  /** Most that the rollouts begun within 365 days may spend together (0–1). */
  perYear: number
}

/** What an earlier rollout of the endpoint was given. */
export interface AlphaSpent {
  /** When it began, milliseconds since 1970, on the clock of `now`. */
  beganAt: number
  alpha: number
}

const YEAR = 365 * 86_400_000

/** When what a rollout was given has come back, milliseconds since 1970. */
export function comesBackAt({ beganAt }: AlphaSpent): number {
  return beganAt + YEAR
}

/**
 * α of a rollout that begins at `now`, given those before it. Never 0 under one budget, for there is always half of something left; 0 when the
 * rollouts of a larger budget, as it was before, have spent this one.
 *
 * Worked value: of 0.05 a rollout and 0.2 a year, seven rollouts in a row get 0.05, 0.05, 0.05, 0.025, 0.0125, 0.00625, 0.003125.
 *
 * @throws RangeError when a budget lies outside 0–1.
 */
export function nextAlpha(budget: AlphaBudget, spent: readonly AlphaSpent[], now: number): number {
  const { perRollout, perYear } = budget
  if (!(perRollout > 0 && perRollout < 1 && perYear > 0 && perYear < 1)) {
    throw new RangeError('Budgets of false alarms must lie between 0 and 1.')
  }
  // A rollout whose begin lies ahead (clocks differ) counts as begun.
  const recent = spent.reduce((sum, each) => (now < comesBackAt(each) ? sum + each.alpha : sum), 0)
  return Math.min(perRollout, Math.max(0, perYear - recent) / 2)
}
