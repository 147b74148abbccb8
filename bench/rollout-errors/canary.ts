/** One simulated canary: what its tests, and the two naive ones, would have done. */
import {
  addCaller,
  addDifference,
  CLOSING_RULE,
  type Closing,
  close,
  conditionalShare,
  dueClosings,
  expectTraffic,
  meanEvidence,
  type OpenCaller,
  openCaller,
  rateEvidence,
  remainingClosings,
  seededUniform,
  startMeanTest,
  startRateTest,
  type Uniform,
  withRequests,
  withTraffic,
} from '@tidemark/statistics'
import { NaiveTests } from './naive.ts'
import { drawPopulation, gaussian } from './population.ts'

export const REQUESTS = 20_000
const CALLERS = 2_000
/** The rollout lasts this long; labels come up to 30 days later than the request they belong to. */
const DAYS = 60
const LONGEST_LABEL_DELAY_DAYS = 30
const LABELLED_THINGS = 600

export interface Scenario {
  name: string
  baseRate: number
  /** Candidate's error rate ÷ champion's. */
  ratio: number
  /** Weight of the candidate from each request number on. */
  weights: readonly { from: number; weight: number }[]
  /** The acceptable ratio that promotion needs proof of. */
  acceptableRatio: number
  lookEvery: number
}

export interface Budget {
  errors: number
  loss: number
  promotion: number
}

/** Request numbers at which something first happened; null when never. */
export interface Outcome {
  rolledBack: number | null
  rolledBackBy: 'errors' | 'loss' | null
  promoted: number | null
  naiveEProcess: number | null
  naiveZTest: number | null
}

/** Runs one canary; the same scenario, budget and seed always give the same outcome. */
export function simulate(scenario: Scenario, budget: Budget, seed: number): Outcome {
  const uniform = seededUniform(seed)
  const population = drawPopulation(uniform, CALLERS, scenario.baseRate)
  const naive = new NaiveTests(budget.errors + budget.loss)
  const labels = labelArrivals(uniform)
  const callers = new Array<OpenCaller | undefined>(CALLERS)
  const tossed = new Float64Array(CALLERS) // weight at which a caller was last tossed, 0 = never
  let waiting: { caller: number; firstSeen: number }[] = []
  let nextSpan: Record<Closing, number> = { firstError: 0, whole: 0 }
  let harm = startRateTest({ kind: 'harm' }, scenario.baseRate)
  let acceptance = startRateTest({ kind: 'acceptableRatio', ratio: scenario.acceptableRatio }, scenario.baseRate)
  let loss = startMeanTest({ direction: 'above', mean: 0 }, 1)
  let traffic = expectTraffic(scenario.baseRate)
  let step = -1
  let weight = 0
  let label = 0
  const outcome: Outcome = {
    rolledBack: null,
    rolledBackBy: null,
    promoted: null,
    naiveEProcess: null,
    naiveZTest: null,
  }

  const settle = (index: number, caller: OpenCaller, closings: readonly Closing[]): void => {
    if (closings.length === 0) {
      callers[index] = caller
      return
    }
    const closed = close(caller, closings)
    callers[index] = closed.caller
    for (const unit of closed.units) {
      harm = addCaller(harm, unit)
      acceptance = addCaller(acceptance, unit)
    }
  }

  for (let request = 1; request <= REQUESTS; request += 1) {
    const next = scenario.weights[step + 1]
    if (next !== undefined && request > next.from) {
      callers.forEach((caller, index) => {
        if (caller !== undefined) settle(index, caller, remainingClosings(caller))
      })
      callers.fill(undefined)
      waiting = []
      nextSpan = { firstError: 0, whole: 0 }
      step += 1
      weight = next.weight
    }
    const index = population.nextCaller()
    const bucket = population.bucket[index] ?? 1
    const onCandidate = bucket < weight
    const failing = (population.ownRate[index] ?? 0) * baseFactor(request) * (onCandidate ? scenario.ratio : 1)
    const error = uniform() < failing ? 1 : 0
    if (callers[index] === undefined) {
      const before = tossed[index] ?? 0
      // A caller already on the candidate is not tossed again: ρ = 1 bets nothing.
      const rho = bucket < before ? 1 : conditionalShare(before, weight)
      tossed[index] = weight
      callers[index] = openCaller(onCandidate, rho, request)
      waiting.push({ caller: index, firstSeen: request })
    }
    const caller = withRequests(
      callers[index] ?? openCaller(onCandidate, 1, request),
      error,
      1,
      traffic.errors / traffic.requests,
    )
    settle(index, caller, dueClosings(caller, request))
    traffic = withTraffic(traffic, error, 1)
    for (const closing of ['firstError', 'whole'] as const) {
      const span = closing === 'whole' ? CLOSING_RULE.wholeSpan : CLOSING_RULE.span
      for (let oldest = waiting[nextSpan[closing]]; oldest !== undefined && request - oldest.firstSeen >= span; ) {
        const due = callers[oldest.caller]
        if (due !== undefined) settle(oldest.caller, due, dueClosings(due, request))
        nextSpan[closing] += 1
        oldest = waiting[nextSpan[closing]]
      }
    }
    naive.add(onCandidate, error, weight)
    if (request % scenario.lookEvery !== 0) continue

    for (let arrived = labels[label]; arrived !== undefined && arrived.at <= request; arrived = labels[label]) {
      loss = addDifference(loss, arrived)
      label += 1
    }
    outcome.naiveEProcess ??= naive.eProcessRejects() ? request : null
    outcome.naiveZTest ??= naive.zTestRejects() ? request : null
    if (outcome.rolledBack === null) {
      if (rateEvidence(harm).pValue <= budget.errors) outcome.rolledBackBy = 'errors'
      else if (meanEvidence(loss).pValue <= budget.loss) outcome.rolledBackBy = 'loss'
      if (outcome.rolledBackBy !== null) outcome.rolledBack = request
      else if (rateEvidence(acceptance).pValue <= budget.promotion) outcome.promoted ??= request
    }
    const done = outcome.rolledBack !== null && outcome.naiveEProcess !== null && outcome.naiveZTest !== null
    if (done) break
  }
  return outcome
}

/** The base rate doubles gradually in the middle of the rollout, while the weight changes. */
function baseFactor(request: number): number {
  return 1 + Math.min(1, Math.max(0, (request - 0.3 * REQUESTS) / (0.4 * REQUESTS)))
}

interface LabelArrival {
  /** Request number by which the label is known. */
  at: number
  difference: number
  bound: number
}

/**
 * Labels of things that both versions predicted, in order of arrival. The models are equally good (exchangeable errors), the
 * labels get noisier in the second half, and each is 0 to 30 days late.
 */
function labelArrivals(uniform: Uniform): LabelArrival[] {
  const requestsPerDay = REQUESTS / DAYS
  return Array.from({ length: LABELLED_THINGS }, () => {
    const predicted = uniform() * REQUESTS
    const noise = (predicted > REQUESTS / 2 ? 1.5 : 1) * gaussian(uniform)
    const champion = 0.2 * gaussian(uniform)
    const candidate = 0.2 * gaussian(uniform)
    return {
      at: predicted + uniform() * LONGEST_LABEL_DELAY_DAYS * requestsPerDay,
      difference: Math.abs(candidate - noise) - Math.abs(champion - noise),
      bound: Math.abs(candidate - champion),
    }
  }).sort((a, b) => a.at - b.at)
}
