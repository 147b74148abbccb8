/**
 * Has a live model lost performance? Realised losses, label by label, against the losses on its holdout.
 *
 * H0: holdout losses and live losses are exchangeable: nothing has changed. Each new loss is ranked among the holdout's and all
 * live ones before it; its smoothed rank is then uniform on (0, 1) and independent of those before, whatever the losses'
 * distribution (conformal p-values: Vovk, Nouretdinov & Gammerman, Testing exchangeability on-line, ICML 2003). Wealth
 * is bet on small p, that is on large losses, from many starting points, because the loss may rise long
 * after the watch began: start j gets the share wⱼ of the money, Σwⱼ ≤ 1, so the total stays an e-process (Shin, Ramdas &
 * Rinaldo, E-detectors, 2203.03532, section 2). False alarms over the watch's whole life, all looks together: at most α
 * (Ville).
 *
 * Ranks need no estimate of the holdout's mean, whose error would hide any smaller rise for ever: good live losses join the
 * comparison and sharpen it. Beyond `MOST_COMPARED` losses the comparison is frozen; p-values are then uniform up to its
 * sampling error, 1/√5000.
 */
import { studentQuantile } from './distributions.ts'
import { meanAndError } from './paired.ts'
import type { Interval } from './proportions.ts'
import { seededUniform } from './random.ts'

/** One labelled thing; `at` is its event time, milliseconds since the epoch. */
export interface RealisedLoss {
  loss: number
  at: number
}

/** A run of losses that looks worse than the reference, for one linear bet. */
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
  formatVersion: 2
  alpha: number
  reference: { n: number; mean: number; standardError: number }
  /** Losses that the next is ranked among, ascending. */
  compared: number[]
  n: number
  sum: number
  sumOfSquares: number
  /** Money on each bet; what has not been bet yet is 1 − share started. */
  wealth: number[]
  highestEValue: number
  suspicions: Suspicion[]
}

/**
 * What wealth grows by at rank p; each has mean 1 when p is uniform. Linear bets for rises that take hundreds of labels to show, Vovk's power bet
 * for a collapse, which shows in ten.
 */
const LINEAR_BETS: readonly ((p: number) => number)[] = [
  (p) => 1 + 0.1 * (1 - 2 * p),
  (p) => 1 + 0.2 * (1 - 2 * p),
  (p) => 1 + 0.4 * (1 - 2 * p),
]
const BETS = [...LINEAR_BETS, (p: number) => 0.5 / Math.sqrt(p)]
const MOST_COMPARED = 5_000

/**
 * A new watch.
 *
 * @throws RangeError below ten reference losses, or when one is negative or not a number.
 */
export function startPerformanceWatch(
  referenceLosses: readonly number[],
  options: { alpha?: number } = {},
): PerformanceWatch {
  const { alpha = 0.05 } = options
  if (referenceLosses.length < 10) throw new RangeError('At least ten reference losses are needed.')
  if (referenceLosses.some((loss) => !(loss >= 0))) throw new RangeError('Losses must not be negative.')
  const { n, mean, standardError } = meanAndError(referenceLosses)
  return {
    formatVersion: 2,
    alpha,
    reference: { n, mean, standardError },
    compared: [...referenceLosses].sort((a, b) => a - b).slice(0, MOST_COMPARED),
    n: 0,
    sum: 0,
    sumOfSquares: 0,
    wealth: BETS.map(() => 0),
    highestEValue: 1,
    suspicions: LINEAR_BETS.map(() => ({ logWealth: 0, since: 0, firstLabel: 0, n: 0, sum: 0, sumOfSquares: 0 })),
  }
}

/** Adds one realised loss, in the order in which labels arrive, and returns the new state. */
export function addLoss(watch: PerformanceWatch, { loss, at }: RealisedLoss): PerformanceWatch {
  if (!(loss >= 0)) throw new RangeError('Losses must not be negative.')
  const n = watch.n + 1
  const below = lowerBound(watch.compared, loss)
  const p = smoothedRank(watch.compared, loss, below, n)
  const newMoney = (startedShare(watch, n) - startedShare(watch, n - 1)) / BETS.length
  const growth = BETS.map((bet) => bet(p))
  const wealth = growth.map((factor, index) => ((watch.wealth[index] ?? 0) + newMoney) * factor)
  // The power bet lives on single large losses: its runs are too short to date a change by.
  const suspicions = growth.slice(0, LINEAR_BETS.length).map((factor, index): Suspicion => {
    const before = watch.suspicions[index]
    const logFactor = Math.log(factor)
    return before === undefined || before.logWealth <= 0
      ? { logWealth: logFactor, since: at, firstLabel: n, n: 1, sum: loss, sumOfSquares: loss * loss }
      : {
          ...before,
          logWealth: before.logWealth + logFactor,
          n: before.n + 1,
          sum: before.sum + loss,
          sumOfSquares: before.sumOfSquares + loss * loss,
        }
  })
  const next = {
    ...watch,
    compared: watch.compared.length < MOST_COMPARED ? watch.compared.toSpliced(below, 0, loss) : watch.compared,
    n,
    wealth,
    suspicions,
    sum: watch.sum + loss,
    sumOfSquares: watch.sumOfSquares + loss ** 2,
  }
  return { ...next, highestEValue: Math.max(watch.highestEValue, eValueOf(next)) }
}

/** Share of the losses that are larger, ties and the loss itself split by chance: the same label always gets the same chance. */
function smoothedRank(compared: readonly number[], loss: number, below: number, label: number): number {
  let upTo = below
  while (compared[upTo] === loss) upTo += 1
  // Never 0, where the power bet has no bound.
  const chance = Math.max(Number.EPSILON, seededUniform(label)())
  return (compared.length - upTo + chance * (upTo - below + 1)) / (compared.length + 1)
}

/** How many of the ascending numbers are smaller. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? Number.POSITIVE_INFINITY) < value) low = middle + 1
    else high = middle
  }
  return low
}

export interface PerformanceEvidence {
  /** Evidence against H0 now, and the largest so far. */
  eValue: number
  highestEValue: number
  /** The e-value that alarms, 1/α. */
  threshold: number
  alarm: boolean
  n: number
  meanLoss: number
  referenceMean: number
  /** Mean loss of all labels − reference mean, with its 95 % interval (both means uncertain; for display). */
  increase: number
  interval: Interval
  /**
   * The likeliest start of the rise (CUSUM's last zero for the bet that won most), when there is suspicion: label number
   * (1 is the first), event time, and the increase since. Its interval ignores that the start was chosen: display only.
   */
  change: { firstLabel: number; since: number; n: number; increase: number; interval: Interval } | null
}

/** The evidence so far. */
export function performanceEvidence(watch: PerformanceWatch): PerformanceEvidence {
  const threshold = 1 / watch.alpha
  const strongest = watch.suspicions.reduce<Suspicion | null>(
    (best, each) => (each.n > 0 && each.logWealth > (best?.logWealth ?? 0) ? each : best),
    null,
  )
  return {
    eValue: eValueOf(watch),
    highestEValue: watch.highestEValue,
    threshold,
    alarm: watch.highestEValue >= threshold,
    n: watch.n,
    meanLoss: watch.n > 0 ? watch.sum / watch.n : 0,
    referenceMean: watch.reference.mean,
    ...increaseOf(watch, watch),
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

function eValueOf(watch: Pick<PerformanceWatch, 'n' | 'wealth' | 'reference'>): number {
  return watch.wealth.reduce((sum, money) => sum + money, 1 - startedShare(watch, watch.n))
}

/** Half of the money is bet within as many labels as the holdout has; later starts share the rest with weights falling as 1/j². */
function startedShare({ reference }: Pick<PerformanceWatch, 'reference'>, labels: number): number {
  return labels / (labels + reference.n)
}

function increaseOf(
  { reference }: PerformanceWatch,
  sample: { n: number; sum: number; sumOfSquares: number },
): { increase: number; interval: Interval } {
  if (sample.n === 0) return { increase: 0, interval: { lower: -reference.mean, upper: Number.MAX_VALUE } }
  const mean = sample.sum / sample.n
  const increase = mean - reference.mean
  if (sample.n === 1) return { increase, interval: { lower: -reference.mean, upper: Number.MAX_VALUE } }
  const variance = Math.max(0, sample.sumOfSquares - sample.n * mean * mean) / (sample.n - 1)
  const half =
    studentQuantile(0.975, Math.min(sample.n, reference.n) - 1) *
    Math.sqrt(variance / sample.n + reference.standardError ** 2)
  return { increase, interval: { lower: increase - half, upper: increase + half } }
}
