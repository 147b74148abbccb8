import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { JsonValue } from '@tidemark/contracts'
import { fixture, onnxInputs } from '../fixtures.ts'
import { Gathering } from './gathering.ts'
import type { Frame } from './model.ts'
import { OnnxModel } from './onnx.ts'
import { OnnxThreads } from './threads.ts'

const { bytes, columns } = fixture('champion')
const inputs = onnxInputs.map((input) =>
  input.column === 'budget' ? { ...input, missing: 'refused' as const } : input,
)
const runtime = { inputs, output: 'variable' }
const threads = new OnnxThreads()
const model = await OnnxModel.load(bytes, runtime, { threads, read: async () => bytes })
after(() => model.close().then(() => threads.close()))

const frame = (...rows: JsonValue[][]): Frame => ({ kind: 'table', columns, rows })
const film = (at: number): JsonValue[] => [
  at * 0.37 + 0.1,
  at % 7 === 0 ? null : 60 + at,
  ['Drama', '', 'New'][at % 3] ?? '',
]

test('callers who share runs get, to the last bit, what each gets alone', async () => {
  const frames = Array.from({ length: 400 }, (_, at) =>
    frame(...Array.from({ length: 1 + (at % 4) }, (_, row) => film(at + row))),
  )
  const together = await Promise.all(frames.map((one) => model.predict(one)))
  const single = await OnnxModel.load(bytes, runtime)
  for (const [at, one] of frames.entries()) {
    const alone: JsonValue[] = []
    for (const row of one.rows) alone.push(...(await single.predict(frame([...row]))).values)
    assert.deepEqual(together[at]?.values, alone)
  }
  await single.close()
})

test('who asks without a text shares no run with those who have one: what is missing would be another thing', async () => {
  const gap = { some: 'Drama', none: 'Action', instead: {} }
  const own = { ...runtime, inputs: inputs.map((input) => (input.column === 'genre' ? { ...input, gap } : input)) }
  const shared = await OnnxModel.load(bytes, own, { threads, read: async () => bytes })
  const genres = Array.from({ length: 60 }, (_, at) => (at % 3 === 0 ? null : 'Comedy'))
  const got = await Promise.all(genres.map((genre) => shared.predict(frame([20, 90, genre]))))
  for (const [at, genre] of genres.entries())
    assert.deepEqual(got[at]?.values, (await model.predict(frame([20, 90, genre ?? 'Action']))).values)
  await shared.close()
})

test('a row that the model refuses is the failure of its caller alone', async () => {
  const asked = [frame(film(1)), frame([null, 90, 'Drama']), frame(film(2))].map((one) => model.predict(one))
  const [first, second, third] = await Promise.allSettled(asked)
  assert.equal(first?.status, 'fulfilled')
  assert.equal(second?.status === 'rejected' && second.reason.how, 'raised')
  assert.equal(third?.status, 'fulfilled')
})

test('who asks while a run is under way shares the next, by columns and at most so many rows; who is to blame fails alone', async () => {
  const runs: number[] = []
  const gathering = new Gathering(
    async ({ rows }) => {
      runs.push(rows.length)
      await new Promise(setImmediate)
      if (rows.some(([cell]) => cell === 'bad')) throw new Error('bad')
      return rows.map(([cell]) => cell ?? null)
    },
    () => 4,
  )
  const ask = (cell: JsonValue, of: readonly string[] = columns) =>
    gathering.ask({ kind: 'table', columns: of, rows: [[cell]] })
  const first = ask(0)
  const others = [1, 2, 3, 4, 5, 6].map((cell) => ask(cell))
  const elsewhere = ask(7, ['other'])
  assert.deepEqual(
    await Promise.all([first, ...others, elsewhere]),
    [0, 1, 2, 3, 4, 5, 6, 7].map((cell) => [cell]),
  )
  assert.deepEqual(runs.splice(0), [1, 4, 2, 1])
  const mixed = await Promise.allSettled(['a', 'b', 'bad', 'c'].map((cell) => ask(cell)))
  assert.deepEqual(
    mixed.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
})
