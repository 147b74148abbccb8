import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InputColumn } from '@tidemark/contracts'
import { columns } from '../fixtures.ts'
import { DEFAULT_LIMITS } from './admission.ts'
import { readInput } from './input.ts'

const rows = [
  [20.5, 110, 'Drama'],
  [null, null, null],
]
const same: [string, unknown][] = [
  ['dataframe_split', { dataframe_split: { columns: ['budget', 'running_time', 'genre'], data: rows } }],
  [
    'dataframe_split in another order, with an index and a column more',
    {
      dataframe_split: {
        index: [7, 8],
        columns: ['genre', 'more', 'running_time', 'budget'],
        data: [
          ['Drama', {}, 110, 20.5],
          [null, 1, null, null],
        ],
      },
      params: { unknown: 1 },
    },
  ],
  ['dataframe_records', { dataframe_records: [{ budget: 20.5, running_time: 110, genre: 'Drama' }, { genre: null }] }],
  ['inputs as columns', { inputs: { budget: [20.5, null], running_time: [110, null], genre: ['Drama', null] } }],
  ['instances as records', { instances: [{ budget: 20.5, running_time: 110, genre: 'Drama' }, {}] }],
  ['instances as lists', { instances: rows }],
]
for (const [name, body] of same) {
  test(`${name} gives the rows in the order of the columns`, () => {
    const { frame } = readInput(body, spec)
    assert.deepEqual([frame.kind, frame.columns, frame.rows], ['table', ['budget', 'running_time', 'genre'], rows])
  })
}

const spec = { columns, input: { kind: 'columns' as const } }

test('an optional column that is absent is missing in every row', () => {
  const { frame } = readInput({ dataframe_split: { columns: ['budget', 'genre'], data: [[1, 'Drama']] } }, spec)
  assert.deepEqual(frame.rows, [[1, null, 'Drama']])
})

test('one row of scalars is one row', () => {
  assert.deepEqual(readInput({ inputs: { budget: 1, genre: 'Drama' } }, spec).frame.rows, [[1, null, 'Drama']])
})

const row = (cells: Record<string, unknown>) => ({
  dataframe_records: [
    { budget: 1, running_time: 2, genre: 'Drama' },
    { budget: 1, genre: 'x', ...cells },
  ],
})
const BAD = 'BAD_REQUEST'
const INVALID = 'INVALID_PARAMETER_VALUE'
const wrong: [string, unknown, string, RegExp][] = [
  ['a list', [1], BAD, /exactly one of the input fields/],
  ['text', 'secret', BAD, /exactly one/],
  ['none of the keys', { secret: 1 }, BAD, /Received 0 of them/],
  ['two keys', { inputs: {}, dataframe_split: {} }, BAD, /Received 2 of them/],
  ['a key of the prototype alone', JSON.parse('{"__proto__": {"inputs": [1]}}'), BAD, /Received 0/],
  ['split that is a list', { dataframe_split: [] }, BAD, /"columns" and "data"/],
  ['split without data', { dataframe_split: { columns: [] } }, BAD, /"columns" and "data"/],
  ['a ragged row', { dataframe_split: { columns: ['budget', 'genre'], data: [[1]] } }, BAD, /^Row 0/],
  ['split without columns', { dataframe_split: { data: [[1]] } }, INVALID, /names no columns/],
  ['inputs that are a text', { inputs: 'secret' }, BAD, /must be a list of rows or a dictionary/],
  ['a column twice', { dataframe_split: { columns: ['genre', 'genre'], data: [] } }, BAD, /twice/],
  ['no rows', { dataframe_split: { columns: ['budget', 'genre'], data: [] } }, BAD, /no rows/],
  ['no instances', { instances: [] }, INVALID, /missing inputs "budget", "genre"\./],
  ['records that are lists', { dataframe_records: [[1]] }, INVALID, /^Row 0 is not a dictionary/],
  ['columns of unequal length', { inputs: { budget: [1, 2], genre: ['x'] } }, INVALID, /same number of rows/],
  ['lists of the wrong width', { instances: [[1, 2]] }, INVALID, /^Row 0 must have 3 values/],
  ['a missing required column', { inputs: { running_time: [1] } }, INVALID, /missing inputs "budget", "genre"\./],
  ['text for a number', row({ budget: 'secret' }), BAD, /column "budget", row 1: it must be a finite number/],
  ['a number for text', row({ genre: 7.25 }), BAD, /column "genre", row 1: it must be a string/],
  ['NUL in a text', row({ genre: 'a\0b' }), BAD, /column "genre", row 1: it must be a string of Unicode text/],
  ['half of a surrogate pair', row({ genre: '\ud800' }), BAD, /column "genre", row 1/],
  ['NUL in an entity', { ...row({}), entities: ['a', '\0'] }, INVALID, /"entities" must list/],
  ['infinity', row({ budget: Number.POSITIVE_INFINITY }), BAD, /column "budget", row 1/],
  ['true for a number', row({ running_time: true }), BAD, /column "running_time", row 1/],
  ['a list for a number', row({ budget: [1] }), BAD, /column "budget", row 1/],
  ['entities of the wrong number', { ...row({}), entities: ['secret'] }, INVALID, /"entities" must list/],
  ['entities that are no list', { ...row({}), entities: 'secret' }, INVALID, /"entities" must list/],
  ['an entity that is a number', { ...row({}), entities: [1, 2] }, INVALID, /"entities" must list/],
]
for (const [name, body, code, message] of wrong) {
  test(`${name} is the caller's mistake, and what was sent is not repeated`, () => {
    assert.throws(
      () => readInput(body, spec),
      (error: { code: string; message: string }) => {
        assert.equal(error.code, code)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /secret|7\.25/)
        return true
      },
    )
  })
}

test('too many rows are refused', () => {
  const most = DEFAULT_LIMITS.rows
  const body = { instances: new Array(most + 1).fill([1, 2, 'x']) }
  assert.throws(() => readInput(body, spec), { status: 413, message: new RegExp(`${most}`) })
  const few = { ...spec, limits: { ...DEFAULT_LIMITS, rows: 2 } }
  assert.throws(() => readInput({ instances: [1, 2, 3].map(() => [1, 2, 'x']) }, few), {
    status: 413,
    message: / 2 rows/,
  })
})

const typed = (type: InputColumn['type'], required: boolean): InputColumn[] => [{ name: 'x', type, required }]
const cells: [InputColumn['type'], boolean, unknown, boolean][] = [
  ['long', true, 2 ** 52, true],
  ['long', true, 1.5, false],
  ['long', true, 2 ** 60, false],
  ['long', true, null, false],
  ['long', false, null, true],
  ['integer', true, 2 ** 31, false],
  ['integer', true, -5, true],
  ['boolean', true, false, true],
  ['boolean', true, 0, false],
  ['boolean', true, null, false],
  ['float', true, null, true],
  ['string', true, null, true],
  ['json', true, null, false],
  ['json', true, [{ a: [1, 'x', null] }], true],
  ['json', true, [Number.POSITIVE_INFINITY], false],
]
for (const [type, required, value, good] of cells) {
  test(`${value} in a ${required ? 'required' : 'optional'} ${type} column is ${good ? 'taken' : 'refused'}`, () => {
    const read = () => readInput({ inputs: { x: [value] } }, { columns: typed(type, required), input: spec.input })
    if (good) assert.deepEqual(read().frame.rows, [[value]])
    else assert.throws(read, { code: BAD, message: /column "x", row 0/ })
  })
}
