/** One simulated shadow: both versions predict every thing, the first pair of a thing counts, labels come late. */
import {
  addBounded,
  addDifference,
  allocateAlpha,
  boundedEvidence,
  meanEvidence,
  seededUniform,
  startBoundedTest,
  startMeanTest,
  type Uniform,
} from '@tidemark/statistics'
import { ALPHA, type Outcome } from './canary.ts'
import { drawLabels, LossZTest, longestDelay } from './labels.ts'
import { Threshold, ZTest } from './peers.ts'
import { aliasSampler } from './population.ts'

/** Parts of α of the guardrails: errors of callers have theirs, though a shadow answers none. */
const GUARDRAILS = { errors: 1, failures: 1, loss: 2, disagreement: 1 } as const
const CATEGORIES = ['drama', 'comedy', 'action', 'horror', 'western', 'musical'] as const
const POPULARITY = Float64Array.from([30, 25, 20, 12, 10, 3])
/** Of truths, those that a version says as they are; else it guesses as things are drawn. */
const KNOWN = 0.85
/** Exactly what equal versions differ in: the most that a budget of disagreement may be exceeded by without harm is nothing. */
const EQUAL_VERSIONS_DIFFER = differing()
const WINDOW_REQUESTS = 200

export interface ShadowPlan {
  strategy: 'shadow'
  things: number
  labelledThings: number
  requests: number
  /** Share of things on which a version fails. */
  failureRate: number
  /** Share of things on which the candidate fails besides. */
  extraFailures: number
  /** The candidate fails on every thing of the rarest category, 3 % of things. */
  crashes: boolean
  /** Mean absolute error of the candidate over the champion's. */
  lossRatio: number
  /** Margins that promotion needs proof within: share of failures, mean absolute error. */
  failureMargin: number
  lossMargin: number
  lookEvery: number
}

export const SHADOW: ShadowPlan = {
  strategy: 'shadow',
  things: 2_000,
  labelledThings: 600,
  requests: 20_000,
  failureRate: 0.02,
  extraFailures: 0,
  crashes: false,
  lossRatio: 1,
  failureMargin: 0.02,
  lossMargin: 0.1,
  lookEvery: 100,
}

/** Runs one shadow; the same plan and seed always give the same outcome. Counts are of requests, of pairs for `pairs`. */
export function simulateShadow(plan: ShadowPlan, seed: number): Outcome {
  const uniform = seededUniform(seed)
  const alpha = allocateAlpha(ALPHA, GUARDRAILS)
  const things = drawThings(uniform, plan)
  const next = aliasSampler(
    uniform,
    Float64Array.from({ length: plan.things }, () => (1 - uniform()) ** (-1 / 1.5)),
  )
  const labels = drawLabels(uniform, {
    things: plan.labelledThings,
    requests: plan.requests,
    lossRatio: plan.lossRatio,
    worstFirst: true,
  })
  let failures = startMeanTest({ direction: 'above', mean: 0 }, 1)
  let failuresWithin = startMeanTest({ direction: 'below', mean: plan.failureMargin }, 1)
  let loss = startMeanTest({ direction: 'above', mean: 0 }, 1)
  let lossWithinAsCome = startMeanTest({ direction: 'below', mean: plan.lossMargin }, 1)
  let lossWithin = startMeanTest({ direction: 'below', mean: plan.lossMargin }, 1)
  let disagreement = startBoundedTest({ direction: 'above', mean: EQUAL_VERSIONS_DIFFER })
  const zTest = new ZTest(ALPHA)
  const threshold = new Threshold()
  const lossZTest = new LossZTest(ALPHA)
  const paired = new Uint8Array(plan.things)
  // What proves a version acceptable reads each label at one age, in the order of the predictions.
  const aged = labels.toSorted((a, b) => a.predicted - b.predicted)
  let label = 0
  let agedLabel = 0
  const first: Outcome['first'] = {
    rollback: null,
    failures: null,
    loss: null,
    lossPairs: null,
    disagreement: null,
    failuresAccepted: null,
    lossAccepted: null,
    lossAcceptedAsCome: null,
    zTest: null,
    threshold: null,
  }
  const note = (who: string, says: boolean, at: number): void => {
    if (says && first[who] === null) first[who] = at
  }

  for (let request = 1; request <= plan.requests; request += 1) {
    const index = next()
    const thing = things[index]
    if (thing === undefined) continue
    const { champion, candidate } = thing
    if (paired[index] === 0) {
      paired[index] = 1
      const row = { difference: Number(candidate === null) - Number(champion === null), bound: 1 }
      failures = addDifference(failures, row)
      failuresWithin = addDifference(failuresWithin, row)
      if (champion !== null && candidate !== null)
        disagreement = addBounded(disagreement, Number(champion !== candidate))
    }
    zTest.add(false, Number(champion === null))
    zTest.add(true, Number(candidate === null))
    threshold.add(true, Number(candidate === null))
    if (request % WINDOW_REQUESTS === 0) threshold.measure()
    if (request % plan.lookEvery !== 0) continue

    for (let arrived = labels[label]; arrived !== undefined && arrived.at <= request; arrived = labels[label]) {
      const row = { difference: arrived.candidate - arrived.champion, bound: arrived.bound }
      loss = addDifference(loss, row)
      lossWithinAsCome = addDifference(lossWithinAsCome, row)
      lossZTest.add(false, arrived.champion)
      lossZTest.add(true, arrived.candidate)
      label += 1
      note('lossPairs', meanEvidence(loss).pValue <= ALPHA, loss.n)
    }
    const reached = request - longestDelay(plan.requests)
    for (let due = aged[agedLabel]; due !== undefined && due.predicted <= reached; due = aged[agedLabel]) {
      lossWithin = addDifference(lossWithin, { difference: due.candidate - due.champion, bound: due.bound })
      agedLabel += 1
    }
    const failuresP = meanEvidence(failures).pValue
    const lossP = meanEvidence(loss).pValue
    const disagreementP = boundedEvidence(disagreement).pValue
    const accused = failuresP <= alpha.failures || lossP <= alpha.loss || disagreementP <= alpha.disagreement
    note('rollback', accused, request)
    note('failures', failuresP <= ALPHA, request)
    note('loss', lossP <= ALPHA, request)
    note('disagreement', disagreementP <= ALPHA, request)
    note('failuresAccepted', meanEvidence(failuresWithin).pValue <= ALPHA, request)
    note('lossAccepted', meanEvidence(lossWithin).pValue <= ALPHA, request)
    note('lossAcceptedAsCome', meanEvidence(lossWithinAsCome).pValue <= ALPHA, request)
    note('zTest', zTest.rejects() || lossZTest.rejects(), request)
    note('threshold', threshold.rejects, request)
  }
  return { first, fixedSample: [] }
}

/** The chance that two versions which know the truth as often say different categories. */
function differing(): number {
  const total = POPULARITY.reduce((sum, weight) => sum + weight, 0)
  const shares = Array.from(POPULARITY, (weight) => weight / total)
  const same = shares.reduce((sum, truth, at) => {
    const said = shares.map((share, category) => (1 - KNOWN) * share + (category === at ? KNOWN : 0))
    return sum + truth * said.reduce((square, share) => square + share ** 2, 0)
  }, 0)
  return 1 - same
}

interface Thing {
  /** What each version predicts; null: it fails. */
  champion: string | null
  candidate: string | null
}

/** Things whose inputs are hard for either version: half of the failures are shared, the rest are each version's own. */
function drawThings(uniform: Uniform, plan: ShadowPlan): Thing[] {
  const draw = aliasSampler(uniform, POPULARITY)
  const own = plan.failureRate / 2
  return Array.from({ length: plan.things }, () => {
    const truth = CATEGORIES[draw()] ?? 'drama'
    const shared = uniform() < own
    const predict = (): string | null =>
      shared || uniform() < own ? null : uniform() < KNOWN ? truth : (CATEGORIES[draw()] ?? 'drama')
    const champion = predict()
    const candidate = predict()
    const crashed = (plan.crashes && truth === 'musical') || (champion !== null && uniform() < plan.extraFailures)
    return { champion, candidate: crashed ? null : candidate }
  })
}
