import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  close,
  closingRuleFor,
  dueClosings,
  type OpenCaller,
  openCaller,
  remainingClosings,
  withRequests,
} from './callers.ts'
import {
  addLatencyUnit,
  judgeLatency,
  type LatencyTest,
  latencyEvidence,
  latencyThreshold,
  startLatencyTest,
} from './latency.ts'
import { shareInterval } from './proportions.ts'
import {
  extendQuantileSequence,
  plausibleCounts,
  quantileInterval,
  startQuantileSequence,
} from './quantile-sequence.ts'
import { seededUniform, type Uniform } from './random.ts'

function gaussian(uniform: Uniform): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

test('the threshold finds the quantile of all answers, and follows when the endpoint slows down', () => {
  const uniform = seededUniform(1)
  let state = startLatencyTest(0.95)
  const after = (scale: number, answers: number): number => {
    for (let n = 0; n < answers; n += 1) {
      state = judgeLatency(state, scale * Math.exp(0.5 * gaussian(uniform))).test
    }
    return latencyThreshold(state) ?? 0
  }
  const quantile = Math.exp(0.5 * 1.6449)
  assert.ok(Math.abs(after(10, 4_000) / (10 * quantile) - 1) < 0.15)
  assert.ok(Math.abs(after(30, 4_000) / (30 * quantile) - 1) < 0.15)
})

test('an answer is judged by the threshold before it, the first by none', () => {
  const first = judgeLatency(startLatencyTest(0.9), 100)
  assert.deepEqual([first.slow, latencyThreshold(first.test)?.toFixed(6)], [false, '100.000000'])
  assert.ok(Math.abs(first.expected - 0.1) < 1e-12)
  assert.equal(judgeLatency(first.test, 100.1).slow, true)
  assert.equal(judgeLatency(first.test, 99.9).slow, false)
  assert.throws(() => judgeLatency(first.test, Number.NaN), RangeError)
  assert.throws(() => judgeLatency(first.test, -1), RangeError)
  assert.throws(() => startLatencyTest(1), RangeError)
})

/** A canary of 600 callers with latencies of their own and Pareto(1.5) traffic; the request at which harm is proven. */
function canary(uniform: Uniform, slowdown: (latency: number) => number): { at: number | null; state: LatencyTest } {
  const rule = closingRuleFor(600)
  const own = Array.from({ length: 600 }, () => 20 * Math.exp(0.4 * gaussian(uniform)))
  const traffic = Array.from({ length: 600 }, () => (1 - uniform()) ** (-1 / 1.5))
  const ends: number[] = []
  for (const weight of traffic) ends.push((ends.at(-1) ?? 0) + weight)
  const total = ends.at(-1) ?? 1
  const callers = new Map<number, OpenCaller>()
  let state = startLatencyTest(0.99)
  for (let request = 1; request <= 6_000; request += 1) {
    const drawn = uniform() * total
    let [low, high] = [0, ends.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle] ?? 0) < drawn) low = middle + 1
      else high = middle
    }
    const caller = callers.get(low) ?? openCaller(uniform() < 0.3, 0.3, request)
    // The whole endpoint gets slower by the half in the middle.
    const moved = (own[low] ?? 0) * (request > 3_000 ? 1.5 : 1) * Math.exp(0.5 * gaussian(uniform))
    const judged = judgeLatency(state, caller.assignedCandidate ? slowdown(moved) : moved)
    state = judged.test
    const counted = withRequests(caller, Number(judged.slow), 1, judged.expected)
    const closed = close(counted, dueClosings(counted, request, rule))
    callers.set(low, closed.caller)
    for (const unit of closed.units) state = addLatencyUnit(state, unit)
    if (latencyEvidence(state).pValue <= 0.05) return { at: request, state }
  }
  for (const caller of callers.values()) {
    for (const unit of close(caller, remainingClosings(caller)).units) state = addLatencyUnit(state, unit)
  }
  return { at: latencyEvidence(state).pValue <= 0.05 ? 6_000 : null, state }
}

test('equally fast versions are accused in at most 5 % of 150 canaries whose callers differ and whose latency moves', () => {
  const uniform = seededUniform(3)
  let accused = 0
  for (let run = 0; run < 150; run += 1) if (canary(uniform, (latency) => latency).at !== null) accused += 1
  assert.ok(shareInterval(accused, 150).lower <= 0.05, `${accused} of 150`)
})

test('a version half as slow again is found in at least 80 % of 40 canaries of 6,000 requests, a faster one never', () => {
  const uniform = seededUniform(5)
  let found = 0
  for (let run = 0; run < 40; run += 1) if (canary(uniform, (latency) => 1.5 * latency).at !== null) found += 1
  assert.ok(found >= 32, `${found} of 40`)
  for (let run = 0; run < 10; run += 1) assert.equal(canary(uniform, (latency) => 0.7 * latency).at, null)
})

test('a latency test resumed from its JSON goes on as if never stored', () => {
  const uniform = seededUniform(7)
  let state = startLatencyTest()
  let stored = state
  for (let n = 0; n < 50; n += 1) {
    const latency = 10 * Math.exp(gaussian(uniform))
    state = judgeLatency(state, latency).test
    stored = judgeLatency(JSON.parse(JSON.stringify(stored)), latency).test
    const unit = {
      closing: 'firstError',
      assignedCandidate: n % 3 === 0,
      rho: 0.3,
      errors: 1,
      requests: 9,
      expectedErrors: 0.1,
    } as const
    state = addLatencyUnit(state, unit)
    stored = addLatencyUnit(stored, unit)
  }
  assert.deepEqual(stored, state)
})

test('the plausible counts are those of an independent Bayes factor', () => {
  // ville 0.1.0, BernoulliTest; savvi 0.3.1 gives the factor 18.66 < 20 at the edge of the second.
  assert.deepEqual(plausibleCounts(200, 0.9, 0.05), { fewest: 165, most: 192 })
  assert.deepEqual(plausibleCounts(100, 0.5, 0.05), { fewest: 32, most: 68 })
  assert.deepEqual(plausibleCounts(1_000, 0.99, 0.05), { fewest: 979, most: 997 })
})

test('a quantile’s interval is open where nothing is known, and holds the sample’s own quantile', () => {
  const empty = startQuantileSequence(0.99)
  assert.deepEqual(quantileInterval(empty), { n: 0, estimate: null, lower: 0, upper: Number.POSITIVE_INFINITY })
  const few = quantileInterval(extendQuantileSequence(empty, [1, 2, 3]))
  assert.deepEqual([few.lower, few.upper], [0, Number.POSITIVE_INFINITY])
  const values = Array.from({ length: 2_000 }, (_, n) => 1 + ((n * 37) % 2_000) / 2_000)
  const { estimate, lower, upper } = quantileInterval(extendQuantileSequence(startQuantileSequence(0.5), values))
  assert.ok(estimate !== null && Math.abs(estimate - 1.5) < 0.03, `${estimate}`)
  assert.ok(lower > 1.4 && lower < 1.5 && upper > 1.5 && upper < 1.6, `${lower} … ${upper}`)
  assert.throws(() => extendQuantileSequence(empty, [Number.NaN]), RangeError)
})

test('looking after every 20 of 1,000 values the interval misses the true 0.9 quantile in at most 5 % of 400 runs', () => {
  const uniform = seededUniform(9)
  const truth = Math.exp(0.5 * 1.2815515655446004)
  let missed = 0
  for (let run = 0; run < 400; run += 1) {
    let sequence = startQuantileSequence(0.9)
    let covered = true
    for (let look = 0; look < 50 && covered; look += 1) {
      const values = Array.from({ length: 20 }, () => Math.exp(0.5 * gaussian(uniform)))
      sequence = extendQuantileSequence(sequence, values)
      const { lower, upper } = quantileInterval(sequence)
      covered = lower <= truth && truth <= upper
    }
    if (!covered) missed += 1
  }
  assert.ok(shareInterval(missed, 400).lower <= 0.05, `${missed} of 400`)
})
