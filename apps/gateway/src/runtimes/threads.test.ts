import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { fixture, onnxInputs } from '../fixtures.ts'
import { OnnxModel } from './onnx.ts'
import { groupByTensor, pack } from './pack.ts'
import { OnnxThreads } from './threads.ts'

const { bytes, columns, rows, expected } = fixture('champion')
const runtime = { inputs: [...onnxInputs], output: 'variable' }
const wanted = { inputs: onnxInputs.map(({ tensor }) => tensor), outputs: ['variable'] }
const threads = new OnnxThreads()
after(() => threads.close())

const feeds = (of = rows) => groupByTensor(onnxInputs).map((feed) => pack(feed, { kind: 'table', columns, rows: of }))
const read = async () => bytes

test('a thread computes what the event loop does, and leaves the loop free meanwhile', async () => {
  const session = threads.session(read, wanted)
  const many = feeds(Array.from({ length: 100_000 }, (_, row) => rows[row % rows.length] ?? []))
  await session.run(feeds(), 'variable')
  let turns = 0
  let turning = true
  const turn = () => {
    turns += 1
    if (turning) setImmediate(turn)
  }
  turn()
  const [{ data: few }, { data: lots, milliseconds }] = await Promise.all([
    session.run(feeds(), 'variable'),
    session.run(many, 'variable'),
  ])
  turning = false
  expected.forEach((value, row) => {
    assert.ok(Math.abs(Number(few[row]) - value) < 1e-5)
    assert.equal(lots[row], few[row])
  })
  assert.ok(turns > 2, `${turns} turns`)
  assert.ok(milliseconds > 2, `${milliseconds} ms in its thread`)
  assert.equal(session.copies, 1)
  await session.close()
})

test('what the runtime refuses in a thread is told as on the loop, and the thread goes on', async () => {
  const broken = threads.session(async () => Buffer.from('not a model'), wanted)
  await assert.rejects(broken.run(feeds(), 'variable'), /./)
  const other = threads.session(read, { ...wanted, outputs: ['label'] })
  await assert.rejects(other.run(feeds(), 'label'), /no output "label"/)
  assert.equal((await threads.session(read, wanted).run(feeds(), 'variable')).data.length, rows.length)
})

test('a model that was unloaded is loaded again by the next request, also in its thread', async () => {
  let reads = 0
  const counted = async () => {
    reads += 1
    return bytes
  }
  const model = await OnnxModel.load(bytes, runtime, { threads, read: counted })
  const frame = { kind: 'table' as const, columns, rows }
  const before = await model.predict(frame)
  assert.ok(model.bytes() >= bytes.length)
  await model.unload()
  assert.equal(model.bytes(), 0)
  const [one, other] = await Promise.all([model.predict(frame), model.predict(frame)])
  assert.deepEqual([one, other], [before, before])
  assert.equal(reads, 1)
  await model.close()
})

test('arrays are packed in their shape, and parts of several shapes are refused', () => {
  const [feed] = groupByTensor([{ column: '', tensor: 'x', type: 'float32' }])
  assert.ok(feed)
  const frame = (...parts: number[][][]) => ({
    kind: 'tensors' as const,
    columns: [''],
    rows: parts.map((part) => [part]),
  })
  const packed = pack(feed, frame([[1, 2]], [[3, 4]]))
  assert.deepEqual(
    [packed.shape, [...packed.data]],
    [
      [2, 1, 2],
      [1, 2, 3, 4],
    ],
  )
  assert.throws(() => pack(feed, frame([[1, 2]], [[3]])), /shape of the first/)
})
