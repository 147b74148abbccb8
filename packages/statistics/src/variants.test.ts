import assert from 'node:assert/strict'
import { test } from 'node:test'
import { familywiseLevel } from './familywise.ts'
import { atEqualAge } from './label-age.ts'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'
import { addCaller, rateEvidence, startRateTest } from './rates.ts'
import { comesBackAt, nextAlpha } from './spending.ts'
import { shareAgainstChampion } from './variants.ts'

const BUDGET = { perRollout: 0.05, perYear: 0.2 }
const weights = { blue: 0.2, green: 0.3 }

test('a caller’s chance of a variant is the one among the champion’s and the variant’s callers', () => {
  assert.ok(Math.abs(shareAgainstChampion(weights, 'blue') - 2 / 7) < 1e-12)
  assert.ok(Math.abs(shareAgainstChampion(weights, 'green') - 3 / 8) < 1e-12)
  assert.equal(shareAgainstChampion(weights, 'red'), 0)
  assert.equal(shareAgainstChampion({ a: 0.5, b: 0.5 }, 'a'), 1)
  assert.throws(() => shareAgainstChampion({ a: 0.7, b: 0.5 }, 'a'), RangeError)
})

/** Which variants are accused within 1,500 callers with exponential own error rates; `times`: their errors over the champion's. */
function accused(uniform: Uniform, times: Record<string, number>): string[] {
  const tests = new Map(['blue', 'green'].map((name) => [name, startRateTest({ kind: 'harm' }, 0.03)]))
  for (let caller = 0; caller < 1_500; caller += 1) {
    const toss = uniform()
    const variant = toss < 0.2 ? 'blue' : toss < 0.5 ? 'green' : null
    const rate = -Math.log(1 - uniform()) * 0.03 * (variant === null ? 1 : (times[variant] ?? 1))
    const most = Math.min(60, Math.ceil(3 / (1 - uniform()) ** 0.7))
    let [requests, errors] = [0, 0]
    while (requests < most && errors === 0) {
      requests += 1
      if (uniform() < rate) errors = 1
    }
    const unit = { closing: 'firstError', errors, requests, expectedErrors: 0.03 * requests } as const
    for (const [name, test] of tests) {
      if (variant !== null && variant !== name) continue
      const toss = { rho: shareAgainstChampion(weights, name), assignedCandidate: variant === name }
      tests.set(name, addCaller(test, { ...unit, ...toss }))
    }
    const judged = [...tests].map(([name, test]) => ({ name, pValue: rateEvidence(test).pValue }))
    const level = familywiseLevel(
      0.05,
      judged.map(({ pValue }) => pValue),
    )
    const alarms = judged.filter(({ pValue }) => pValue <= level)
    if (alarms.length > 0) return alarms.map(({ name }) => name)
  }
  return []
}

test('of two harmless variants any is accused in at most 5 % of 200 trials, looking after each caller', () => {
  const uniform = seededUniform(31)
  let wrong = 0
  for (let run = 0; run < 200; run += 1) if (accused(uniform, {}).length > 0) wrong += 1
  assert.ok(shareInterval(wrong, 200).lower <= 0.05, `${wrong} of 200`)
})

test('the harmful variant is accused, not the harmless one beside it', () => {
  const uniform = seededUniform(33)
  let [right, wrong] = [0, 0]
  for (let run = 0; run < 60; run += 1) {
    const names = accused(uniform, { green: 3 })
    if (names.includes('green')) right += 1
    if (names.includes('blue')) wrong += 1
  }
  assert.ok(right >= 54, `${right} of 60`)
  assert.ok(wrong <= 3, `${wrong} of 60`)
})

test('a label counts when it was there at the age at which labels are read', () => {
  const day = 86_400_000
  const seen = { predictedAt: 0, labelledAt: 2 * day }
  assert.equal(atEqualAge(seen, 7 * day, 3 * day), 'wait')
  assert.equal(atEqualAge(seen, 7 * day, 7 * day), 'label')
  assert.equal(atEqualAge({ predictedAt: 0, labelledAt: 8 * day }, 7 * day, 9 * day), 'none')
  assert.equal(atEqualAge({ predictedAt: 0, labelledAt: null }, 7 * day, 9 * day), 'none')
})

test('rollouts in a row halve what is left of the year, and what was spent comes back after it', () => {
  const day = 86_400_000
  const spent: { beganAt: number; alpha: number }[] = []
  for (let n = 0; n < 7; n += 1) {
    spent.push({ beganAt: n * day, alpha: nextAlpha(BUDGET, spent, n * day) })
  }
  const given = spent.map(({ alpha }) => Number(alpha.toFixed(9)))
  assert.deepEqual(given, [0.05, 0.05, 0.05, 0.025, 0.0125, 0.00625, 0.003125])
  assert.ok(nextAlpha(BUDGET, spent, 366 * day) > 0.025)
  assert.equal(nextAlpha(BUDGET, spent, 800 * day), 0.05)
  assert.equal(comesBackAt({ beganAt: 3 * day, alpha: 0.05 }), 368 * day)
  // A budget that was lowered may be spent already.
  assert.equal(nextAlpha({ perRollout: 0.05, perYear: 0.1 }, spent, 8 * day), 0)
  assert.throws(() => nextAlpha({ perRollout: 0, perYear: 0.1 }, [], 0), RangeError)
})

test('whenever rollouts begin, those of any year spend at most the year’s budget', () => {
  const uniform = seededUniform(37)
  const year = 365 * 86_400_000
  for (let run = 0; run < 50; run += 1) {
    const spent: { beganAt: number; alpha: number }[] = []
    for (let at = 0, n = 0; n < 60; n += 1) {
      at += uniform() ** 3 * 0.4 * year
      spent.push({ beganAt: at, alpha: nextAlpha(BUDGET, spent, at) })
    }
    for (const { beganAt } of spent) {
      const within = spent.filter((other) => other.beganAt <= beganAt && other.beganAt > beganAt - year)
      assert.ok(within.reduce((sum, { alpha }) => sum + alpha, 0) <= BUDGET.perYear + 1e-12)
    }
  }
})
