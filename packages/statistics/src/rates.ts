/**
 * Always-valid tests of error rates under sticky routing: one bet per caller.
 *
 * Under sticky routing the coin is tossed once per caller, so the caller is the unit of evidence, never the request.
 * H0 makes a caller's arm A (1 = candidate, probability ρ when it was first seen at this weight) independent of what
 * happens to that caller. Then for any ratio LR of the caller's own outcome, chosen without looking at A,
 *
 *     A = 1: LR / (ρ·LR + 1 − ρ)        A = 0: 1 / (ρ·LR + 1 − ρ)
 *
 * has expectation 1: an e-value, whatever the clustering, the tails of traffic or the drift of the base rate. Callers
 * multiply, and by Ville's inequality the product passes 1/α with probability at most α however often one looks.
 *
 * What must hold: units close by rules that do not look at the arm and a caller contributes once per rule and toss (both are
 * kept by callers.ts); a caller's number of requests does not react to the arm.
 *
 * `harm` bets on a caller when its first error happens, else late (bench/rollout-errors: two to three times sooner than
 * closing all units alike). Its LR is the negative-binomial likelihood of the errors given those that the endpoint's traffic
 * lets one expect. Exact at H0 "the arm changes nothing", and conservative when the candidate is better. The acceptance
 * tests use units closed without looking at errors and a base rate from callers closed before: under their H0 errors do
 * depend on the arm. Each test is valid in its own order of closings, so tests of one rollout share α by `allocateAlpha`.
 *
 * Papers: Ramdas et al., Game-theoretic statistics and safe anytime-valid inference (2210.01948); Lindon, Sanden &
 * Shirikian, Rapid regression detection in software deployments (2205.14762), which needs per-request randomisation.
 */
import type { CallerUnit } from './callers.ts'
import { type AlwaysValid, alwaysValid } from './wealth.ts'

/** What the test looks for: `harm` accuses the candidate, `acceptance` proves it not worse than a margin. */
export type RateQuestion =
  | { kind: 'harm' }
  /** H0: each caller's error rate under the candidate is at least `ratio` times its rate under the champion. */
  | { kind: 'acceptableRatio'; ratio: number }
  /** H0: each caller's error rate under the candidate is at least `margin` (absolute, 0–1) above the champion's. */
  | { kind: 'acceptableMargin'; margin: number }

/** State of one test; plain numbers, to be stored as JSON and resumed. */
export interface RateTest {
  formatVersion: 1
  question: RateQuestion
  /** Log wealth of each bet: in the order of its alternatives. */
  logWealth: number[]
  /** Largest log e-value so far. */
  highestLogEvidence: number
  /** Callers, and their undiscounted counts, from units closed without looking at errors: for display. */
  callers: { champion: number; candidate: number }
  totals: { championErrors: number; championRequests: number; candidateErrors: number; candidateRequests: number }
  /** Discounted counts from callers closed before, for the next bet's base rate and spread between callers. */
  memory: {
    championErrors: number
    championRequests: number
    candidateErrors: number
    candidateRequests: number
    pairErrors: number
    pairRequests: number
  }
}

/** Ratios of the candidate's error rate to the champion's that the harm test bets on, with their share of the stake. */
const HARM_BETS: readonly (readonly [ratio: number, weight: number])[] = [
  [1.4, 0.2],
  [2, 0.35],
  [3.5, 0.25],
  [10, 0.2],
]

/** Spread of own error rates between callers that the harm test assumes: standard deviation = mean. Affects power alone. */
const HARM_SHAPE = 1

/** True ratios that the acceptance tests hope for. */
const ACCEPTANCE_BETS: readonly (readonly [ratio: number, weight: number])[] = [
  [0.5, 0.2],
  [0.85, 0.3],
  [1, 0.5],
]

/** Callers over which the base rate is remembered: half of an estimate's weight is younger than 0.7 × this. */
const MEMORY_CALLERS = 300

/** Worth, in pairs of requests of one caller, of the expected spread between callers. */
const PRIOR_PAIRS = 10_000

/** Worth, in errors, of the rate that the test expects before it saw any. */
const PRIOR_ERRORS = 1

/** A new test. `expectedRate` is the champion's usual error rate (0–1), used until callers have closed. */
export function startRateTest(question: RateQuestion, expectedRate = 0.02): RateTest {
  if (question.kind === 'acceptableRatio' && !(question.ratio > 1)) {
    throw new RangeError('The acceptable ratio must exceed 1: "not worse at all" cannot be proven.')
  }
  if (question.kind === 'acceptableMargin' && !(question.margin > 0 && question.margin < 1)) {
    throw new RangeError('The acceptable margin must lie between 0 and 1.')
  }
  const rate = Math.min(0.5, Math.max(1e-6, expectedRate))
  return {
    formatVersion: 1,
    question,
    logWealth: betsOf(question).map(() => 0),
    highestLogEvidence: 0,
    callers: { champion: 0, candidate: 0 },
    totals: { championErrors: 0, championRequests: 0, candidateErrors: 0, candidateRequests: 0 },
    memory: {
      championErrors: PRIOR_ERRORS,
      championRequests: PRIOR_ERRORS / rate,
      candidateErrors: 0,
      candidateRequests: 0,
      // Prior spread between callers: standard deviation of own rates = their mean.
      pairErrors: 2 * PRIOR_PAIRS * rate * rate,
      pairRequests: PRIOR_PAIRS,
    },
  }
}

/**
 * Bets one closed unit and returns the new state; the old one is unchanged. Feed every closing to every test: each takes the
 * closings that are its own.
 */
export function addCaller(test: RateTest, unit: CallerUnit): RateTest {
  const { assignedCandidate, rho, errors, requests } = unit
  if (!(requests > 0)) return test
  if (!(errors >= 0 && errors <= requests)) throw new RangeError('A caller has between 0 and `requests` errors.')
  const whole = unit.closing === 'whole'
  const own = whole !== (test.question.kind === 'harm')
  if (!own && !whole) return test
  const logWealth =
    own && rho > 0 && rho < 1
      ? betsOf(test.question).map(([ratio], bet) => (test.logWealth[bet] ?? 0) + Math.log(factor(test, unit, ratio)))
      : test.logWealth
  const highestLogEvidence = Math.max(test.highestLogEvidence, logEvidence(test.question, logWealth))
  if (!whole) return { ...test, logWealth, highestLogEvidence }
  const candidate = assignedCandidate ? 1 : 0
  const champion = 1 - candidate
  const { callers, totals, memory } = test
  const keep = 1 - 1 / MEMORY_CALLERS
  return {
    formatVersion: 1,
    question: test.question,
    logWealth,
    highestLogEvidence,
    callers: { champion: callers.champion + champion, candidate: callers.candidate + candidate },
    totals: {
      championErrors: totals.championErrors + champion * errors,
      championRequests: totals.championRequests + champion * requests,
      candidateErrors: totals.candidateErrors + candidate * errors,
      candidateRequests: totals.candidateRequests + candidate * requests,
    },
    memory: {
      championErrors: memory.championErrors * keep + champion * errors,
      championRequests: memory.championRequests * keep + champion * requests,
      candidateErrors: memory.candidateErrors * keep + candidate * errors,
      candidateRequests: memory.candidateRequests * keep + candidate * requests,
      pairErrors: memory.pairErrors * keep + errors * (errors - 1),
      pairRequests: memory.pairRequests * keep + requests * (requests - 1),
    },
  }
}

export interface RateEvidence extends AlwaysValid {
  /** Observed share of errors, 0 without requests. */
  championRate: number
  candidateRate: number
  callers: { champion: number; candidate: number }
}

/** The evidence so far. */
export function rateEvidence(test: RateTest): RateEvidence {
  const { totals } = test
  return {
    ...alwaysValid(logEvidence(test.question, test.logWealth), test.highestLogEvidence),
    championRate: totals.championRequests > 0 ? totals.championErrors / totals.championRequests : 0,
    candidateRate: totals.candidateRequests > 0 ? totals.candidateErrors / totals.candidateRequests : 0,
    callers: test.callers,
  }
}

function betsOf(question: RateQuestion): readonly (readonly [ratio: number, weight: number])[] {
  return question.kind === 'harm' ? HARM_BETS : ACCEPTANCE_BETS
}

function logEvidence(question: RateQuestion, logWealth: readonly number[]): number {
  const highest = Math.max(...logWealth)
  let sum = 0
  betsOf(question).forEach(([, weight], bet) => {
    sum += weight * Math.exp((logWealth[bet] ?? 0) - highest)
  })
  return highest + Math.log(sum)
}

/** The factor by which one caller multiplies the wealth of the bet on `ratio`. */
function factor(test: RateTest, unit: CallerUnit, ratio: number): number {
  const { question, memory } = test
  const { assignedCandidate, rho, errors, requests } = unit
  if (question.kind === 'harm') {
    // What the champion alone would lead one to expect if the bet is right.
    const mean = unit.expectedErrors / (rho * ratio + 1 - rho)
    const likelihood = likelihoodRatio(errors, mean, HARM_SHAPE, ratio)
    return (assignedCandidate ? likelihood : 1) / (rho * likelihood + 1 - rho)
  }
  // The champion's rate if the bet is right: both arms' errors tell about it.
  const base =
    (memory.championErrors + memory.candidateErrors) / (memory.championRequests + ratio * memory.candidateRequests)
  const shape = sizeOfGamma(memory)
  if (question.kind === 'acceptableRatio') {
    // Binomial(n, ratio·θ) errors kept with probability 1/ratio are Binomial(n, θ): at H0's edge the thinned candidate
    // looks like the champion. The expectation over the thinning is taken, so no coin is needed.
    const quotient = ratio / question.ratio
    const bet = (count: number): number => {
      const likelihood = likelihoodRatio(count, base * requests, shape, quotient)
      return (assignedCandidate ? likelihood : 1) / (rho * likelihood + 1 - rho)
    }
    return assignedCandidate ? binomialMean(errors, 1 / question.ratio, bet) : bet(errors)
  }
  // The champion's successes become errors with probability `margin`: at H0's edge it then looks like the candidate.
  const raised = base + question.margin
  const spread = shape * (raised / base) ** 2
  const bet = (count: number): number => {
    const likelihood = likelihoodRatio(count, raised * requests, spread, (base * ratio) / raised)
    return (assignedCandidate ? likelihood : 1) / (rho * likelihood + 1 - rho)
  }
  return assignedCandidate
    ? bet(errors)
    : binomialMean(requests - errors, question.margin, (added) => bet(errors + added))
}

/**
 * Negative-binomial likelihood of `errors` with mean `ratio` × `mean` against `mean`. It increases with `errors` for a
 * ratio above 1 and falls below 1, so the tests also hold inside their null hypothesis, not only at its edge.
 */
function likelihoodRatio(errors: number, mean: number, shape: number, ratio: number): number {
  return power(ratio, errors) * power((shape + mean) / (shape + ratio * mean), errors + shape)
}

/** base^exponent; most callers have few errors, and a product is several times cheaper than the general power. */
function power(base: number, exponent: number): number {
  if (exponent > 4 || !Number.isInteger(exponent)) return base ** exponent
  let product = 1
  for (let factors = 0; factors < exponent; factors += 1) product *= base
  return product
}

/** Shape 1/cv² of the spread of own error rates between callers, from pairs of requests of one caller. */
function sizeOfGamma(memory: RateTest['memory']): number {
  const base = (memory.championErrors + memory.candidateErrors) / (memory.championRequests + memory.candidateRequests)
  const squaredVariation = memory.pairErrors / memory.pairRequests / (base * base) - 1
  return 1 / Math.min(4, Math.max(0.05, squaredVariation))
}

/** Mean of `value(K)` for K ~ Binomial(trials, probability); terms beyond all but 1e-12 are left out (a lower value). */
function binomialMean(trials: number, probability: number, value: (count: number) => number): number {
  let logWeight = trials * Math.log1p(-probability)
  let sum = 0
  let seen = 0
  for (let count = 0; count <= trials && seen < 1 - 1e-12; count += 1) {
    const weight = Math.exp(logWeight)
    if (weight > 0) sum += weight * value(count)
    seen += weight
    logWeight += Math.log(((trials - count) / (count + 1)) * (probability / (1 - probability)))
  }
  return sum
}
