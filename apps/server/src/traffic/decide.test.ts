import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededUniform } from '@tidemark/statistics'
import { addStages, binOf, centreOf, countStages, quantilesOf, type StageBins } from './decide.ts'

test('a bin’s centre is at most 9 % away from what was counted in it, from 1 µs to 18 minutes', () => {
  for (let milliseconds = 0.001; milliseconds < 1e6; milliseconds *= 1.07) {
    const error = Math.abs(centreOf(binOf(milliseconds)) / milliseconds - 1)
    assert.ok(error < 2 ** (1 / 8) - 1 + 1e-9, `${milliseconds} ms: ${error}`)
  }
  for (const odd of [0, -5, Number.NaN]) assert.equal(binOf(odd), 0)
  assert.equal(binOf(Number.POSITIVE_INFINITY), 120)
})

test('quantiles of ten thousand latencies with a long tail lie within 9 % of the exact ones', () => {
  const uniform = seededUniform(7)
  const values = Array.from({ length: 10_000 }, () => 3 * (1 - uniform()) ** (-1 / 1.5))
  const stages: StageBins = {}
  for (const total of values) countStages(stages, { total })
  const found = quantilesOf(stages.total ?? {})
  values.sort((a, b) => a - b)
  for (const [name, share] of [
    ['p50', 0.5],
    ['p95', 0.95],
    ['p99', 0.99],
  ] as const) {
    const exact = values[Math.ceil(share * values.length) - 1] ?? Number.NaN
    assert.ok(Math.abs((found?.[name] ?? 0) / exact - 1) < 0.0906, `${name}: ${found?.[name]} for ${exact}`)
  }
})

test('two halves add up to the whole, and nothing counted has no quantile', () => {
  const [left, right, whole]: StageBins[] = [{}, {}, {}]
  for (const [index, infer] of [0.2, 4, 4.1, 900].entries()) {
    countStages(index % 2 === 0 ? (left as StageBins) : (right as StageBins), { infer })
    countStages(whole as StageBins, { infer })
  }
  addStages(left as StageBins, right as StageBins)
  assert.deepEqual(left, whole)
  assert.equal(quantilesOf({}), null)
  assert.deepEqual(quantilesOf({ 40: 99, 80: 1 }), { p50: 1.024, p95: 1.024, p99: 1.024 })
})
