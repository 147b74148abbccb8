/**
 * Do two versions predict the same distribution? Always-valid, from pairs of predictions of one thing.
 *
 * H0 (marginal homogeneity): in a pair, each category is as likely to be the candidate's prediction as the champion's. Then for
 * any score g of categories that is fixed before the pair, E[g(candidate) − g(champion)] = 0, and with g within ±1 the factor
 * 1 + (s/2)·(g(candidate) − g(champion)), 0 < s < 1, is an e-value. The score is learnt from the pairs before: how much more
 * often the candidate said the category than the champion. Wealth of several s is averaged; Ville's inequality does the rest.
 *
 * Assumes pairs of different things, drawn alike. A pair of equal predictions bets nothing. Rejection says that the
 * predictions moved, not that they are worse: it asks for a person, or for labels. How often two versions disagree on the same
 * thing is another question, that of the mean of zeros and ones (bounded-mean.ts): versions can disagree on every second
 * thing and share one distribution.
 *
 * Papers: Shekhar & Ramdas, Nonparametric two-sample testing by betting (2112.09162); Podkopaev & Ramdas, Sequential
 * predictive two-sample and independence testing (2305.00143).
 */
import { type AlwaysValid, alwaysValid, logMeanExp } from './wealth.ts'

/** State of one test; plain values, to be stored as JSON and resumed. */
export interface DistributionTest {
  formatVersion: 1
  /** Cuts of numbers into bins, ascending; null: predictions are categories. */
  cuts: number[] | null
  pairs: number
  /** How often each category or bin was predicted by the champion, and by the candidate. */
  counts: Record<string, [champion: number, candidate: number]>
  logWealth: number[]
  highestLogEvidence: number
}

/** Stakes, each with an equal part of the money. */
const STAKES = [0.1, 0.3, 0.6, 0.95] as const
/** Categories beyond this many are counted as one, so that a state stays small whatever is predicted. */
const MOST_CATEGORIES = 64
const OTHERS = 'others'
/** Pairs' worth of the belief that a category is predicted alike. */
const PRIOR = 4

/**
 * A new test. Without `cuts` predictions are categories (their text); with cuts they are numbers, in bins between ascending
 * cuts: tenths of the champion's predictions before the rollout suit it.
 *
 * @throws RangeError when cuts do not ascend.
 */
export function startDistributionTest(cuts: readonly number[] | null = null): DistributionTest {
  if (cuts?.some((cut, index) => !(cut > (cuts[index - 1] ?? Number.NEGATIVE_INFINITY)))) {
    throw new RangeError('Cuts of predictions must ascend.')
  }
  return {
    formatVersion: 1,
    cuts: cuts === null ? null : [...cuts],
    pairs: 0,
    counts: {},
    logWealth: STAKES.map(() => 0),
    highestLogEvidence: 0,
  }
}

/** One thing, predicted by both versions. */
export interface PredictedPair {
  champion: string | number | boolean
  candidate: string | number | boolean
}

/** Bets on one pair and returns the new state; the old one is unchanged. */
export function addPredictedPair(test: DistributionTest, pair: PredictedPair): DistributionTest {
  const { counts } = test
  const champion = categoryOf(test, pair.champion)
  const candidate = categoryOf(test, pair.candidate)
  const gain = (score(counts, candidate) - score(counts, champion)) / 2
  const logWealth = test.logWealth.map((log, index) => log + Math.log1p((STAKES[index] ?? 0) * gain))
  const [championBefore, otherBefore] = countsOf(counts, champion)
  const withChampion = { ...counts, [champion]: [championBefore + 1, otherBefore] as [number, number] }
  const [other, candidateBefore] = countsOf(withChampion, candidate)
  return {
    ...test,
    pairs: test.pairs + 1,
    counts: { ...withChampion, [candidate]: [other, candidateBefore + 1] },
    logWealth,
    highestLogEvidence: Math.max(test.highestLogEvidence, logMeanExp(logWealth)),
  }
}

export interface DistributionEvidence extends AlwaysValid {
  pairs: number
  /** Total variation distance (0–1) between both versions' predictions so far. */
  distance: number
  /** Shares of each category or bin, the most changed first. */
  shares: { category: string; champion: number; candidate: number }[]
}

/** The evidence so far. */
export function distributionEvidence(test: DistributionTest): DistributionEvidence {
  const pairs = Math.max(1, test.pairs)
  const shares = Object.entries(test.counts)
    .map(([category, [champion, candidate]]) => ({
      category,
      champion: champion / pairs,
      candidate: candidate / pairs,
    }))
    .sort((a, b) => Math.abs(b.candidate - b.champion) - Math.abs(a.candidate - a.champion))
  return {
    ...alwaysValid(logMeanExp(test.logWealth), test.highestLogEvidence),
    pairs: test.pairs,
    distance: shares.reduce((sum, { champion, candidate }) => sum + Math.abs(candidate - champion), 0) / 2,
    shares,
  }
}

/** How much more often the candidate predicted the category than the champion, from −1 to 1. */
function score(counts: DistributionTest['counts'], category: string): number {
  const [champion, candidate] = countsOf(counts, category)
  return (candidate - champion) / (candidate + champion + PRIOR)
}

function countsOf(counts: DistributionTest['counts'], category: string): [champion: number, candidate: number] {
  // A category may be named like a property that every object has.
  return (Object.hasOwn(counts, category) ? counts[category] : undefined) ?? [0, 0]
}

function categoryOf({ cuts, counts }: DistributionTest, prediction: string | number | boolean): string {
  const category = cuts !== null && typeof prediction === 'number' ? binOf(cuts, prediction) : String(prediction)
  // Which category a prediction counts as depends on the pairs before alone, so the bet stays fair.
  if (Object.hasOwn(counts, category) || Object.keys(counts).length < MOST_CATEGORIES) return category
  return OTHERS
}

/** The bin's name: the cuts it lies between, the lower one included. */
function binOf(cuts: readonly number[], value: number): string {
  const index = cuts.findIndex((cut) => value < cut)
  const above = index < 0 ? cuts.length : index
  const lower = above === 0 ? '' : String(cuts[above - 1])
  const upper = above === cuts.length ? '' : String(cuts[above])
  return `[${lower}, ${upper})`
}
