import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addBounded,
  type BoundedQuestion,
  boundedEvidence,
  boundedInterval,
  extendBoundedSequence,
  startBoundedSequence,
  startBoundedTest,
} from './bounded-mean.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'

test('the sequence is that of an independent implementation', () => {
  // ville 0.1.0, BettingCS with a grid of the same 201 means.
  let spread = startBoundedSequence({ low: 0, high: 1 })
  for (let i = 1; i <= 200; i += 1) spread = extendBoundedSequence(spread, (((i * 37) % 101) / 100) * 0.6 + 0.1)
  const { lower, upper } = boundedInterval(spread)
  assert.deepEqual([lower.toFixed(3), upper.toFixed(3)], ['0.365', '0.440'])
  let rare = startBoundedSequence({ low: 0, high: 1 })
  for (let i = 1; i <= 300; i += 1) rare = extendBoundedSequence(rare, i % 20 === 0 ? 1 : 0)
  const interval = boundedInterval(rare)
  assert.deepEqual([interval.lower.toFixed(3), interval.upper.toFixed(3)], ['0.015', '0.095'])
})

test('bounds of any kind scale the interval, and a value outside them is refused', () => {
  let unit = startBoundedSequence({ low: 0, high: 1 })
  let stars = startBoundedSequence({ low: 1, high: 5 })
  for (const value of [0.25, 1, 0.5, 0.75, 0.5, 0.25]) {
    unit = extendBoundedSequence(unit, value)
    stars = extendBoundedSequence(stars, 1 + 4 * value)
  }
  assert.ok(Math.abs(boundedInterval(stars).lower - (1 + 4 * boundedInterval(unit).lower)) < 1e-12)
  assert.ok(Math.abs(boundedInterval(stars).mean - (1 + 4 * boundedInterval(unit).mean)) < 1e-12)
  assert.throws(() => extendBoundedSequence(stars, 5.1), RangeError)
  assert.throws(() => startBoundedSequence({ low: 1, high: 1 }), RangeError)
  assert.throws(() => startBoundedTest({ direction: 'above', mean: 0 }), RangeError)
})

test('one value moves each stake by 1 + λ(x − m), λ at most 0.95 / m', () => {
  const state = addBounded(startBoundedTest({ direction: 'above', mean: 0.1 }), 0.3)
  const stakes = [0.004, 0.016, 0.05, 0.12, 0.3, 0.6, 1].map((stake) => 1 + ((stake * 0.95) / 0.1) * 0.2)
  const expected = stakes.reduce((sum, factor) => sum + factor, 0) / stakes.length
  assert.ok(Math.abs(boundedEvidence(state).eValue - expected) < 1e-12)
})

/** Whether H0 was ever rejected at 5 % within `most` draws, looking after each. */
function rejects(question: BoundedQuestion, draw: () => number, most: number): boolean {
  let state = startBoundedTest(question)
  for (let n = 0; n < most; n += 1) {
    state = addBounded(state, draw())
    if (boundedEvidence(state).pValue <= 0.05) return true
  }
  return false
}

/** Zeros and ones, or mean-preserving mixtures of the two: the hardest and a mild distribution. */
const draws = (uniform: Uniform, mean: number) => [
  () => (uniform() < mean ? 1 : 0),
  () => mean * 2 * uniform() * (mean > 0.5 ? 0.5 / mean : 1) + (mean > 0.5 ? mean - 0.5 : 0),
]

for (const question of [
  { direction: 'above', mean: 0.05 },
  { direction: 'below', mean: 0.05 },
  { direction: 'above', mean: 0.5 },
] as const) {
  test(`with a mean of exactly ${question.mean}, "${question.direction}" is rejected in at most 5 % of 400 runs`, () => {
    const uniform = seededUniform(11)
    for (const draw of draws(uniform, question.mean)) {
      let wrong = 0
      for (let run = 0; run < 400; run += 1) if (rejects(question, draw, 400)) wrong += 1
      assert.ok(shareInterval(wrong, 400).lower <= 0.05, `${wrong} of 400`)
    }
  })
}

test('disagreement on 10 % of things is told from a budget of 5 % within 600 things in at least 80 % of runs', () => {
  const uniform = seededUniform(13)
  let found = 0
  for (let run = 0; run < 100; run += 1) {
    if (rejects({ direction: 'above', mean: 0.05 }, () => (uniform() < 0.1 ? 1 : 0), 600)) found += 1
  }
  assert.ok(found >= 80, `${found} of 100`)
})

test('the sequence covers the true mean at all of 200 looks in at least 95 % of 200 runs, and narrows', () => {
  const uniform = seededUniform(15)
  let missed = 0
  let width = 0
  for (let run = 0; run < 200; run += 1) {
    let sequence = startBoundedSequence({ low: 0, high: 1 })
    let covered = true
    for (let n = 0; n < 200; n += 1) {
      sequence = extendBoundedSequence(sequence, uniform() < 0.1 ? 1 : 0.3 * uniform())
      const { lower, upper } = boundedInterval(sequence)
      if (lower > 0.235 || upper < 0.235) covered = false
    }
    if (!covered) missed += 1
    const { lower, upper } = boundedInterval(sequence)
    width += (upper - lower) / 200
  }
  assert.ok(shareInterval(missed, 200).lower <= 0.05, `${missed} of 200`)
  assert.ok(width < 0.17, `mean width ${width}`)
})

test('a sequence and a test resumed from their JSON go on as if never stored', () => {
  const uniform = seededUniform(17)
  let sequence = startBoundedSequence({ low: 0, high: 1 })
  let bet = startBoundedTest({ direction: 'below', mean: 0.5 })
  let [storedSequence, storedBet] = [sequence, bet]
  for (let n = 0; n < 40; n += 1) {
    const value = uniform() ** 2
    sequence = extendBoundedSequence(sequence, value)
    bet = addBounded(bet, value)
    storedSequence = extendBoundedSequence(JSON.parse(JSON.stringify(storedSequence)), value)
    storedBet = addBounded(JSON.parse(JSON.stringify(storedBet)), value)
  }
  assert.deepEqual([storedSequence, storedBet], [sequence, bet])
})
