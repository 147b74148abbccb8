import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Runtime } from '@tidemark/contracts'
import type { Frame, Model, Predictions } from '../runtimes/model.ts'
import { type LoadedVersion, Models } from '../runtimes/models.ts'
import { Admission, DEFAULT_LIMITS } from './admission.ts'
import { predict } from './predictor.ts'

const limits = { ...DEFAULT_LIMITS, concurrency: 2, queue: 1 }

test('as many as the limit go in at once, one waits, the next is told to come again', async () => {
  const admission = new Admission()
  assert.equal(admission.enter('a', limits, 1000), undefined)
  assert.equal(admission.enter('a', limits, 1000), undefined)
  const third = admission.enter('a', limits, 1000)
  assert.equal(admission.waiting, 1)
  assert.throws(() => admission.enter('a', limits, 1000), { status: 429, code: 'TOO_MANY_REQUESTS' })
  assert.equal(admission.enter('b', limits, 1000), undefined, 'another endpoint has places of its own')
  admission.leave('a')
  await third
  assert.deepEqual([admission.running, admission.waiting], [3, 0])
  for (const key of ['a', 'a', 'b']) admission.leave(key)
  assert.equal(admission.running, 0)
  assert.equal(admission.enter('a', limits, 1000), undefined)
})

test('who waits too long is told so, and leaves no hole in the queue', async () => {
  const admission = new Admission()
  const narrow = { ...limits, concurrency: 1, queue: 2 }
  admission.enter('a', narrow, 1000)
  const hasty = admission.enter('a', narrow, 5)
  const patient = admission.enter('a', narrow, 10_000)
  await assert.rejects(hasty ?? Promise.resolve(), { status: 503 })
  assert.equal(admission.waiting, 1)
  admission.leave('a')
  await patient
  admission.leave('a')
  assert.deepEqual([admission.running, admission.waiting], [0, 0])
})

const frame: Frame = { kind: 'table', columns: ['x'], rows: [[1]] }

/** A version whose answer takes so long. */
async function slow(kind: Model['kind'], milliseconds: number): Promise<{ models: Models; version: LoadedVersion }> {
  const model: Model = {
    kind,
    predict: () =>
      new Promise<Predictions>((resolve) => setTimeout(() => resolve({ values: [1] }), milliseconds).unref()),
    close: async () => {},
  }
  const models = new Models(async () => model)
  const runtime: Runtime = { kind: 'onnx', model: `sha256:${'0'.repeat(64)}`, inputs: [], output: 'y' }
  return { models, version: await models.get({ version: 'slow/1', runtime }) }
}

test('a version that has not answered when the time of its request is over is an outcome, and its later answer is nobody’s', async () => {
  const { models, version } = await slow('python', 200)
  const outcome = await predict(models, version, frame, performance.now() + 10)
  assert.equal(outcome.kind === 'failed' && outcome.how, 'late')
  assert.ok(outcome.milliseconds < 150)
  const quick = await slow('python', 1)
  assert.equal((await predict(quick.models, quick.version, frame, performance.now() + 1000)).kind, 'predicted')
})
