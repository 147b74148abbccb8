import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from './canary.ts'
import { rowsOf, tallies } from './measure.ts'
import { experiments } from './scenarios.ts'

test('the quick size keeps every promise: no more than 5 % false rollbacks and promotions, the power that is claimed', async () => {
  const counts = await tallies(true)
  experiments(true).forEach((experiment, index) => {
    const tally = counts[index]
    assert.equal(tally?.runs, experiment.runs)
    if (tally === undefined) return
    for (const row of rowsOf(experiment, tally)) assert.notEqual(row.met, false, `${row.claim}: ${row.ours}`)
  })
  const healthy = counts.slice(0, 5)
  const sum = (key: 'rolledBack' | 'naiveZTest' | 'runs'): number =>
    healthy.reduce((total, tally) => total + tally[key], 0)
  // The simulation is hard enough to matter: the peeked z-test fails on it.
  assert.ok(sum('naiveZTest') > 0.2 * sum('runs'))
})

test('the same seed gives the same canary', () => {
  const scenario = experiments(true)[5]?.scenario
  assert.ok(scenario !== undefined)
  const budget = { errors: 0.0375, loss: 0.0125, promotion: 0.05 }
  assert.deepEqual(simulate(scenario, budget, 12), simulate(scenario, budget, 12))
})
