import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerOf, numberIn, predictionOfRow, scalarOf } from './predictions.ts'

test('an answer is the list of its values, a list for each name, or the one value', () => {
  assert.deepEqual(answerOf([1, 'a', null, [2, 3]], undefined), [1, 'a', null, [2, 3]])
  assert.deepEqual(
    answerOf(
      [
        { label: 'a', p: [0.1, 0.9] },
        { label: 'b', p: [0.8, 0.2] },
      ],
      'names',
    ),
    {
      label: ['a', 'b'],
      p: [
        [0.1, 0.9],
        [0.8, 0.2],
      ],
    },
  )
  assert.deepEqual(answerOf([{ summary: 'ten rows' }], 'whole'), { summary: 'ten rows' })
})

test('a list or record of one entry stands for that entry, one of several for none', () => {
  assert.equal(numberIn([[0.5]]), 0.5)
  assert.equal(numberIn({ score: 2 }), 2)
  assert.equal(numberIn(true), 1)
  assert.equal(scalarOf({ label: 'Drama' }), 'Drama')
  for (const none of [[0.1, 0.9], { a: 1, b: 2 }, [], {}, null, undefined, '7', 'Drama']) {
    assert.equal(numberIn(none), null, JSON.stringify(none))
  }
})

test('an answer that is not by rows says nothing of one row among several', () => {
  const whole = { predictions: [7], form: 'whole' as const }
  assert.equal(predictionOfRow({ ...whole, entities: [null] }, 0), 7)
  assert.equal(predictionOfRow({ ...whole, entities: [null, null] }, 0), undefined)
  assert.equal(predictionOfRow({ predictions: [1, 2], entities: [null, null] }, 1), 2)
  assert.equal(predictionOfRow({ predictions: null, entities: [null] }, 0), undefined)
})
