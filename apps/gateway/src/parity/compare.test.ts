import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerKind } from '@tidemark/contracts'
import { compareAll, compareRow, type RowAnswer, type RowComparison } from './compare.ts'

const TOLERANCE = 1e-4
const value = (of: Extract<RowAnswer, { value: unknown }>['value'], scores?: number[]): RowAnswer => ({
  value: of,
  scores: scores ?? null,
})
const error: RowAnswer = { error: 'refused' }

const table: [string, AnswerKind, RowAnswer, RowAnswer, RowComparison['kind']][] = [
  ['numbers within the tolerance', 'numbers', value(1), value(1.00005), 'same'],
  ['numbers beyond it', 'numbers', value(1), value(1.0002), 'different'],
  ['a text where a number was expected', 'numbers', value(1), value('1'), 'different'],
  ['a list where a number was expected', 'numbers', value(1), value([1]), 'different'],
  ['the numbers of several outputs', 'numbers', value([1, 2]), value([1.00001, 2]), 'same'],
  ['one output of several that is off', 'numbers', value([1, 2]), value([1, 2.1]), 'different'],
  ['an output too few', 'numbers', value([1, 2]), value([1]), 'different'],
  ['records of numbers', 'numbers', value({ x: 1, y: null }), value({ x: 1.00001, y: null }), 'same'],
  ['a record with another number', 'numbers', value({ x: 1, y: 2 }), value({ x: 1, y: 2.1 }), 'different'],
  ['a record with other names', 'numbers', value({ x: 1 }), value({ z: 1 }), 'different'],
  ['a gap where a number was expected', 'numbers', value({ x: 1 }), value({ x: null }), 'different'],
  ['probabilities that agree', 'probabilities', value([0.3, 0.7]), value([0.30005, 0.69995]), 'same'],
  ['probabilities that are off', 'probabilities', value([0.3, 0.7]), value([0.3002, 0.6998]), 'different'],
  [
    'another best class, near but not tied',
    'probabilities',
    value([0.49998, 0.50002]),
    value([0.50001, 0.49999]),
    'different',
  ],
  ['another best class where both are tied', 'probabilities', value([0.5, 0.5]), value([0.5000001, 0.4999999]), 'same'],
  ['another best class of a tie', 'probabilities', value([0.4999999, 0.5000001]), value([0.5000001, 0.4999999]), 'tie'],
  ['equal labels', 'labels', value('yes'), value('yes'), 'same'],
  ['another label', 'labels', value('yes'), value('no'), 'different'],
  ['a label of another type', 'labels', value(true), value(1), 'different'],
  ['another label, far from a tie', 'labels', value('yes', [0.4, 0.6]), value('no', [0.6, 0.4]), 'different'],
  ['another label of an exact tie', 'labels', value('yes', [0.5, 0.5]), value('no', [0.5, 0.5]), 'tie'],
  [
    'equal labels with other probabilities behind them',
    'labels',
    value('yes', [0.2, 0.8]),
    value('yes', [0.4, 0.6]),
    'different',
  ],
  ['a row that both refuse', 'numbers', error, error, 'same'],
  ['a row that Python alone refuses', 'numbers', error, value(1), 'different'],
  ['a row that ONNX alone refuses', 'labels', value('yes'), error, 'different'],
]
for (const [name, kind, expected, got, outcome] of table) {
  test(`${name}: ${outcome}`, () => {
    assert.equal(compareRow(kind, TOLERANCE, expected, got).kind, outcome)
  })
}

test('the worst rows come first, labels before numbers, and ties are counted apart', () => {
  const expected = [value(1), value(2), error, value(4)]
  const verdict = compareAll('numbers', TOLERANCE, expected, [value(1), value(2.5), value(3), value(4.1)])
  assert.equal(verdict.ok, false)
  assert.deepEqual([verdict.mismatches, verdict.ties, verdict.maxAbsoluteDifference], [3, 0, 0.5])
  assert.deepEqual(
    verdict.worst.map(({ row, difference }) => [row, difference === null ? null : Math.round(difference * 10) / 10]),
    [
      [2, null],
      [1, 0.5],
      [3, 0.1],
      [0, 0],
    ],
  )
  const tied = compareAll('labels', TOLERANCE, [value('a', [0.5, 0.5])], [value('b', [0.5, 0.5])])
  assert.deepEqual([tied.ok, tied.ties, tied.mismatches], [true, 1, 0])
})

test('nothing to compare, or an answer too few, is no agreement', () => {
  assert.throws(() => compareAll('numbers', TOLERANCE, [], []), /nothing to compare/)
  assert.throws(() => compareAll('numbers', TOLERANCE, [value(1)], []), /1 answers are expected, and 0 came/)
})
