/** CPU of the pure functions that a rollout runs for each request, each closed unit, and each look. */

import {
  addBounded,
  addCaller,
  addDifference,
  addLatencyUnit,
  boundedEvidence,
  type CallerUnit,
  latencyEvidence,
  meanEvidence,
  meanInterval,
  rateEvidence,
  startBoundedTest,
  startLatencyTest,
  startMeanSequence,
  startMeanTest,
  startRateTest,
} from '@tidemark/statistics'
import { endpoint, variant } from '../../apps/gateway/src/fixtures.ts'
import { route } from '../../apps/gateway/src/routing/decide.ts'
import { positionPercent } from '../../apps/gateway/src/routing/position.ts'

const ROUNDS = 7

/** Median over rounds of the CPU microseconds of one call; `work` makes `calls` of them. */
function microsecondsPerCall(calls: number, work: () => void): number {
  work()
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / calls
  })
  return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN
}

/** Microseconds to route a request of a canary: its caller's place on the circle, and the choice. */
export function routingMicroseconds(calls: number): number {
  const spec = endpoint('films', {
    kind: 'canary',
    rollout: '00000000-0000-7000-8000-000000000001',
    stage: 1,
    candidate: variant('candidate', 'films/2'),
    weightPercent: 20,
    salt: 'salt',
  })
  const now = { position: positionPercent, leased: true, loaded: () => true, capped: () => 'open' as const }
  let candidates = 0
  const spent = microsecondsPerCall(calls, () => {
    for (let call = 0; call < calls; call += 1) {
      const caller = `caller-${call}`
      const choice = route(spec, caller, { caller, header: () => undefined, cell: () => undefined }, now)
      if (choice.version !== null) candidates += 1
    }
  })
  if (Math.abs(candidates / (calls * (ROUNDS + 1)) - 0.2) > 0.02)
    throw new Error('The routing did not share out a fifth.')
  return spent
}

/** Microseconds of one look at all guardrails of a rollout: errors, failures, latency, disagreement, loss and its interval. */
export function lookMicroseconds(calls: number): number {
  const unit: CallerUnit = {
    closing: 'firstError',
    assignedCandidate: true,
    rho: 0.2,
    errors: 1,
    requests: 7,
    expectedErrors: 0.14,
  }
  const errors = addCaller(startRateTest({ kind: 'harm' }), unit)
  const acceptance = addCaller(startRateTest({ kind: 'acceptableMargin', margin: 0.02 }), { ...unit, closing: 'whole' })
  const latency = addLatencyUnit(startLatencyTest(), unit)
  const row = { difference: 0.1, bound: 1 }
  const tests = (['above', 'below'] as const).flatMap((direction) => [
    addDifference(startMeanTest({ direction, mean: 0.02 }, 1), row),
    addDifference(startMeanTest({ direction, mean: 0.1 }, 1), row),
  ])
  const disagreement = addBounded(startBoundedTest({ direction: 'above', mean: 0.1 }), 1)
  const sequence = startMeanSequence(1)
  let highest = 0
  const spent = microsecondsPerCall(calls, () => {
    for (let call = 0; call < calls; call += 1) {
      highest = Math.max(
        highest,
        rateEvidence(errors).highestEValue,
        rateEvidence(acceptance).highestEValue,
        latencyEvidence(latency).highestEValue,
        boundedEvidence(disagreement).highestEValue,
        meanInterval(sequence).upper,
      )
      for (const test of tests) highest = Math.max(highest, meanEvidence(test).highestEValue)
    }
  })
  if (!(highest > 1)) throw new Error('The look saw nothing.')
  return spent
}

/** Microseconds to bet one closed unit on harm and on acceptance. */
export function unitMicroseconds(calls: number): number {
  let harm = startRateTest({ kind: 'harm' })
  let acceptance = startRateTest({ kind: 'acceptableMargin', margin: 0.02 })
  return microsecondsPerCall(calls, () => {
    for (let call = 0; call < calls; call += 1) {
      const unit: CallerUnit = {
        closing: call % 2 === 0 ? 'firstError' : 'whole',
        assignedCandidate: call % 5 === 0,
        rho: 0.2,
        errors: call % 10 === 0 ? 1 : 0,
        requests: 1 + (call % 30),
        expectedErrors: 0.02 * (1 + (call % 30)),
      }
      harm = addCaller(harm, unit)
      acceptance = addCaller(acceptance, unit)
    }
  })
}
