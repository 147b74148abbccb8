import assert from 'node:assert/strict'
import { test } from 'node:test'
import { costOf, expected, placeOf, seen } from './placement.ts'

const forest = costOf(0.03, { rows: 64, milliseconds: 1 })

test('a run is expected to take its fixed cost and that of its rows', () => {
  assert.ok(Math.abs(expected(forest, 1) - 0.03) < 1e-9)
  assert.ok(Math.abs(expected(forest, 64) - 1) < 1e-9)
  assert.ok(expected(costOf(2, { rows: 64, milliseconds: 1 }), 64) >= 2)
})

const places: [string, Parameters<typeof placeOf>, 'loop' | 'thread'][] = [
  ['one row of a forest', [forest, 1], 'loop'],
  ['a hundred rows of it', [forest, 100], 'loop'],
  ['a thousand rows of it', [forest, 1000], 'thread'],
  ['a thousand rows of a line', [costOf(0.01, { rows: 64, milliseconds: 0.03 }), 1000], 'loop'],
  ['one row of a large network', [costOf(5, { rows: 64, milliseconds: 40 }), 1], 'thread'],
]
for (const [name, question, place] of places) {
  test(`${name} runs on the ${place}`, () => assert.equal(placeOf(...question), place))
}

test('interrupted runs move nothing, however long; a model that is always slower leaves the loop, and comes back', () => {
  let cost = forest
  for (let run = 0; run < 1000; run += 1) {
    cost = seen(cost, 1, run % 3 === 0 ? 300 : 0.03)
    assert.equal(placeOf(cost, 1), 'loop')
  }
  for (let run = 0; run < 100; run += 1) cost = seen(cost, 1, 5)
  assert.equal(placeOf(cost, 1), 'thread')
  for (let run = 0; run < 100; run += 1) cost = seen(cost, 1, 0.03)
  assert.equal(placeOf(cost, 1), 'loop')
})
