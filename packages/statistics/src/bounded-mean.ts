/**
 * Always-valid inference for the mean of values within known bounds: shares of yes and no, scores, losses of bounded labels.
 *
 * Wealth Π(1 + λᵢ(xᵢ − m)) is a supermartingale while the conditional mean is at most m, for any stake λᵢ fixed before xᵢ that
 * cannot lose more than everything. Differences of two versions' losses, whose bound is each row's own, are the matter of
 * sequential-mean.ts; here all values share one range, and stakes may be as large as the distance of m to its ends allows:
 * a share of 1 in 100 is told from 2 in 100 soon.
 *
 * H0 of a test: each value's mean given those before it is at most (direction `above`) or at least (`below`) `mean`. Assumes
 * the bounds, and nothing else; the sequence assumes one mean for all values.
 *
 * Paper: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting (2010.09686): Theorem 3 (hedged
 * capital) for the sequence, its predictable plug-in as the stake.
 */
import type { Interval } from './proportions.ts'
import { type AlwaysValid, alwaysValid, logMeanExp } from './wealth.ts'

export interface Bounds {
  low: number
  high: number
}

/** State of a confidence sequence; plain numbers, to be stored as JSON and resumed. */
export interface BoundedSequence {
  formatVersion: 1
  bounds: Bounds
  alpha: number
  n: number
  sum: number
  /** Sum of squared deviations from the running mean, both of values scaled to 0–1. */
  deviations: number
  /** Indices of the outermost means that are still in the sequence, widened by one step: they only come closer. */
  lowest: number
  highest: number
  /** Log capital of the bets that the mean is larger, and smaller, from `lowest` to `highest`. */
  logAbove: number[]
  logBelow: number[]
}

/** Steps of the grid of candidate means: intervals are exact up to 1/200 of the range, and never too narrow. */
const STEPS = 200
/** Bets are cut at this share of what a mean allows to lose. */
const CUT = 0.5

/** A new confidence sequence for the mean of values within `bounds`, covering it at all times together with 1 − `alpha`. */
export function startBoundedSequence(bounds: Bounds, alpha = 0.05): BoundedSequence {
  checkBounds(bounds)
  if (!(alpha > 0 && alpha < 1)) throw new RangeError('Alpha must lie between 0 and 1.')
  const zeros = () => new Array<number>(STEPS + 1).fill(0)
  return {
    formatVersion: 1,
    bounds,
    alpha,
    n: 0,
    sum: 0,
    deviations: 0,
    lowest: 0,
    highest: STEPS,
    logAbove: zeros(),
    logBelow: zeros(),
  }
}

/**
 * Adds one value and returns the new state; the old one is unchanged.
 *
 * @throws RangeError when the value lies outside the bounds.
 */
export function extendBoundedSequence(sequence: BoundedSequence, value: number): BoundedSequence {
  const { bounds, alpha, n, sum, deviations, lowest, highest } = sequence
  const scaled = toUnit(bounds, value)
  const variance = (0.25 + deviations) / (n + 1)
  const plugIn = Math.sqrt((2 * Math.log(2 / alpha)) / (variance * (n + 1) * Math.log1p(n + 1)))
  const limit = Math.log(2 / alpha)
  const logAbove = sequence.logAbove.slice()
  const logBelow = sequence.logBelow.slice()
  let first = -1
  let last = -1
  let [poorest, least] = [lowest, Number.POSITIVE_INFINITY]
  for (let index = 0; index < logAbove.length; index += 1) {
    const mean = (lowest + index) / STEPS
    const gain = scaled - mean
    const above = (logAbove[index] ?? 0) + Math.log1p(Math.min(plugIn, CUT / mean) * gain)
    const below = (logBelow[index] ?? 0) + Math.log1p(-Math.min(plugIn, CUT / (1 - mean)) * gain)
    logAbove[index] = above
    logBelow[index] = below
    const capital = Math.max(above, below)
    if (capital < limit) {
      if (first < 0) first = lowest + index
      last = lowest + index
    }
    if (capital < least) [poorest, least] = [lowest + index, capital]
  }
  // With no grid point left inside, the mean lies between the neighbours of the one with the least capital against it.
  const from = Math.max(lowest, (first < 0 ? poorest : first) - 1)
  const to = Math.min(highest, (last < 0 ? poorest : last) + 1)
  const mean = (0.5 + sum + scaled) / (n + 2)
  return {
    ...sequence,
    n: n + 1,
    sum: sum + scaled,
    deviations: deviations + (scaled - mean) ** 2,
    lowest: from,
    highest: to,
    logAbove: logAbove.slice(from - lowest, to - lowest + 1),
    logBelow: logBelow.slice(from - lowest, to - lowest + 1),
  }
}

/** The interval now, with the sample's mean (the middle of the bounds without values). */
export function boundedInterval(sequence: BoundedSequence): Interval & { mean: number; n: number } {
  const { bounds, n, sum, lowest, highest } = sequence
  const fromUnit = (unit: number): number => bounds.low + unit * (bounds.high - bounds.low)
  return {
    n,
    mean: fromUnit(n > 0 ? sum / n : 0.5),
    lower: fromUnit(lowest / STEPS),
    upper: fromUnit(highest / STEPS),
  }
}

/** H0 of `above`: the mean is at most `mean`. H0 of `below`: it is at least `mean`. */
export interface BoundedQuestion {
  direction: 'above' | 'below'
  mean: number
}

/** State of one test; plain numbers, to be stored as JSON and resumed. */
export interface BoundedTest {
  formatVersion: 1
  question: BoundedQuestion
  bounds: Bounds
  n: number
  sum: number
  logWealth: number[]
  highestLogEvidence: number
}

/** Stakes as shares of the largest one, each with an equal part of the money: no tuning to the unknown mean. */
const STAKES = [0.004, 0.016, 0.05, 0.12, 0.3, 0.6, 1] as const
/** The largest stake leaves this share of the money after the worst outcome. */
const KEPT = 0.05

/**
 * A new test.
 *
 * @throws RangeError unless the question's mean lies strictly within the bounds.
 */
export function startBoundedTest(question: BoundedQuestion, bounds: Bounds = { low: 0, high: 1 }): BoundedTest {
  checkBounds(bounds)
  if (!(question.mean > bounds.low && question.mean < bounds.high)) {
    throw new RangeError(`The mean in question must lie between ${bounds.low} and ${bounds.high}.`)
  }
  const logWealth = STAKES.map(() => 0)
  return { formatVersion: 1, question, bounds, n: 0, sum: 0, logWealth, highestLogEvidence: 0 }
}

/**
 * Bets on one value and returns the new state; the old one is unchanged.
 *
 * @throws RangeError when the value lies outside the bounds.
 */
export function addBounded(test: BoundedTest, value: number): BoundedTest {
  const { question, bounds } = test
  const scaled = toUnit(bounds, value)
  const mean = (question.mean - bounds.low) / (bounds.high - bounds.low)
  const [gain, worst] = question.direction === 'above' ? [scaled - mean, mean] : [mean - scaled, 1 - mean]
  const most = (1 - KEPT) / worst
  const logWealth = STAKES.map((stake, index) => (test.logWealth[index] ?? 0) + Math.log1p(stake * most * gain))
  return {
    ...test,
    n: test.n + 1,
    sum: test.sum + value,
    logWealth,
    highestLogEvidence: Math.max(test.highestLogEvidence, logMeanExp(logWealth)),
  }
}

export interface BoundedEvidence extends AlwaysValid {
  n: number
  /** NaN without values. */
  mean: number
}

/** The evidence so far. */
export function boundedEvidence(test: BoundedTest): BoundedEvidence {
  const evidence = alwaysValid(logMeanExp(test.logWealth), test.highestLogEvidence)
  return { ...evidence, n: test.n, mean: test.sum / test.n }
}

function checkBounds({ low, high }: Bounds): void {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low < high)) {
    throw new RangeError('Bounds must be finite, the lower one first.')
  }
}

function toUnit({ low, high }: Bounds, value: number): number {
  if (!(value >= low && value <= high)) throw new RangeError(`A value of ${value} lies outside ${low} … ${high}.`)
  return (value - low) / (high - low)
}
