/** Slices of one comparison of two versions, judged together: shares that differ, and losses. */
import { studentQuantile } from './distributions.ts'
import { type Interval, shareInterval } from './proportions.ts'

export interface SliceCounts {
  readonly slice: string
  /** Units of the slice, and those on which the versions differ. */
  readonly units: number
  readonly differing: number
  /** Loss increases over its labelled units; null: none is labelled. */
  readonly loss: { readonly n: number; readonly mean: number; readonly standardError: number } | null
}

export interface JudgedSlice {
  readonly slice: string
  readonly share: Interval & { readonly value: number }
  /** The share over all units that are not of the slice. */
  readonly elsewhere: number
  readonly loss: (Interval & { readonly mean: number; readonly n: number }) | null
  /** False below the minimum of units: shown, not judged. */
  readonly judged: boolean
  /** Its share surely exceeds the one elsewhere by more than the margin. */
  readonly differs: boolean
  /** Its mean loss increase surely exceeds the loss margin. */
  readonly worse: boolean
}

/**
 * Which slices two versions differ on more than elsewhere, and on which the second is worse. All intervals that are judged, and so all accusations,
 * hold together with probability at least 1 − alpha, however the slices overlap: Bonferroni over the tests that are made.
 *
 * H0 of a share: share in the slice ≤ share elsewhere + margin; by exact intervals of both. H0 of a loss: mean increase ≤ lossMargin; by Student's t,
 * so that n increases must have a near normal mean. Assumes independent units, each once. Slices that are not judged have intervals of their own, at
 * 1 − alpha each.
 *
 * Papers: Dunn, Journal of the American Statistical Association 56 (1961); Clopper & Pearson, Biometrika 26 (1934). Worked value: 5 of 20 in the only
 * slice that is judged, at alpha 0.05, has the share's interval 0.0866 … 0.4910.
 */
export function judgeSlices(
  slices: readonly SliceCounts[],
  total: { readonly units: number; readonly differing: number },
  options: { alpha?: number; margin?: number; lossMargin?: number; minimumUnits?: number } = {},
): JudgedSlice[] {
  const { alpha = 0.05, margin = 0, lossMargin = 0, minimumUnits = 30 } = options
  const judgesLoss = ({ loss }: SliceCounts) => loss !== null && loss.n >= minimumUnits
  const tests = slices
    .filter(({ units }) => units >= minimumUnits)
    .reduce((sum, slice) => sum + (judgesLoss(slice) ? 2 : 1), 0)
  return slices.map((slice) => {
    const { units, differing, loss } = slice
    const judged = units >= minimumUnits
    const level = judged ? alpha / tests : alpha
    const rest = { units: total.units - units, differing: total.differing - differing }
    const share = { value: units === 0 ? 0 : differing / units, ...shareInterval(differing, units, 1 - level) }
    const most = rest.units === 0 ? 1 : shareInterval(rest.differing, rest.units, 1 - level).upper
    const bounds = loss && studentInterval(loss, level)
    return {
      slice: slice.slice,
      share,
      elsewhere: rest.units === 0 ? 0 : rest.differing / rest.units,
      loss: loss && bounds && { n: loss.n, mean: loss.mean, ...bounds },
      judged,
      differs: judged && share.lower - most > margin,
      worse: judged && judgesLoss(slice) && (bounds?.lower ?? 0) > lossMargin,
    }
  })
}

/**
 * Two-sided Student interval of a mean at 1 − alpha, from its sample size and standard error; unbounded below two values.
 *
 * Worked value: n = 5, mean 0.1, standard error 0.0880340843 at alpha 0.05 gives −0.1444 … 0.3444 (scipy t.interval).
 */
export function studentInterval(
  { n, mean, standardError }: { n: number; mean: number; standardError: number },
  alpha = 0.05,
): Interval {
  if (n < 2) return { lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY }
  const half = standardError === 0 ? 0 : studentQuantile(1 - alpha / 2, n - 1) * standardError
  return { lower: mean - half, upper: mean + half }
}
