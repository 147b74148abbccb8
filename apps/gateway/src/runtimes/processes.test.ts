import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ensureEnvironment } from '@tidemark/workers'
import { PythonProcesses } from './processes.ts'
import { PythonModel } from './python.ts'

const LOCK = join(import.meta.dirname, '../../../../python/locks/worker.txt')
const folder = mkdtempSync(join(tmpdir(), 'tidemark-pyfunc-'))
const processes = new PythonProcesses(() => {})
const columns = ['budget', 'genre']
let restarts: string[] = []
let retries = 0
let model: PythonModel
let closed = false

// A model that answers, raises or takes its process with it, as its input says.
const SAVE_MODEL = `
import os, sys, time, mlflow, pandas
from mlflow.models import infer_signature

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        if (model_input["genre"] == "crash").any():
            os._exit(3)
        if (model_input["genre"] == "raise").any():
            raise ValueError("the genre is not known")
        if (model_input["genre"] == "loop").any():
            while True:
                pass
        if (model_input["genre"] == "eat").any():
            eaten = bytearray(8 << 30)
        if (model_input["genre"] == "pid").any():
            return [os.getpid()] * len(model_input)
        if (model_input["genre"] == "slow").any():
            time.sleep(0.15)
        length = lambda genre: -2 if genre is None else -1 if pandas.isna(genre) else len(genre)
        return [length(genre) if pandas.isna(budget) else budget * 2
                for budget, genre in zip(model_input["budget"], model_input["genre"])]

frame = pandas.DataFrame({"budget": [1.5], "genre": ["Drama"]})
mlflow.pyfunc.save_model(sys.argv[1], python_model=Model(), signature=infer_signature(frame, [1.5]), pip_requirements=[])
`

before(async () => {
  const { python } = await ensureEnvironment(LOCK)
  const modelFolder = join(folder, 'model')
  execFileSync(python, ['-c', SAVE_MODEL, modelFolder], { stdio: ['ignore', 'ignore', 'ignore'], cwd: folder })
  model = await PythonModel.load({
    start: () => processes.start(modelFolder, LOCK, { memoryBytes: 2 ** 32 }),
    limits: { processes: 2, batchRows: 1000, callSeconds: 3, idleSeconds: 60 },
    onRetry: (requests) => {
      retries += requests
    },
    onRestart: (reason) => restarts.push(reason),
    onClosed: async () => {
      closed = true
    },
    firstPauseMs: 20,
  })
})
after(async () => {
  await processes.close()
  rmSync(folder, { recursive: true, force: true })
})

const predict = async (...rows: [number | null, string | null][]) =>
  (await model.predict({ kind: 'table', columns, rows })).values

test('a Python model answers row by row; a missing number is NaN, a missing text too where another row has one, else None', async () => {
  assert.deepEqual(await predict([2, 'Drama'], [null, 'Drama'], [null, null]), [4, 5, -1])
  assert.deepEqual(await predict([null, null], [null, null]), [-2, -2])
})

test('in a crowd a caller without a text is asked as alone', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) => predict([null, n % 2 === 0 ? null : 'x'.repeat(n)])),
  )
  assert.deepEqual(
    answers,
    Array.from({ length: 50 }, (_, n) => [n % 2 === 0 ? -2 : n]),
  )
})

test('a version that was registered when a missing text was "" still gets it', async () => {
  const process = await processes.start(join(folder, 'model'), LOCK, {}, 'empty')
  const frame = { kind: 'table' as const, columns: ['budget', 'genre'], rows: [[null, null]] }
  assert.deepEqual(await process.ask([frame]), [{ values: [0] }])
  process.close()
  await process.ended
})

test('many callers at once get their own answers', async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => predict([n, 'x'])))
  assert.deepEqual(
    answers,
    Array.from({ length: 50 }, (_, n) => [n * 2]),
  )
})

test('what the model raises is the failure of the version, and it goes on', async () => {
  await assert.rejects(predict([1, 'raise']), {
    name: 'VersionFailed',
    how: 'raised',
    message: /the genre is not known/,
  })
  assert.deepEqual(await predict([1, 'x']), [2])
  assert.deepEqual(restarts, [])
})

test('a model that ends its process is asked once more, then fails the request, and is started again', async () => {
  await assert.rejects(predict([1, 'crash']), { name: 'VersionFailed', how: 'crashed' })
  assert.deepEqual(await predict([3, 'x']), [6])
  assert.deepEqual([restarts.length, retries], [2, 1])
})

test('a request that ends the process of its batch fails alone', async () => {
  retries = 0
  const busy = predict([0, 'slow'])
  const asked = Array.from({ length: 20 }, (_, n) => predict([n, n === 7 ? 'crash' : 'x']))
  const settled = await Promise.allSettled([busy, ...asked])
  settled.slice(1).forEach((answer, n) => {
    if (n === 7) assert.equal(answer.status, 'rejected')
    else assert.deepEqual(answer, { status: 'fulfilled', value: [n * 2] })
  })
  assert.ok(retries >= 1)
})

test('a call that takes longer than its limit is ended by name, and the next is answered', async () => {
  const start = performance.now()
  await assert.rejects(predict([1, 'loop']), { name: 'VersionFailed', how: 'timed_out', message: /longer than 3 s/ })
  assert.ok(performance.now() - start < 10_000)
  assert.deepEqual(await predict([4, 'x']), [8])
})

test('a request whose time is over before its turn is not asked', async () => {
  restarts = []
  const late = model.predict({ kind: 'table', columns, rows: [[1, 'crash']] }, performance.now() - 1)
  await assert.rejects(late, { name: 'VersionFailed', how: 'late' })
  assert.deepEqual(await predict([7, 'x']), [14])
  assert.deepEqual(restarts, [])
})

test('a model that outgrows its memory fails that request', async () => {
  await assert.rejects(predict([1, 'eat']), { name: 'VersionFailed', how: 'raised', message: /MemoryError/ })
  assert.deepEqual(await predict([5, 'x']), [10])
})

test('kill -9 of the processes under load fails no request: what was in them is asked once more, and counted', async () => {
  retries = 0
  const [pid] = await predict([1, 'pid'])
  const load = Array.from({ length: 60 }, (_, n) => predict([n, n % 20 === 0 ? 'slow' : 'x']))
  await new Promise((resolve) => setTimeout(resolve, 100))
  process.kill(Number(pid), 'SIGKILL')
  const answers = await Promise.all(load)
  answers.forEach((answer, n) => {
    assert.deepEqual(answer, [n * 2])
  })
  assert.ok(retries > 0)
})

test('two processes share what waits, and after a rest the next request starts them again', async () => {
  await Promise.all(Array.from({ length: 8 }, (_, n) => predict([n, 'slow'])))
  assert.equal(model.processes, 2)
  assert.ok(model.bytes() > 2 ** 20)
  await model.unload()
  assert.equal(model.processes, 0)
  assert.deepEqual(await predict([6, 'x']), [12])
})

test('a closed model answers nothing, is not started again and leaves nothing behind', async () => {
  restarts = []
  await model.close()
  await assert.rejects(predict([1, 'x']), { name: 'VersionFailed', how: 'crashed' })
  assert.equal(closed, true)
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.deepEqual(restarts, [])
})

test('a folder without a model is refused when loaded', async () => {
  await assert.rejects(processes.start(join(folder, 'nothing'), LOCK, {}))
})
