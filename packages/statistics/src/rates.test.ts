import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CallerUnit,
  close,
  conditionalShare,
  dueClosings,
  expectTraffic,
  openCaller,
  remainingClosings,
  withRequests,
  withTraffic,
} from './callers.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'
import { addCaller, type RateQuestion, rateEvidence, startRateTest } from './rates.ts'

function unit(change: Partial<CallerUnit>): CallerUnit {
  return {
    closing: 'whole',
    assignedCandidate: false,
    rho: 0.5,
    errors: 0,
    requests: 10,
    expectedErrors: 0.2,
    ...change,
  }
}

function eValueAfter(question: RateQuestion, ...units: CallerUnit[]): number {
  return rateEvidence(units.reduce(addCaller, startRateTest(question, 0.02))).eValue
}

test('a harm bet multiplies the wealth by LR / (ρ·LR + 1 − ρ)', () => {
  const ratio = (mean: number, bet: number): number => bet * ((1 + mean) / (1 + bet * mean)) ** 2
  const expected = [
    [1.4, 0.2],
    [2, 0.35],
    [3.5, 0.25],
    [10, 0.2],
  ].reduce((sum, [bet = 1, weight = 0]) => {
    const likelihood = ratio(0.2 / (0.5 * bet + 0.5), bet)
    return sum + (weight * likelihood) / (0.5 * likelihood + 0.5)
  }, 0)
  const seen = eValueAfter({ kind: 'harm' }, unit({ closing: 'firstError', assignedCandidate: true, errors: 1 }))
  assert.ok(Math.abs(seen - expected) < 1e-12, `${seen} against ${expected}`)
})

test('over both arms, weighted by ρ, one unit’s harm factor has mean 1 for any outcome', () => {
  for (const [errors, requests, rho] of [
    [0, 30, 0.05],
    [1, 3, 0.2],
    [7, 40, 0.5],
  ] as const) {
    const given = (assignedCandidate: boolean): number =>
      eValueAfter(
        { kind: 'harm' },
        unit({ closing: 'firstError', assignedCandidate, rho, errors, requests, expectedErrors: 0.6 }),
      )
    // The mixture over bets starts with all of the money, so its mean is 1 as well.
    assert.ok(Math.abs(rho * given(true) + (1 - rho) * given(false) - 1) < 1e-12)
  }
})

/** Mean of one unit's factor when the candidate's error rate lies exactly on the edge of H0, by summing all outcomes. */
function meanAtEdge(question: RateQuestion, rho: number, own: number, edge: number, requests: number): number {
  let mean = 0
  for (const assignedCandidate of [true, false]) {
    const rate = assignedCandidate ? edge : own
    let probability = (1 - rate) ** requests
    for (let errors = 0; errors <= requests; errors += 1) {
      const seen = eValueAfter(question, unit({ assignedCandidate, rho, errors, requests }))
      mean += (assignedCandidate ? rho : 1 - rho) * probability * seen
      probability *= ((requests - errors) / (errors + 1)) * (rate / (1 - rate))
    }
  }
  return mean
}

test('at the edge of H0 the acceptance factors have mean 1, whatever the caller’s own rate; beyond it less', () => {
  for (const own of [0.001, 0.02, 0.2]) {
    assert.ok(Math.abs(meanAtEdge({ kind: 'acceptableRatio', ratio: 2 }, 0.2, own, 2 * own, 12) - 1) < 1e-9)
    assert.ok(meanAtEdge({ kind: 'acceptableRatio', ratio: 2 }, 0.2, own, 3 * own, 12) < 1)
    // Successes turn into errors with probability 0.01, so the edge is own + 0.01·(1 − own): slightly inside own + 0.01.
    const edge = own + 0.01 * (1 - own)
    assert.ok(Math.abs(meanAtEdge({ kind: 'acceptableMargin', margin: 0.01 }, 0.2, own, edge, 12) - 1) < 1e-9)
    assert.ok(meanAtEdge({ kind: 'acceptableMargin', margin: 0.01 }, 0.2, own, own + 0.02, 12) < 1)
  }
})

test('each test bets only on the closings that are its own, and a caller without a toss or requests on none', () => {
  const harm = { kind: 'harm' } as const
  assert.equal(eValueAfter(harm, unit({ closing: 'whole', assignedCandidate: true, errors: 9 })), 1)
  assert.equal(eValueAfter({ kind: 'acceptableRatio', ratio: 2 }, unit({ closing: 'firstError', requests: 40 })), 1)
  assert.equal(eValueAfter(harm, unit({ closing: 'firstError', assignedCandidate: true, rho: 1, errors: 1 })), 1)
  assert.equal(eValueAfter(harm, unit({ closing: 'firstError', requests: 0 })), 1)
  assert.throws(() => addCaller(startRateTest(harm), unit({ errors: 11 })), RangeError)
  assert.throws(() => startRateTest({ kind: 'acceptableRatio', ratio: 1 }), RangeError)
})

test('the state survives JSON and the observed rates are those of the whole units', () => {
  let state = startRateTest({ kind: 'acceptableRatio', ratio: 2 })
  for (const candidate of [true, false, false]) {
    const next = unit({ assignedCandidate: candidate, errors: candidate ? 1 : 0, requests: 20 })
    state = addCaller(JSON.parse(JSON.stringify(state)), next)
  }
  const { candidateRate, championRate, callers } = rateEvidence(state)
  assert.deepEqual([candidateRate, championRate, callers], [0.05, 0, { champion: 2, candidate: 1 }])
})

test('a caller closes once by each rule: at its first error, at its cap, or by age', () => {
  const rule = { requests: 5, earlyRequests: 4, span: 100, wholeSpan: 50 }
  let caller = withRequests(openCaller(true, 0.2, 10), 0, 1, 0.02)
  assert.deepEqual(dueClosings(caller, 20, rule), [])
  assert.deepEqual(dueClosings(caller, 60, rule), ['whole'])
  assert.deepEqual(dueClosings(caller, 110, rule), ['firstError', 'whole'])
  caller = withRequests(caller, 1, 1, 0.04)
  assert.deepEqual(dueClosings(caller, 20, rule), ['firstError'])
  const closed = close(caller, ['firstError'])
  assert.equal(closed.units.length, 1)
  assert.ok(Math.abs((closed.units[0]?.expectedErrors ?? 0) - 0.06) < 1e-12)
  assert.deepEqual(dueClosings(closed.caller, 20, rule), [])
  assert.deepEqual(dueClosings(withRequests(closed.caller, 0, 3, 0.02), 20, rule), ['whole'])
  assert.deepEqual(remainingClosings(closed.caller), ['whole'])
})

test('a caller that has sent much waits for its share of errors instead of closing at its first', () => {
  const rule = { requests: 9, earlyRequests: 4, span: 100, wholeSpan: 50 }
  const patient = withRequests(openCaller(true, 0.2, 0), 0, 4, 0.02)
  const failed = withRequests(patient, 1, 1, 0.02)
  assert.deepEqual(dueClosings(failed, 20, rule), [])
  assert.deepEqual(dueClosings(withRequests(failed, 2, 4, 0.02), 20, rule), ['firstError', 'whole'])
})

test('a caller of the champion moves with (after − before) / (1 − before) when the weight rises', () => {
  assert.ok(Math.abs(conditionalShare(0.05, 0.2) - 0.15 / 0.95) < 1e-15)
  assert.equal(conditionalShare(0, 0.05), 0.05)
  assert.equal(conditionalShare(0.2, 0.2), 0)
})

test('the traffic’s rate follows a change within 4,000 requests', () => {
  let rate = expectTraffic(0.02)
  assert.equal(rate.errors / rate.requests, 0.02)
  for (let batch = 0; batch < 40; batch += 1) rate = withTraffic(rate, 5, 100)
  assert.ok(Math.abs(rate.errors / rate.requests - 0.05) < 0.003)
})

/** 1,200 callers whose own rates are exponential around `rate`, each with 1–40 requests; returns whether H0 was rejected. */
function rejects(
  question: RateQuestion,
  uniform: Uniform,
  candidateRate: (own: number) => number,
  rate: number,
): boolean {
  let state = startRateTest(question, rate)
  for (let caller = 0; caller < 1_200; caller += 1) {
    const drift = 1 + caller / 1_200
    const own = -Math.log(1 - uniform()) * rate * drift
    const assignedCandidate = uniform() < 0.5
    const real = Math.min(1, assignedCandidate ? candidateRate(own) : own)
    const requests = Math.min(40, Math.ceil(3 / (1 - uniform()) ** 0.7))
    let errors = 0
    for (let request = 0; request < requests; request += 1) if (uniform() < real) errors += 1
    state = addCaller(state, unit({ assignedCandidate, errors, requests }))
    if (rateEvidence(state).pValue <= 0.05) return true
  }
  return false
}

for (const [name, question, atEdge, equalRate] of [
  ['twice', { kind: 'acceptableRatio', ratio: 2 }, (own: number) => 2 * own, 0.02],
  ['one point more', { kind: 'acceptableMargin', margin: 0.01 }, (own: number) => own + 0.01, 0.005],
] as const) {
  test(`a candidate with ${name} errors is accepted in at most 5 % of 400 rollouts, an equal one in 80 %`, () => {
    const uniform = seededUniform(41)
    let wrong = 0
    let right = 0
    for (let run = 0; run < 400; run += 1) if (rejects(question, uniform, atEdge, equalRate)) wrong += 1
    for (let run = 0; run < 100; run += 1) if (rejects(question, uniform, (own) => own, equalRate)) right += 1
    assert.ok(shareInterval(wrong, 400).lower <= 0.05, `${wrong} of 400`)
    assert.ok(right >= 80, `${right} of 100`)
  })
}
