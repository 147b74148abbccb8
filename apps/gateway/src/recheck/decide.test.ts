import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isChosen } from './decide.ts'

const HOUR = 3_600_000
const policy = { sharePercent: 1, minPerHour: 6 }

test('a share is chosen by chance, whenever the last one was', () => {
  assert.equal(isChosen(policy, 0, 1, 0.0099), true)
  assert.equal(isChosen(policy, 0, 1, 0.01), false)
  assert.equal(isChosen({ ...policy, sharePercent: 100 }, 0, 1, 0.9999), true)
})

test('with little traffic the first answer is chosen, and one each time the pause is over', () => {
  assert.equal(isChosen(policy, null, 0, 0.5), true)
  assert.equal(isChosen(policy, 0, HOUR / 6 - 1, 0.5), false)
  assert.equal(isChosen(policy, 0, HOUR / 6, 0.5), true)
})

test('a policy of nothing chooses nothing', () => {
  assert.equal(isChosen({ sharePercent: 0, minPerHour: 0 }, null, HOUR, 0), false)
})
