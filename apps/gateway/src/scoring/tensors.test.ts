import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InputTensor } from '@tidemark/contracts'
import { readInput } from './input.ts'

const of = (...tensors: InputTensor[]) => ({ columns: [], input: { kind: 'tensors' as const, tensors } })
const pairs = of({ name: '', dtype: 'float32', shape: [-1, 2] })
const bytes = of({ name: '', dtype: 'uint8', shape: [-1, 2] })
const named = of({ name: 'image', dtype: 'int64', shape: [-1, 2, 2] }, { name: 'caption', dtype: 'str', shape: [-1] })
const any = { columns: [], input: { kind: 'any' as const } }
const image = [
  [1, 2],
  [3, 4],
]

const same: [string, unknown][] = [
  [
    'inputs',
    {
      inputs: [
        [1, 2],
        [3, null],
      ],
    },
  ],
  [
    'instances',
    {
      instances: [
        [1, 2],
        [3, null],
      ],
    },
  ],
  [
    'a table with a column for each value',
    {
      dataframe_split: {
        columns: ['x', 'y'],
        data: [
          [1, 2],
          [3, null],
        ],
      },
    },
  ],
  ['a table of lists', { dataframe_records: [{ x: [1, 2] }, { x: [3, null] }] }],
]
for (const [name, body] of same) {
  test(`one tensor without a name comes as ${name}`, () => {
    const { kind, columns, rows } = readInput(body, pairs).frame
    assert.deepEqual([kind, columns, rows], ['tensors', [''], [[[1, 2]], [[3, null]]]])
  })
}

test('tensors with names come as arrays by name or as records, a row holding its part of each', () => {
  const wanted = [
    [image, 'a'],
    [image, 'b'],
  ]
  const byName = readInput({ inputs: { caption: ['a', 'b'], image: [image, image] } }, named).frame
  const records = readInput(
    {
      instances: [
        { image, caption: 'a' },
        { image, caption: 'b' },
      ],
    },
    named,
  ).frame
  assert.deepEqual([byName.columns, byName.rows], [['image', 'caption'], wanted])
  assert.deepEqual(records, byName)
})

test('without a signature a table keeps its columns, and arrays stay arrays', () => {
  const table = readInput({ dataframe_split: { columns: ['b', 'a'], data: [[1, { deep: [] }]] } }, any).frame
  assert.deepEqual([table.kind, table.columns, table.rows], ['table', ['b', 'a'], [[1, { deep: [] }]]])
  const arrays = readInput({ inputs: ['one', 'two'], params: { top: 3 } }, any).frame
  assert.deepEqual(arrays, { kind: 'tensors', columns: [''], rows: [['one'], ['two']], params: { top: 3 } })
})

let deep: unknown = 1
for (let depth = 0; depth < 100; depth += 1) deep = [deep]
const wrong: [string, unknown, typeof pairs | typeof any, RegExp][] = [
  [
    'a row of another width',
    {
      inputs: [
        [1, 2],
        [1, 2, 3],
      ],
    },
    pairs,
    /row 1: it must be finite numbers in an array of shape \[2\]/,
  ],
  ['text for numbers', { inputs: [['secret', 2]] }, pairs, /row 0/],
  ['a dictionary for the array without a name', { inputs: { x: [[1, 2]] } }, pairs, /send a list/],
  [
    'a fraction for whole numbers',
    {
      inputs: {
        image: [
          [
            [1, 2],
            [3, 4.5],
          ],
        ],
        caption: ['a'],
      },
    },
    named,
    /"image", row 0/,
  ],
  ['a whole number beyond its type', { inputs: [[255, 256]] }, bytes, /row 0: it must be whole numbers from 0 to 255/],
  ['a tensor that is missing', { inputs: { image: [image] } }, named, /"caption"/],
  ['arrays of other lengths', { inputs: { image: [image], caption: ['a', 'b'] } }, named, /same number of rows/],
  ['no rows', { inputs: [] }, any, /no rows/],
  ['endless nesting', { inputs: [deep] }, any, /nested deeper/],
  ['infinity', { inputs: [Number.POSITIVE_INFINITY] }, any, /not finite/],
  ['params that are a list', { inputs: [1], params: [1] }, any, /"params"/],
]
for (const [name, body, spec, message] of wrong) {
  test(`${name} is the caller's mistake`, () => {
    assert.throws(
      () => readInput(body, spec),
      (error: { status: number; message: string }) => {
        assert.equal(error.status, 400)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /secret/)
        return true
      },
    )
  })
}

test('records that share no column are refused before a cell is made for each', () => {
  const records = Array.from({ length: 10_000 }, (_, row) =>
    Object.fromEntries(Array.from({ length: 10 }, (_, place) => [`${row}/${place}`, 1])),
  )
  assert.throws(() => readInput({ dataframe_records: records }, any), /few of the columns/)
  const sparse = Array.from({ length: 900 }, (_, row) => ({ [`c${row}`]: row }))
  assert.equal(readInput({ dataframe_records: sparse }, any).frame.columns.length, 900)
})
