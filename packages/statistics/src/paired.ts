/** Fixed-sample comparison of two models on the same labelled rows: the offline gates. */
import { studentQuantile, studentTail } from './distributions.ts'
import type { Interval } from './proportions.ts'
import { seededUniform } from './random.ts'

export interface PairedComparison {
  /** Number of rows. */
  n: number
  /** Mean of candidate loss − champion loss; negative when the candidate is better. Unit of the loss. */
  meanDifference: number
  standardError: number
  /** H0: the candidate is not better than `margin` (mean difference ≥ margin). One-sided t. */
  pNotBetter: number
  /** H0: the candidate is not worse than `margin` (mean difference ≤ margin). One-sided t. */
  pNotWorse: number
  /** Same H0 as `pNotBetter`, by flipping signs: exact when differences − margin are symmetric around 0 under H0. */
  signFlipPNotBetter: number
  /** Two-sided 1 − alpha interval of the mean difference. */
  interval: Interval
}

/**
 * Paired test of losses, candidate against champion on the same rows, with the sample size fixed beforehand (never look
 * repeatedly with it: `meanTest` is for that).
 *
 * Assumes independent rows; the t part also that the mean of n differences is near normal (n ≥ 30 for moderate skew).
 * Worked value: differences 0.1, −0.2, 0.3, 0.25, 0.05 have t = 1.1359 and `pNotWorse` 0.15971510847133044 (scipy).
 *
 * @throws RangeError when lengths differ or fewer than two rows are given.
 */
export function comparePaired(
  candidateLosses: readonly number[],
  championLosses: readonly number[],
  options: { alpha?: number; margin?: number; permutations?: number; seed?: number } = {},
): PairedComparison {
  const { alpha = 0.05, margin = 0, permutations = 9_999, seed = 1 } = options
  if (candidateLosses.length !== championLosses.length) throw new RangeError('Both models need a loss for each row.')
  const differences = candidateLosses.map((loss, row) => loss - (championLosses[row] ?? Number.NaN))
  const { n, mean, standardError } = meanAndError(differences)
  const t = (mean - margin) / standardError
  const half = studentQuantile(1 - alpha / 2, n - 1) * standardError
  const certain = standardError === 0
  return {
    n,
    meanDifference: mean,
    standardError,
    pNotBetter: certain ? (mean < margin ? 0 : 1) : studentTail(-t, n - 1),
    pNotWorse: certain ? (mean > margin ? 0 : 1) : studentTail(t, n - 1),
    signFlipPNotBetter: signFlip(differences, margin, permutations, seed),
    interval: certain ? { lower: mean, upper: mean } : { lower: mean - half, upper: mean + half },
  }
}

function signFlip(differences: readonly number[], margin: number, permutations: number, seed: number): number {
  const uniform = seededUniform(seed)
  const gains = Float64Array.from(differences, (difference) => margin - difference)
  let observed = 0
  for (const gain of gains) observed += gain
  const limit = observed - 1e-12 * Math.abs(observed)
  let atLeast = 0
  for (let draw = 0; draw < permutations; draw += 1) {
    let sum = 0
    for (const gain of gains) sum += uniform() < 0.5 ? gain : -gain
    if (sum >= limit) atLeast += 1
  }
  return (atLeast + 1) / (permutations + 1)
}

export interface SliceBound {
  slice: string
  n: number
  meanDifference: number
  /** One-sided lower bound of the loss increase; −∞ below two rows. */
  lowerBound: number
  /** False below the minimum of rows: shown, not judged. */
  judged: boolean
  /** Judged, and the lower bound of the loss increase exceeds the margin. */
  worse: boolean
}

/**
 * One-sided lower bounds of the loss increase per slice. All judged slices together say "worse" of a candidate that is
 * within the margin everywhere with probability at most `alpha` (Bonferroni over the judged slices).
 *
 * H0 of a slice: mean loss increase ≤ margin. Assumes independent rows within a slice; slices may overlap.
 */
export function boundSlices(
  slices: Readonly<Record<string, readonly number[]>>,
  options: { alpha?: number; margin?: number; minimumRows?: number } = {},
): SliceBound[] {
  const { alpha = 0.05, margin = 0, minimumRows = 30 } = options
  const judgedCount = Object.values(slices).filter((differences) => differences.length >= minimumRows).length
  return Object.entries(slices).map(([slice, differences]) => {
    const n = differences.length
    const judged = n >= minimumRows
    if (n < 2) {
      return {
        slice,
        n,
        meanDifference: differences[0] ?? 0,
        lowerBound: Number.NEGATIVE_INFINITY,
        judged,
        worse: false,
      }
    }
    const { mean, standardError } = meanAndError(differences)
    const level = judged ? alpha / judgedCount : alpha
    const lowerBound = mean - studentQuantile(1 - level, n - 1) * standardError
    return { slice, n, meanDifference: mean, lowerBound, judged, worse: judged && lowerBound > margin }
  })
}

/** Mean of a sample, with its standard error from the unbiased variance. */
export function meanAndError(values: readonly number[]): { n: number; mean: number; standardError: number } {
  const n = values.length
  if (n < 2) throw new RangeError('At least two rows are needed for a standard error.')
  let mean = 0
  for (const value of values) mean += value / n
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return { n, mean, standardError: Math.sqrt(squares / (n - 1) / n) }
}
