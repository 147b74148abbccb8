import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shareInterval } from './proportions.ts'
import { seededUniform, type Uniform } from './random.ts'
import { type MagnitudeCounts, magnitudeBin, testScale, UNIT_FACTORS } from './scale.ts'

/** A film's budget: log-normal, median 20 million, σ = 1.5 (half a decade and more). */
function budget(uniform: Uniform): number {
  return 2e7 * Math.exp(1.5 * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()))
}

function magnitudes(n: number, value: () => number): MagnitudeCounts {
  const counts: Record<number, number> = {}
  for (let row = 0; row < n; row += 1) {
    const bin = magnitudeBin(value())
    if (bin !== null) counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts
}

test('magnitudes are cut into 40 bins per factor of ten', () => {
  assert.deepEqual([1, -1000, 0.001, 999.999, 0, Number.NaN].map(magnitudeBin), [0, 120, -120, 119, null, null])
})

for (const n of [15, 45, 1_000]) {
  test(`budgets in thousands are named in at least 97 % of windows of ${n} films`, () => {
    const uniform = seededUniform(n)
    const reference = magnitudes(1_500, () => budget(uniform))
    let named = 0
    for (let window = 0; window < 60; window += 1) {
      const { fault, pValue } = testScale(
        magnitudes(n, () => budget(uniform) / 1_000),
        reference,
      )
      if (fault?.factor === 0.001 && fault.share === 1 && pValue < 1e-4) named += 1
    }
    assert.ok(named >= 58, `${named} of 60`)
  })
}

test('every known factor is named in both directions for a narrow column', () => {
  const uniform = seededUniform(8)
  const narrow = (): number => 100 * (1 + 0.1 * (uniform() + uniform() - 1))
  const reference = magnitudes(1_500, narrow)
  for (const { factor } of UNIT_FACTORS) {
    for (const scale of [factor, 1 / factor]) {
      const { fault } = testScale(
        magnitudes(40, () => scale * narrow()),
        reference,
      )
      const error = Math.abs(Math.log((fault?.factor ?? 1e99) / scale))
      // 1,000 and 1,024 (and their squares) are alike: either name is right.
      assert.ok(error < 0.06, `${scale} was called ${fault?.factor}`)
    }
  }
})

test('a fault in half of the rows is named with its share', () => {
  const uniform = seededUniform(9)
  const reference = magnitudes(1_500, () => budget(uniform))
  const { fault } = testScale(
    magnitudes(60, () => budget(uniform) * (uniform() < 0.5 ? 1 : 1e-3)),
    reference,
  )
  assert.equal(fault?.factor, 0.001)
  assert.ok((fault?.share ?? 0) >= 0.25 && (fault?.share ?? 1) <= 0.75)
})

test('unchanged windows are called a unit fault in at most 5 % of 600, and prices up by 30 % in none', () => {
  const uniform = seededUniform(10)
  let alarms = 0
  let drifted = 0
  for (let window = 0; window < 600; window += 1) {
    const n = 15 + (window % 3) * 15
    const reference = magnitudes(200, () => budget(uniform))
    if (
      testScale(
        magnitudes(n, () => budget(uniform)),
        reference,
      ).pValue <= 0.05
    )
      alarms += 1
    if (
      window < 100 &&
      testScale(
        magnitudes(n, () => 1.3 * budget(uniform)),
        reference,
      ).pValue <= 0.05
    )
      drifted += 1
  }
  assert.ok(shareInterval(alarms, 600).lower <= 0.05, `${alarms}`)
  assert.ok(drifted <= 1, `${drifted}`)
})

test('a window or reference without values names nothing', () => {
  assert.equal(testScale({}, { 3: 5 }).fault, null)
  assert.equal(testScale({ 3: 5 }, {}).pValue, 1)
})
