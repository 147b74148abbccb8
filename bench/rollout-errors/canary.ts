/** One simulated rollout that shares callers out: what its tests, and those of others, would have done. */
import {
  addCaller,
  addDifference,
  addLatencyUnit,
  allocateAlpha,
  closingRuleFor,
  conditionalShare,
  expectTraffic,
  judgeLatency,
  latencyEvidence,
  meanEvidence,
  rateEvidence,
  seededUniform,
  startLatencyTest,
  startMeanTest,
  startRateTest,
  withTraffic,
} from '@tidemark/statistics'
import { drawLabels, LossZTest } from './labels.ts'
import { Ledger } from './ledger.ts'
import { ClusteredTest, EProcess, Threshold, ZTest } from './peers.ts'
import { drawPopulation, gaussian, independentRequests } from './population.ts'

export const REQUESTS = 20_000
const CALLERS = 2_000
const LABELLED_THINGS = 600

/** All tests of a rollout share this; promotion is a claim of its own. */
export const ALPHA = 0.05

/** Which guardrails a simulated rollout has, and their parts of α. */
export type Guardrails = Readonly<Partial<Record<'errors' | 'latency' | 'loss', number>>>

export interface CanaryPlan {
  strategy: 'canary'
  /** `independent`: each request a caller of its own, without a name. */
  callers: 'independent' | number
  requests: number
  baseRate: number
  /** Candidate's error rate ÷ champion's. */
  ratio: number
  /** Candidate's latency ÷ champion's. */
  slowdown: number
  /** Share of requests on which the candidate always fails: a category it does not know. */
  crashShare: number
  /** Weight of the candidate from each request number on. */
  weights: readonly { from: number; weight: number }[]
  base: BaseRate
  guardrails: Guardrails
  /** Badly predicted things are labelled first. */
  worstLabelsFirst: boolean
  /** The acceptable ratio of error rates that promotion needs proof of; null: not asked. */
  acceptableRatio: number | null
  lookEvery: number
  /** Requests of a window of the threshold rule. */
  windowRequests: number
  /** What the z-test compares the candidate with: the champion at the same time, or the champion before the first weight above 0. */
  comparedWith: 'sameTime' | 'before'
  /** Whether the fixed-sample test is read at each look, for its power by number of requests. */
  fixedSample: boolean
}

/** How the champion's error rate moves: not at all, doubling half-way, with each change of the weight, or with the hour. */
type BaseRate = 'constant' | 'doubling' | 'withWeights' | 'daily'

/** Who says when that the candidate is worse (or proven not to be), as a number of requests; null: never. */
export interface Outcome {
  first: Record<string, number | null>
  /** At each look, whether the fixed-sample test rejects there. */
  fixedSample: boolean[]
}

/** A plain canary at 20 %, to be varied. */
export const PLAN: CanaryPlan = {
  strategy: 'canary',
  callers: CALLERS,
  requests: REQUESTS,
  baseRate: 0.02,
  ratio: 1,
  slowdown: 1,
  crashShare: 0,
  weights: [{ from: 0, weight: 0.2 }],
  base: 'doubling',
  guardrails: { errors: 1 },
  worstLabelsFirst: false,
  acceptableRatio: null,
  lookEvery: 100,
  windowRequests: 200,
  comparedWith: 'sameTime',
  fixedSample: false,
}

/** Runs one rollout; the same plan and seed always give the same outcome. */
export function simulateCanary(plan: CanaryPlan, seed: number): Outcome {
  const uniform = seededUniform(seed)
  const { requests, baseRate, guardrails, acceptableRatio, lookEvery } = plan
  const size = plan.callers === 'independent' ? requests : plan.callers
  const population =
    plan.callers === 'independent'
      ? independentRequests(uniform, requests, baseRate)
      : drawPopulation(uniform, size, baseRate)
  const alpha = allocateAlpha(ALPHA, { errors: 0, latency: 0, loss: 0, ...guardrails })
  const timed = guardrails.latency !== undefined
  const labels =
    guardrails.loss === undefined
      ? []
      : drawLabels(uniform, {
          things: LABELLED_THINGS,
          requests,
          lossRatio: 1,
          worstFirst: plan.worstLabelsFirst,
        })

  let harm = startRateTest({ kind: 'harm' }, baseRate)
  let acceptance =
    acceptableRatio === null ? null : startRateTest({ kind: 'acceptableRatio', ratio: acceptableRatio }, baseRate)
  let latency = startLatencyTest(0.99)
  let loss = startMeanTest({ direction: 'above', mean: 0 }, 1)
  let traffic = expectTraffic(baseRate)
  const errorLedger = new Ledger(size, acceptance !== null, (unit) => {
    harm = addCaller(harm, unit)
    if (acceptance !== null) acceptance = addCaller(acceptance, unit)
  })
  const slowLedger = new Ledger(timed ? size : 0, false, (unit) => {
    latency = addLatencyUnit(latency, unit)
  })

  const eProcess = new EProcess(ALPHA)
  const zTest = new ZTest(ALPHA)
  const threshold = new Threshold()
  const clustered = plan.fixedSample ? new ClusteredTest(size, ALPHA) : null
  const lossZTest = new LossZTest(ALPHA)

  const first: Outcome['first'] = {
    rollback: null,
    errorsAlone: null,
    promoted: null,
    eProcess: null,
    zTest: null,
    threshold: null,
  }
  const fixedSample: boolean[] = []
  const note = (who: string, says: boolean, request: number): void => {
    if (says && first[who] === null) first[who] = request
  }
  const ownSpeed = timed ? Float64Array.from({ length: size }, () => 20 * Math.exp(0.4 * gaussian(uniform))) : []
  const tossed = new Float64Array(size) // weight at which a caller was last tossed, 0 = never
  let step = -1
  let weight = 0
  let label = 0

  for (let request = 1; request <= requests; request += 1) {
    const next = plan.weights[step + 1]
    if (next !== undefined && request > next.from) {
      errorLedger.reset()
      if (timed) slowLedger.reset()
      step += 1
      weight = next.weight
    }
    const caller = population.nextCaller()
    const bucket = population.bucket[caller] ?? 1
    const onCandidate = bucket < weight
    const crashed = onCandidate && plan.crashShare > 0 && uniform() < plan.crashShare
    const failing =
      (population.ownRate[caller] ?? 0) *
      baseFactor(plan.base, request, requests, step) *
      (onCandidate ? plan.ratio : 1)
    const error = crashed || uniform() < failing ? 1 : 0

    if (!errorLedger.has(caller)) {
      const before = tossed[caller] ?? 0
      // A caller already on the candidate is not tossed again: ρ = 1 bets nothing.
      const rho = bucket < before ? 1 : conditionalShare(before, weight)
      tossed[caller] = weight
      errorLedger.open(caller, onCandidate, rho, request)
      if (timed) slowLedger.open(caller, onCandidate, rho, request)
    }
    const rule = closingRuleFor(errorLedger.seen)
    errorLedger.count(caller, error, traffic.errors / traffic.requests, request, rule)
    if (plan.callers === 'independent') errorLedger.complete(caller)
    else errorLedger.age(request, rule)
    traffic = withTraffic(traffic, error, 1)
    if (timed) {
      const milliseconds =
        (ownSpeed[caller] ?? 0) * Math.exp(0.5 * gaussian(uniform)) * (onCandidate ? plan.slowdown : 1)
      const judged = judgeLatency(latency, milliseconds)
      latency = judged.test
      slowLedger.count(caller, judged.slow ? 1 : 0, judged.expected, request, rule)
      slowLedger.age(request, rule)
    }
    if (error === 1) eProcess.addError(onCandidate, weight)
    if (plan.comparedWith === 'sameTime' || onCandidate || weight === 0) zTest.add(onCandidate, error)
    threshold.add(onCandidate, error)
    clustered?.add(caller, onCandidate, error)
    if (request % plan.windowRequests === 0) threshold.measure()
    if (request % lookEvery !== 0) continue

    for (let arrived = labels[label]; arrived !== undefined && arrived.at <= request; arrived = labels[label]) {
      loss = addDifference(loss, { difference: arrived.candidate - arrived.champion, bound: arrived.bound })
      // By arm, a thing has the version that its day's weight gave it.
      const byCandidate = uniform() < weightAt(plan, arrived.predicted)
      lossZTest.add(byCandidate, byCandidate ? arrived.candidate : arrived.champion)
      label += 1
    }
    const errorsP = rateEvidence(harm).pValue
    note('errorsAlone', errorsP <= ALPHA, request)
    note(
      'rollback',
      errorsP <= alpha.errors ||
        (timed && latencyEvidence(latency).pValue <= alpha.latency) ||
        (labels.length > 0 && meanEvidence(loss).pValue <= alpha.loss),
      request,
    )
    note(
      'promoted',
      first.rollback === null && acceptance !== null && rateEvidence(acceptance).pValue <= ALPHA,
      request,
    )
    note('eProcess', eProcess.rejects, request)
    note('zTest', zTest.rejects() || lossZTest.rejects(), request)
    note('threshold', threshold.rejects, request)
    if (clustered !== null) fixedSample.push(clustered.rejects())
    else if (acceptance === null && allSpoke(first)) break
  }
  return { first, fixedSample }
}

function allSpoke(first: Outcome['first']): boolean {
  return Object.entries(first).every(([who, at]) => at !== null || who === 'promoted')
}

function weightAt(plan: CanaryPlan, request: number): number {
  return plan.weights.findLast(({ from }) => request >= from)?.weight ?? 0
}

/** Requests in a day at 20 an hour, for the rate that goes with the hour. */
const REQUESTS_A_DAY = 480

function baseFactor(base: BaseRate, request: number, requests: number, step: number): number {
  switch (base) {
    case 'constant':
      return 1
    case 'doubling':
      // Gradually, in the middle of the rollout.
      return 1 + Math.min(1, Math.max(0, (request - 0.3 * requests) / (0.4 * requests)))
    case 'withWeights':
      return 1 + step / 2
    case 'daily':
      return 1 + 0.8 * Math.sin((2 * Math.PI * request) / REQUESTS_A_DAY)
  }
}
