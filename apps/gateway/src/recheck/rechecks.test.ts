import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { type Runtime, type RuntimeMismatch, type Variant, WorkerPolicy } from '@tidemark/contracts'
import { pino } from 'pino'
import { fixture, onnxInputs } from '../fixtures.ts'
import { type Model, VersionFailed } from '../runtimes/model.ts'
import { OnnxModel } from '../runtimes/onnx.ts'
import { createTelemetry } from '../telemetry.ts'
import { type Answered, Rechecks } from './rechecks.ts'

const { bytes, columns, rows, expected } = fixture('champion')
const digest = `sha256:${'0'.repeat(64)}`
const runtime: Runtime = {
  kind: 'onnx',
  model: digest,
  inputs: [...onnxInputs],
  output: 'variable',
  check: { kind: 'numbers', tolerance: 1e-4, scores: null },
  python: { kind: 'python', lockDigest: digest, files: [] },
}
const onnx = await OnnxModel.load(bytes, runtime)
const frame = { kind: 'table' as const, columns, rows }
const { values } = await onnx.predict(frame)

/** A stand-in for the model in Python: it knows what scikit-learn predicted for the fixture's rows, but where the test says otherwise. */
function pythonThat(answers: (row: number) => number | Error): {
  model: Model
  calls: number[]
  closed: () => boolean
} {
  const calls: number[] = []
  let closed = false
  const model: Model = {
    kind: 'python',
    predict: async ({ rows: asked }) => {
      calls.push(asked.length)
      const found = asked.map((cells) => answers(rows.indexOf(cells as (typeof rows)[number])))
      const failed = found.find((answer) => answer instanceof Error)
      if (failed) throw failed
      return { values: found as number[] }
    },
    close: async () => {
      closed = true
    },
  }
  return { model, calls, closed: () => closed }
}

let rechecks: Rechecks
afterEach(() => rechecks.close())

function start(
  model: Model,
  more: { sharePercent?: number; now?: () => number; report?: () => Promise<void> } = {},
  load: () => Promise<Model> = async () => model,
) {
  const told: Omit<RuntimeMismatch, 'gateway'>[] = []
  const loaded: Variant[] = []
  const { sharePercent = 100, now = () => 0, report } = more
  rechecks = new Rechecks({
    load: async (variant) => {
      loaded.push(variant)
      return load()
    },
    report: async (mismatch) => {
      await report?.()
      told.push(mismatch)
    },
    telemetry: createTelemetry(),
    out: pino({ level: 'silent' }),
    gatherMs: 60_000,
    idleMs: 1000,
    now,
    chance: () => 0,
  })
  const offer = (change: Partial<Answered> = {}) =>
    rechecks.offer({
      prediction: '00000000-0000-7000-8000-000000000001',
      workspace: 'default',
      endpoint: 'films',
      version: { version: 'films/1', runtime, model: onnx },
      policy: { sharePercent, minPerHour: 0 },
      frame,
      values,
      ...change,
    })
  return { told, loaded, offer }
}

test('answers that Python gives too are told to nobody, and many are asked in one call', async () => {
  const python = pythonThat((row) => expected[row] ?? Number.NaN)
  const { told, offer } = start(python.model)
  offer()
  offer()
  await rechecks.flush()
  assert.deepEqual(told, [])
  assert.deepEqual(python.calls, [2 * Math.min(20, rows.length)])
})

test('a row that Python answers otherwise is named by its prediction, once', async () => {
  const python = pythonThat((row) => (expected[row] ?? 0) + (row === 4 ? 0.5 : 0))
  const { told, offer } = start(python.model)
  offer()
  await rechecks.flush()
  offer()
  await rechecks.flush()
  assert.equal(told.length, 1)
  const [mismatch] = told
  assert.ok(Math.abs((mismatch?.difference ?? 0) - 0.5) < 1e-5)
  assert.deepEqual([mismatch?.row, mismatch?.version, mismatch?.tolerance], [4, 'films/1', 1e-4])
  assert.equal(mismatch?.prediction, '00000000-0000-7000-8000-000000000001')
  // Once among others, and once as it came; when it was caught nothing more.
  assert.deepEqual(python.calls, [Math.min(20, rows.length), rows.length])
})

test('a row that Python answers otherwise among others, but not with its request, is no mismatch', async () => {
  const python = pythonThat((row) => expected[row] ?? Number.NaN)
  const among: Model = {
    ...python.model,
    predict: async (asked) => {
      const { values: own } = await python.model.predict(asked)
      return { values: asked.rows.length === rows.length ? own : own.map((value) => Number(value) + 1) }
    },
  }
  const { told, offer } = start(among)
  offer()
  await rechecks.flush()
  assert.deepEqual(told, [])
})

test('versions of one name in two workspaces are two versions, each caught for itself', async () => {
  const { told, loaded, offer } = start(pythonThat(() => 0).model)
  const workers = WorkerPolicy.parse({ memoryMegabytes: 8192 })
  offer()
  offer({ workspace: 'other', version: { version: 'films/1', runtime, workers, model: onnx } })
  await rechecks.flush()
  assert.deepEqual(
    told.map(({ workspace, version }) => [workspace, version]),
    [
      ['default', 'films/1'],
      ['other', 'films/1'],
    ],
  )
  assert.deepEqual(
    loaded.map(({ runtime: { kind }, workers: own }) => [kind, own?.memoryMegabytes]),
    [
      ['python', undefined],
      ['python', 8192],
    ],
    'with the processes that the endpoint allows',
  )
})

test('another label is no mismatch when the version was closed before it could be told from a tie', async () => {
  const labels: Runtime = { ...runtime, check: { kind: 'labels', tolerance: 1e-4, scores: 'p' } }
  const closed: Model = {
    kind: 'onnx',
    predict: async () => ({ values: [] }),
    scores: async () => {
      throw new Error('It was closed.')
    },
    close: async () => {},
  }
  const { told, offer } = start(pythonThat(() => 0).model)
  offer({ version: { version: 'films/1', runtime: labels, model: closed } })
  await rechecks.flush()
  assert.deepEqual(told, [])
  offer({ version: { version: 'films/2', runtime: labels, model: { ...closed, scores: async () => [[0.1, 0.9]] } } })
  await rechecks.flush()
  assert.deepEqual(
    told.map(({ version }) => version),
    ['films/2'],
  )
})

test('a row that Python refuses and ONNX answered is a mismatch; its crash or a call that takes too long says nothing', async () => {
  const refused = start(
    pythonThat((row) => (row === 2 ? new VersionFailed('raised', 'no') : (expected[row] ?? 0))).model,
  )
  refused.offer()
  await rechecks.flush()
  assert.deepEqual(
    refused.told.map(({ row, difference }) => [row, difference]),
    [[2, null]],
  )
  await rechecks.close()
  for (const how of ['crashed', 'timed_out'] as const) {
    const silent = start(pythonThat(() => new VersionFailed(how, 'gone')).model)
    silent.offer()
    await rechecks.flush()
    assert.deepEqual(silent.told, [])
    await rechecks.close()
  }
})

test('a version without a form in Python, and an endpoint without a policy, are not asked again', async () => {
  const python = pythonThat(() => 0)
  const { told, offer } = start(python.model)
  const { python: _, ...alone } = runtime
  offer({ version: { version: 'films/1', runtime: alone, model: onnx } })
  offer({ policy: undefined })
  await rechecks.flush()
  assert.deepEqual([told, python.calls], [[], []])
})

test('Python ends when nothing is chosen any more', async () => {
  let now = 0
  const python = pythonThat((row) => expected[row] ?? Number.NaN)
  const { offer } = start(python.model, { now: () => now })
  offer()
  await rechecks.flush()
  assert.equal(python.closed(), false)
  now = 1000
  await rechecks.flush()
  assert.equal(python.closed(), true)
})

test('versions take turns with Python: one has it at a time, and each is asked', async () => {
  let [open, most] = [0, 0]
  const { told, loaded, offer } = start(pythonThat(() => 0).model, {}, async () => {
    open += 1
    most = Math.max(most, open)
    const close = async () => {
      open -= 1
    }
    return { ...pythonThat(() => 0).model, close }
  })
  for (const number of [1, 2, 3]) offer({ version: { version: `films/${number}`, runtime, model: onnx } })
  await rechecks.flush()
  assert.deepEqual([loaded.length, told.length, most, open], [3, 3, 1, 1])
})

test('a server that is away is told when it is back', async () => {
  let away = true
  const python = pythonThat(() => 0)
  const { told, offer } = start(python.model, {
    report: async () => {
      if (away) throw new Error('away')
    },
  })
  offer()
  await rechecks.flush()
  assert.deepEqual(told, [])
  away = false
  for (let waited = 0; told.length === 0 && waited < 100; waited++) await new Promise((done) => setTimeout(done, 50))
  assert.equal(told.length, 1)
})
