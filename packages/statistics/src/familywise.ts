/** One error budget for many checks: Holm's correction after the fact, a split by weights beforehand. */

export interface JudgedCheck {
  name: string
  pValue: number
  /** Smallest family-wise α at which this check would alarm; at most 1. */
  adjustedPValue: number
  alarm: boolean
}

/**
 * Holm's step-down correction: with all nulls true, any alarm at all happens with probability at most `alpha`, however
 * the checks depend on each other.
 *
 * Paper: Holm, Scandinavian Journal of Statistics 6 (1979). The answer keeps the order of `checks`.
 * Worked value: p = 0.01, 0.04, 0.03 adjusts to 0.03, 0.06, 0.06.
 */
export function familywise(alpha: number, checks: readonly { name: string; pValue: number }[]): JudgedCheck[] {
  const order = checks.map((_, index) => index).sort((i, j) => (checks[i]?.pValue ?? 1) - (checks[j]?.pValue ?? 1))
  const adjusted = new Map<number, number>()
  let highest = 0
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, (checks.length - rank) * (checks[index]?.pValue ?? 1)))
    adjusted.set(index, highest)
  })
  return checks.map((check, index) => {
    const adjustedPValue = adjusted.get(index) ?? 1
    return { name: check.name, pValue: check.pValue, adjustedPValue, alarm: adjustedPValue <= alpha }
  })
}

/**
 * The level at which each check of a family is judged by Holm's correction, told as one number: `alpha` over the number of checks that are not proven
 * yet. Exactly the checks whose p-value is at most this level are those that alarm in `familywise`. With always-valid p-values it only grows from
 * look to look, and nothing that was proven is taken back.
 *
 * Paper: as above. Worked value: α = 0.05, p = 0.01, 0.04, 0.03 gives 0.025, at which the first alone alarms.
 */
export function familywiseLevel(alpha: number, pValues: readonly number[]): number {
  for (let proven = 0; ; ) {
    const level = alpha / Math.max(1, pValues.length - proven)
    const now = pValues.filter((pValue) => pValue <= level).length
    if (now === proven) return level
    proven = now
  }
}

/**
 * Splits one budget among named guardrails in proportion to their weights; the shares sum to `alpha` exactly up to
 * rounding, so the union bound keeps the whole at `alpha`.
 *
 * @throws RangeError when a weight is negative or all are zero.
 */
export function allocateAlpha<Name extends string>(
  alpha: number,
  weights: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const entries = Object.entries<number>(weights) as [Name, number][]
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
  if (!(total > 0) || entries.some(([, weight]) => !(weight >= 0))) {
    throw new RangeError('Weights of guardrails must be non-negative and not all zero.')
  }
  return Object.fromEntries(entries.map(([name, weight]) => [name, (alpha * weight) / total])) as Record<Name, number>
}
