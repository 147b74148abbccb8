import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonValue } from '@tidemark/contracts'
import { FrameReader, frameOf, packBatch } from './frames.ts'
import type { ModelQuestion } from './protocol.ts'

interface Header {
  readonly groups: {
    readonly counts: number[]
    readonly cells: ({ at: number; shape: number[]; whole: boolean } | { json: unknown[] })[]
  }[]
}

function read(frame: Buffer): { header: Header; numbers: Float64Array } {
  let found: { header: Header; numbers: Float64Array } | undefined
  const reader = new FrameReader((header, blocks) => {
    found = { header: JSON.parse(header.toString()), numbers: new Float64Array(new Uint8Array(blocks).buffer) }
  })
  // In pieces of seven bytes, as a socket might deliver them.
  for (let at = 0; at < frame.length; at += 7) reader.push(frame.subarray(at, at + 7))
  assert.ok(found)
  return found
}

const table = (columns: string[], ...rows: ModelQuestion['rows'][number][]): ModelQuestion => ({
  kind: 'table',
  columns,
  rows,
})

test('questions of the same columns share a group, numbers lie in blocks, all else in the header', () => {
  const { frame } = packBatch([
    table(['a', 'b'], [1, 'x']),
    table(['b'], [true]),
    table(['a', 'b'], [null, 'y'], [2.5, null]),
  ])
  const { header, numbers } = read(frame)
  assert.deepEqual(
    header.groups.map(({ counts }) => counts),
    [[1, 2], [1]],
  )
  assert.deepEqual(header.groups[0]?.cells, [{ at: 0, shape: [], whole: false }, { json: ['x', 'y', null] }])
  assert.deepEqual(header.groups[1]?.cells, [{ json: [true] }])
  assert.deepEqual([...numbers], [1, Number.NaN, 2.5])
})

test('a question without a text in a column is not put beside one with texts there, which would change what it is asked', () => {
  const groups = (...questions: ModelQuestion[]) =>
    read(packBatch(questions).frame).header.groups.map(({ counts }) => counts)
  const [full, partly, without] = [
    [[1, 'x']],
    [
      [2, null],
      [3, 'y'],
    ],
    [
      [null, null],
      [4, null],
    ],
  ]
  const asked = [full, without, partly, without].map((rows) => table(['a', 'b'], ...(rows as JsonValue[][])))
  assert.deepEqual(groups(...asked), [
    [1, 2],
    [2, 2],
  ])
  const numbers = [[[1]], [[null]], [[2]]].map((rows) => table(['a'], ...rows))
  assert.deepEqual(groups(...numbers), [[1, 1, 1]], 'a missing number is NaN in any company')
})

test('frames that come in one piece are read one after the other, each once', () => {
  const seen: unknown[] = []
  const reader = new FrameReader((header, blocks) => seen.push([JSON.parse(header.toString()), blocks.length]))
  const half = Buffer.from(Float64Array.of(1).buffer)
  const frames = Buffer.concat([frameOf({ a: 1 }, half), frameOf({ b: 2 }, Buffer.alloc(0)), frameOf({ c: 3 }, half)])
  reader.push(frames.subarray(0, frames.length - 3))
  assert.deepEqual(seen, [
    [{ a: 1 }, 8],
    [{ b: 2 }, 0],
  ])
  reader.push(frames.subarray(frames.length - 3))
  assert.deepEqual(seen.at(-1), [{ c: 3 }, 8])
})

test('a frame that claims more than any answer has is not waited for', () => {
  const prefix = Buffer.alloc(8, 0xff)
  assert.throws(() => new FrameReader(() => {}).push(prefix), /no answer/)
})

test('arrays keep their shape, and one that has none goes as it is', () => {
  const arrays = (...parts: number[][]): ModelQuestion => ({
    kind: 'tensors',
    columns: [''],
    rows: parts.map((part) => [part]),
  })
  assert.deepEqual(read(packBatch([arrays([1, 2], [3, 4])]).frame).header.groups[0]?.cells, [
    { at: 0, shape: [2], whole: true },
  ])
  assert.deepEqual(read(packBatch([arrays([1, 2], [3])]).frame).header.groups[0]?.cells, [{ json: [[1, 2], [3]] }])
  assert.deepEqual(read(packBatch([table(['a'], [null])]).frame).header.groups[0]?.cells, [{ json: [null] }])
})

test('answers go back to the questions they belong to', () => {
  const batch = packBatch([table(['a'], [1], [2]), table(['b'], [1]), table(['a'], [3])])
  const answer = {
    groups: [[{ for: 2, form: 'rows', at: 0, shape: [3, 2] }], [{ for: 1, error: 'ValueError: no', refused: false }]],
  }
  const frame = frameOf(answer, Buffer.from(Float64Array.of(1, 2, 3, 4, 5, 6).buffer))
  let got: unknown
  new FrameReader((header, blocks) => {
    got = batch.answersOf(header, blocks)
  }).push(frame)
  assert.deepEqual(got, [
    {
      form: 'rows',
      values: [
        [1, 2],
        [3, 4],
      ],
    },
    { error: 'ValueError: no', refused: false },
    { form: 'rows', values: [[5, 6]] },
  ])
  const other = frameOf({ groups: [[], []] }, Buffer.alloc(0))
  assert.throws(() => new FrameReader((header, blocks) => batch.answersOf(header, blocks)).push(other), /0 of 2/)
})
