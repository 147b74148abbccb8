/**
 * Always-valid inference for the mean of paired differences, one labelled thing at a time (a film, never its requests).
 *
 * Both versions predict the same thing; its label decides both losses. For absolute loss the difference
 * |candidate − y| − |champion − y| lies within ±|candidate − champion|, a bound that is known before the label.
 * The wealth Π(1 + λ(dᵢ − m)) is a supermartingale while the mean is at most m, for any stake λ fixed before dᵢ that keeps
 * the factor positive; stakes from a grid share the money, so no tuning to the unknown effect is needed. By Ville's
 * inequality wealth ≥ 1/α happens with probability at most α under H0, at any number of looks.
 *
 * Papers: Waudby-Smith & Ramdas, Estimating means of bounded random variables by betting (2010.09686), sections 4 and B;
 * Howard, Ramdas, McAuliffe & Sekhon, Time-uniform confidence sequences (1810.08240).
 */
import type { Interval } from './proportions.ts'
import { type AlwaysValid, alwaysValid, logMeanExp } from './wealth.ts'

/** One labelled thing. */
export interface PairedDifference {
  /** Candidate's loss − champion's loss. */
  difference: number
  /** Largest possible |difference|, known before the label. */
  bound: number
}

/**
 * H0 of `above`: mean difference ≤ `mean`; its rejection proves harm. H0 of `below`: mean difference ≥ `mean`; its
 * rejection proves the candidate not worse than the margin `mean` > 0.
 */
export interface MeanQuestion {
  direction: 'above' | 'below'
  mean: number
}

/** State of one test; plain numbers, to be stored as JSON and resumed. */
export interface MeanTest {
  formatVersion: 1
  question: MeanQuestion
  bound: number
  logWealth: number[]
  highestLogEvidence: number
  n: number
  sum: number
  sumOfSquares: number
}

/** Stakes as shares of the largest allowed one. */
const STAKES = [0.04, 0.1, 0.2, 0.4, 0.7, 1] as const
/** The largest stake leaves this share of the money after the worst outcome. */
const KEPT = 0.05

/**
 * A new test. `bound` is the difference that is usually not exceeded, in the unit of the loss (two to three times the
 * typical one). Rows within it all get the same stake, so H0 is about the plain mean; a row whose own bound is larger gets a
 * smaller stake, and for such rows H0 is about their mean too.
 */
export function startMeanTest(question: MeanQuestion, bound: number): MeanTest {
  if (!(bound > 0)) throw new RangeError('The bound of the differences must be positive.')
  if (question.direction === 'below' && !(question.mean > 0)) {
    throw new RangeError('The margin must be positive: "not worse at all" cannot be proven.')
  }
  const logWealth = STAKES.map(() => 0)
  return { formatVersion: 1, question, bound, logWealth, highestLogEvidence: 0, n: 0, sum: 0, sumOfSquares: 0 }
}

/** Bets on one difference and returns the new state; the old one is unchanged. */
export function addDifference(test: MeanTest, row: PairedDifference): MeanTest {
  checkRow(row)
  const { direction, mean } = test.question
  const gain = direction === 'above' ? row.difference - mean : mean - row.difference
  const most = largestStake(direction, mean, Math.max(test.bound, row.bound))
  const logWealth = STAKES.map((stake, index) => (test.logWealth[index] ?? 0) + Math.log1p(stake * most * gain))
  return {
    ...test,
    logWealth,
    highestLogEvidence: Math.max(test.highestLogEvidence, logMeanExp(logWealth)),
    n: test.n + 1,
    sum: test.sum + row.difference,
    sumOfSquares: test.sumOfSquares + row.difference ** 2,
  }
}

export interface MeanEvidence extends AlwaysValid {
  n: number
  meanDifference: number
  /** Standard error of the mean; Infinity below two rows. */
  standardError: number
}

/** The evidence so far. */
export function meanEvidence(test: MeanTest): MeanEvidence {
  const meanDifference = test.n > 0 ? test.sum / test.n : 0
  const variance = test.n > 1 ? Math.max(0, test.sumOfSquares - test.n * meanDifference ** 2) / (test.n - 1) : Infinity
  return {
    ...alwaysValid(logMeanExp(test.logWealth), test.highestLogEvidence),
    n: test.n,
    meanDifference,
    standardError: Math.sqrt(variance / Math.max(1, test.n)),
  }
}

/** A confidence sequence for display: an interval that covers the mean at all times together with 1 − α. */
export interface MeanSequence {
  formatVersion: 1
  bound: number
  alpha: number
  n: number
  sum: number
  /** Largest own bound of a row so far. */
  largestBound: number
  /** Log wealth against each grid mean, per stake, first upwards then downwards. */
  logWealth: number[]
  /** Grid points proven too low and too high; intervals only shrink. */
  lowest: number
  highest: number
}

const GRID_POINTS = 161
const GRID_STAKES = [0.05, 0.15, 0.4, 0.8] as const

/** A new confidence sequence; `bound` as for `startMeanTest`. The grid spans ±2 × bound. */
export function startMeanSequence(bound: number, alpha = 0.05): MeanSequence {
  if (!(bound > 0)) throw new RangeError('The bound of the differences must be positive.')
  const logWealth = new Array<number>(GRID_POINTS * GRID_STAKES.length * 2).fill(0)
  return {
    formatVersion: 1,
    bound,
    alpha,
    n: 0,
    sum: 0,
    largestBound: 0,
    logWealth,
    lowest: 0,
    highest: GRID_POINTS - 1,
  }
}

/** Adds one difference to a confidence sequence. */
export function extendMeanSequence(sequence: MeanSequence, row: PairedDifference): MeanSequence {
  checkRow(row)
  const logWealth = sequence.logWealth.slice()
  const bound = Math.max(sequence.bound, row.bound)
  let { lowest, highest } = sequence
  const limit = Math.log(2 / sequence.alpha)
  for (let point = 0; point < GRID_POINTS; point += 1) {
    const mean = gridMean(sequence.bound, point)
    const gain = row.difference - mean
    const most = (1 - KEPT) / (bound + Math.abs(mean))
    const start = point * GRID_STAKES.length * 2
    const wealth: { up: number[]; down: number[] } = { up: [], down: [] }
    GRID_STAKES.forEach((stake, index) => {
      const up = start + index
      const down = up + GRID_STAKES.length
      logWealth[up] = (logWealth[up] ?? 0) + Math.log1p(stake * most * gain)
      logWealth[down] = (logWealth[down] ?? 0) + Math.log1p(-stake * most * gain)
      wealth.up.push(logWealth[up] ?? 0)
      wealth.down.push(logWealth[down] ?? 0)
    })
    if (logMeanExp(wealth.up) >= limit) lowest = Math.max(lowest, point)
    if (logMeanExp(wealth.down) >= limit) highest = Math.min(highest, point)
  }
  return {
    ...sequence,
    logWealth,
    lowest,
    highest,
    n: sequence.n + 1,
    sum: sequence.sum + row.difference,
    largestBound: Math.max(sequence.largestBound, row.bound),
  }
}

/** The interval now. A side that nothing has been proven about is the largest bound seen. */
export function meanInterval(sequence: MeanSequence): Interval & { mean: number; n: number } {
  const { n, sum, lowest, highest, bound } = sequence
  const outermost = Math.max(2 * bound, sequence.largestBound)
  return {
    n,
    mean: n > 0 ? sum / n : 0,
    lower: lowest === 0 ? -outermost : gridMean(bound, lowest),
    upper: highest === GRID_POINTS - 1 ? outermost : gridMean(bound, highest),
  }
}

function gridMean(bound: number, point: number): number {
  return bound * ((4 * point) / (GRID_POINTS - 1) - 2)
}

function checkRow({ difference, bound }: PairedDifference): void {
  if (!(Math.abs(difference) <= bound * (1 + 1e-9) + 1e-12)) {
    throw new RangeError(`A difference of ${difference} exceeds its bound ${bound}.`)
  }
}

/** The stake that keeps the share `KEPT` of the money if the worst outcome within `bound` happens. */
function largestStake(direction: 'above' | 'below', mean: number, bound: number): number {
  const worst = direction === 'above' ? bound + mean : Math.max(bound - mean, mean / 4)
  return (1 - KEPT) / worst
}
