/**
 * Has a live model lost performance? Realised losses, label by label, against the losses on its holdout.
 *
 * H0: the mean of the (clipped) losses never exceeds the reference's mean + tolerance. Wealth Π(1 + λ(lossᵢ − μ)) is bet
 * from many starting points, because the loss may rise long after the watch began: start j gets the share wⱼ of the money,
 * Σwⱼ ≤ 1, so the total stays an e-process (Shin, Ramdas & Rinaldo, E-detectors, 2203.03532, section 2: with weights that
 * sum to one the probability of ever alarming is bounded, not only the mean time between alarms).
 *
 * The reference mean is itself estimated: μ is its upper bound at level α/4, the test has the other 3α/4. False alarms over
 * the watch's whole life, all looks together: at most α.
 *
 * Assumes independent labelled things, and that the mean of the holdout's clipped losses is near normal (n ≥ 50).
 */
import { studentQuantile } from './distributions.ts'
import { meanAndError } from './paired.ts'
import type { Interval } from './proportions.ts'

/** One labelled thing; `at` is its event time, milliseconds since the epoch. */
export interface RealisedLoss {
  loss: number
  at: number
}

/** A run of losses that looks worse than the reference, for one stake. */
interface Suspicion {
  logWealth: number
  since: number
  firstLabel: number
  n: number
  sum: number
  sumOfSquares: number
}

/** State of the watch over one version; plain numbers, to be stored as JSON and resumed. */
export interface PerformanceWatch {
  formatVersion: 1
  alpha: number
  reference: { n: number; mean: number; standardError: number; upperMean: number; cap: number; tolerance: number }
  n: number
  sum: number
  sumOfSquares: number
  /** Money bet per stake; what has not been bet yet is 1 − share started. */
  wealth: number[]
  highestEValue: number
  suspicions: Suspicion[]
}

/** Stakes as shares of 1/μ, the largest that cannot lose all. */
const STAKES = [0.08, 0.2, 0.45, 0.9] as const
/** Half of the money is bet within this many labels; later starts share the rest with weights falling as 1/j². */
const HALF_STARTED = 60
const ALPHA_FOR_REFERENCE = 0.25

/**
 * A new watch. `tolerance` is a rise of the mean loss that does not matter. Losses are clipped at `cap`, by default one and a
 * half times the holdout's largest, so that one absurd label cannot end the watch.
 *
 * @throws RangeError below ten reference losses, or when they are negative.
 */
export function startPerformanceWatch(
  referenceLosses: readonly number[],
  options: { alpha?: number; tolerance?: number; cap?: number } = {},
): PerformanceWatch {
  const { alpha = 0.05, tolerance = 0 } = options
  if (referenceLosses.length < 10) throw new RangeError('At least ten reference losses are needed.')
  if (referenceLosses.some((loss) => !(loss >= 0))) throw new RangeError('Losses must not be negative.')
  let largest = 0
  for (const loss of referenceLosses) largest = Math.max(largest, loss)
  const cap = options.cap ?? 1.5 * largest
  const { n, mean, standardError } = meanAndError(referenceLosses.map((loss) => Math.min(loss, cap)))
  const upperMean = mean + studentQuantile(1 - alpha * ALPHA_FOR_REFERENCE, n - 1) * standardError + tolerance
  return {
    formatVersion: 1,
    alpha,
    // A reference without any loss: the smallest positive mean keeps the stakes finite.
    reference: { n, mean, standardError, upperMean: Math.max(upperMean, 1e-9), cap, tolerance },
    n: 0,
    sum: 0,
    sumOfSquares: 0,
    wealth: STAKES.map(() => 0),
    highestEValue: 1,
    suspicions: STAKES.map(() => ({ logWealth: 0, since: 0, firstLabel: 0, n: 0, sum: 0, sumOfSquares: 0 })),
  }
}

/** Adds one realised loss, in the order in which labels arrive, and returns the new state. */
export function addLoss(watch: PerformanceWatch, { loss, at }: RealisedLoss): PerformanceWatch {
  if (!(loss >= 0)) throw new RangeError('Losses must not be negative.')
  const { upperMean, cap } = watch.reference
  const clipped = Math.min(loss, cap)
  const n = watch.n + 1
  const newMoney = (startedShare(n) - startedShare(n - 1)) / STAKES.length
  const growth = STAKES.map((stake) => 1 + stake * (clipped / upperMean - 1))
  const wealth = growth.map((factor, index) => ((watch.wealth[index] ?? 0) + newMoney) * factor)
  const suspicions = growth.map((factor, index): Suspicion => {
    const before = watch.suspicions[index]
    const logFactor = Math.log(factor)
    return before === undefined || before.logWealth <= 0
      ? { logWealth: logFactor, since: at, firstLabel: n, n: 1, sum: clipped, sumOfSquares: clipped * clipped }
      : {
          ...before,
          logWealth: before.logWealth + logFactor,
          n: before.n + 1,
          sum: before.sum + clipped,
          sumOfSquares: before.sumOfSquares + clipped * clipped,
        }
  })
  const next = {
    ...watch,
    n,
    wealth,
    suspicions,
    sum: watch.sum + clipped,
    sumOfSquares: watch.sumOfSquares + clipped ** 2,
  }
  return { ...next, highestEValue: Math.max(watch.highestEValue, eValueOf(next)) }
}

export interface PerformanceEvidence {
  /** Evidence against H0 now, and the largest so far. */
  eValue: number
  highestEValue: number
  /** The e-value that alarms, 1 / (3α/4). */
  threshold: number
  alarm: boolean
  n: number
  meanLoss: number
  referenceMean: number
  /** Mean loss of all labels − reference mean, with its 95 % interval (both means uncertain; for display). */
  increase: number
  interval: Interval
  /**
   * The likeliest start of the rise (CUSUM's last zero for the stake that won most), when there is suspicion: label number
   * (1 is the first), event time, and the increase since. Its interval ignores that the start was chosen: display only.
   */
  change: { firstLabel: number; since: number; n: number; increase: number; interval: Interval } | null
}

/** The evidence so far. */
export function performanceEvidence(watch: PerformanceWatch): PerformanceEvidence {
  const threshold = 1 / (watch.alpha * (1 - ALPHA_FOR_REFERENCE))
  const strongest = watch.suspicions.reduce<Suspicion | null>(
    (best, each) => (each.n > 0 && each.logWealth > (best?.logWealth ?? 0) ? each : best),
    null,
  )
  const overall = increaseOf(watch, watch)
  return {
    eValue: eValueOf(watch),
    highestEValue: watch.highestEValue,
    threshold,
    alarm: watch.highestEValue >= threshold,
    n: watch.n,
    meanLoss: watch.n > 0 ? watch.sum / watch.n : 0,
    referenceMean: watch.reference.mean,
    ...overall,
    change:
      strongest === null
        ? null
        : {
            firstLabel: strongest.firstLabel,
            since: strongest.since,
            n: strongest.n,
            ...increaseOf(watch, strongest),
          },
  }
}

function eValueOf(watch: Pick<PerformanceWatch, 'n' | 'wealth'>): number {
  return watch.wealth.reduce((sum, money) => sum + money, 1 - startedShare(watch.n))
}

function startedShare(labels: number): number {
  return labels / (labels + HALF_STARTED)
}

function increaseOf(
  { reference }: PerformanceWatch,
  sample: { n: number; sum: number; sumOfSquares: number },
): { increase: number; interval: Interval } {
  if (sample.n === 0) return { increase: 0, interval: { lower: -reference.mean, upper: reference.cap } }
  const mean = sample.sum / sample.n
  const increase = mean - reference.mean
  if (sample.n === 1) return { increase, interval: { lower: -reference.mean, upper: reference.cap - reference.mean } }
  const variance = Math.max(0, sample.sumOfSquares - sample.n * mean * mean) / (sample.n - 1)
  const half =
    studentQuantile(0.975, Math.min(sample.n, reference.n) - 1) *
    Math.sqrt(variance / sample.n + reference.standardError ** 2)
  return { increase, interval: { lower: increase - half, upper: increase + half } }
}
