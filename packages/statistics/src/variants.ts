/**
 * Several variants beside one champion (A/B/n): each against the champion, all under one α.
 *
 * A caller that was shared out to the champion or to variant k, given that it was one of the two, is on k with probability
 * w_k / (w_0 + w_k): a toss of its own, and the harm test of rates.ts holds among those callers. What other variants do to
 * their callers plays no part. Each pair's e-process gives an always-valid p-value; Holm's correction of these keeps the
 * chance that any harmless variant is ever accused, at any look, at α, however the tests depend on each other (they share
 * the champion's callers). Holm, and not a mean of e-values: each test is an e-process in its own order of closings only.
 *
 * H0 of a pair: the arm, champion or k, changes nothing about a caller's errors (or slow answers).
 * Papers: Ramdas et al. (2210.01948) for the p-value 1 / sup E; Holm (1979).
 */
import type { CallerUnit } from './callers.ts'
import { familywise, type JudgedCheck } from './familywise.ts'
import { addCaller, type RateEvidence, type RateQuestion, type RateTest, rateEvidence, startRateTest } from './rates.ts'

/** State of the tests of all variants; plain JSON, to be stored and resumed. */
export interface VariantTests {
  formatVersion: 1
  tests: Record<string, RateTest>
}

/** What happened to one caller in one closed unit, shared out among champion and variants. */
export interface VariantUnit {
  /** The variant that answered it; null: the champion. */
  variant: string | null
  /** Weights (0–1) in force when it was assigned; their sum with the champion's is 1. */
  weights: Readonly<Record<string, number>>
  unit: Omit<CallerUnit, 'assignedCandidate' | 'rho'>
}

/** New tests, one a variant, of the same question. */
export function startVariantTests(
  names: readonly string[],
  question: RateQuestion,
  expectedRate?: number,
): VariantTests {
  if (names.length === 0) throw new RangeError('There must be a variant to compare with the champion.')
  return {
    formatVersion: 1,
    tests: Object.fromEntries(names.map((name) => [name, startRateTest(question, expectedRate)])),
  }
}

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

/** Bets one closed unit: the champion's callers in every pair, a variant's in its own. */
export function addVariantUnit(state: VariantTests, { variant, weights, unit }: VariantUnit): VariantTests {
  const tests = { ...state.tests }
  for (const [name, test] of Object.entries(state.tests)) {
    if (variant !== null && variant !== name) continue
    const rho = shareAgainstChampion(weights, name)
    tests[name] = addCaller(test, { ...unit, rho, assignedCandidate: variant === name })
  }
  return { formatVersion: 1, tests }
}

export interface JudgedVariant extends JudgedCheck {
  evidence: RateEvidence
}

/** All variants at level `alpha` together (Holm); `alarm` rejects the variant's H0. In the order of the tests. */
export function judgeVariants(state: VariantTests, alpha: number): JudgedVariant[] {
  const found = Object.entries(state.tests).map(([name, test]) => ({ name, evidence: rateEvidence(test) }))
  const judged = familywise(
    alpha,
    found.map(({ name, evidence }) => ({ name, pValue: evidence.pValue })),
  )
  return judged.flatMap((check, index) => {
    const evidence = found[index]?.evidence
    return evidence === undefined ? [] : [{ ...check, evidence }]
  })
}
