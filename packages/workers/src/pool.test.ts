import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureEnvironment, type PythonEnvironment } from './environments.ts'
import type { WorkerError } from './errors.ts'
import { CLONE, cacheFolder } from './place.ts'
import { type RunOptions, WorkerPool } from './pool.ts'
import type { LogLine, StepResult } from './protocol.ts'

const asRoot = process.getuid?.() === 0
const CODE = `
import os, subprocess, sys, time

def who(ctx):
    def may(path):
        try:
            with open(path): return True
        except OSError: return False
    def signals(pid):
        try:
            os.kill(pid, 0); return True
        except OSError: return False
    return {"uid": os.getuid(), "names": ",".join(sorted(os.environ)), "reads": may(ctx.params["secret"]), "signals": signals(ctx.params["pid"])}

def told(ctx):
    for number in range(3): print(number); time.sleep(0.2)

def waits(ctx):
    print(subprocess.Popen(["sleep", "300"], start_new_session=ctx.params.get("session") is True).pid, flush=True)
    time.sleep(300)

def model(ctx):
    import mlflow.sklearn, numpy as np, pandas as pd
    from mlflow.models import infer_signature
    from sklearn.pipeline import make_pipeline
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    X = pd.DataFrame({"length in m": [1.0, 2.0, 3.0, np.nan], "width": [1.0, 0.0, 1.0, 2.0]})
    fitted = make_pipeline(SimpleImputer(strategy="constant", fill_value=-1), LinearRegression()).fit(X, [1.0, 2.0, 3.0, 0.0])
    mlflow.sklearn.save_model(fitted, ctx.work_dir / "model", signature=infer_signature(X, fitted.predict(X)), pip_requirements=["mlflow"], skops_trusted_types=["numpy.dtype"])
    ctx.output("rows", X)
`

let environment: PythonEnvironment
let pool: WorkerPool
let root: string
let count = 0
before(async () => {
  environment = await ensureEnvironment(join(CLONE, 'python/locks/worker.txt'))
  pool = new WorkerPool({ environment, idleSeconds: 30 })
  root = mkdtempSync(join(tmpdir(), 'pool-'))
  // As the data folder of a platform: others may pass.
  spawn('chmod', ['711', root])
  mkdirSync(join(root, 'code'))
  writeFileSync(join(root, 'code/steps.py'), CODE, { mode: 0o600 })
  writeFileSync(join(root, 'secret'), 'of the platform', { mode: 0o600 })
})
after(async () => {
  await pool.close()
  rmSync(root, { recursive: true })
})

function step(
  name: string,
  parameters: Record<string, string | number | boolean> = {},
  options: RunOptions = {},
  on = pool,
): Promise<StepResult> {
  const workDir = join(root, `work-${++count}`)
  const task = {
    kind: 'run_step',
    codeDir: join(root, 'code'),
    entry: `steps:${name}`,
    workDir,
    inputs: {},
    parameters,
    seed: 1,
  } as const
  return on.run(task, options)
}

async function ends(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    const state = existsSync(`/proc/${pid}/stat`)
      ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0]
      : undefined
    if (state === undefined || state === 'Z') return true
    await sleep(50)
  }
  return false
}

const failsWith = (code: string) => (error: WorkerError) => error.code === code

test('a task sees nothing of the platform’s environment, and as root neither its files nor its process', async () => {
  process.env.DATABASE_URL = 'postgres://secret'
  const { values } = await step('who', { secret: join(root, 'secret'), pid: process.pid })
  delete process.env.DATABASE_URL
  assert.doesNotMatch(String(values.names), /DATABASE|TOKEN/)
  assert.equal(values.uid, asRoot ? 64_101 : process.getuid?.())
  assert.equal(values.reads, !asRoot)
  assert.equal(values.signals, !asRoot)
})

test('lines arrive while the task runs', async () => {
  const seen: { line: LogLine; at: number }[] = []
  await step('told', {}, { onLog: (line) => seen.push({ line, at: Date.now() }) })
  assert.deepEqual(
    seen.map(({ line }) => line.line),
    ['0', '1', '2'],
  )
  assert.ok((seen[2]?.at ?? 0) - (seen[0]?.at ?? 0) >= 200)
})

for (const session of [false, true])
  test(`a task that takes too long ends with its children${session ? ', also those in a session of their own' : ''}`, async () => {
    let child = 0
    const options = {
      timeoutSeconds: 1,
      onLog: ({ line }: LogLine) => {
        child = Number(line)
      },
    }
    await assert.rejects(step('waits', { session }, options), failsWith('TASK_TIMED_OUT'))
    assert.ok(child > 0)
    assert.ok(await ends(child))
  })

test('a cancelled task ends at once', async () => {
  const stop = new AbortController()
  const running = step('waits', {}, { signal: stop.signal, onLog: () => stop.abort() })
  await assert.rejects(running, failsWith('TASK_CANCELLED'))
})

test('a worker that is killed fails its tasks, and the next task has another', async () => {
  await step('told')
  const pid = await pool.workerPid()
  assert.ok(pid)
  let child = 0
  const onLog = ({ line }: LogLine) => {
    child = Number(line)
    process.kill(pid, 'SIGKILL')
  }
  await assert.rejects(step('waits', {}, { onLog }), failsWith('WORKER_DIED'))
  assert.ok(await ends(child))
  await step('told')
  assert.notEqual(await pool.workerPid(), pid)
})

test('when the platform is killed its workers and their tasks end', async () => {
  const program = `
    import { WorkerPool } from ${JSON.stringify(join(CLONE, 'packages/workers/src/pool.ts'))}
    const pool = new WorkerPool({ environment: ${JSON.stringify(environment)} })
    const task = { kind: 'run_step', codeDir: ${JSON.stringify(join(root, 'code'))}, entry: 'steps:waits', workDir: ${JSON.stringify(join(root, 'killed'))}, inputs: {}, parameters: {}, seed: 1 }
    pool.run(task, { onLog: async ({ line }) => console.log(line, await pool.workerPid()) })`
  const platform = spawn(process.execPath, ['-C', '@tidemark/source', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = await new Promise<string>((resolve) => platform.stdout.once('data', (data) => resolve(String(data))))
  const [child, worker] = said.trim().split(' ').map(Number)
  platform.kill('SIGKILL')
  assert.ok(child && worker)
  assert.ok(await ends(child))
  assert.ok(await ends(worker))
})

test('an idle worker ends, and its folder of tasks is empty', async () => {
  const brief = new WorkerPool({ environment, idleSeconds: 0.2 })
  await step('told', {}, {}, brief)
  await assert.rejects(brief.serve(join(root, 'no model here')), { code: 'ENOENT' })
  await assert.rejects(brief.serve(join(root, 'code')), failsWith('MODEL_NOT_LOADED'))
  const pid = await brief.workerPid()
  assert.ok(pid)
  assert.ok(await ends(pid))
  assert.equal(await brief.workerPid(), undefined)
  const tasks = readdirSync(join(cacheFolder(), 'tasks')).filter((name) => name.startsWith(`${process.pid}-`))
  assert.deepEqual(tasks, [])
  await brief.close()
})

test('a model is predicted, converted and served alike; requests that wait together each get their own answers; a bad request is its own', async () => {
  const workDir = join(root, 'model-step')
  const made = await pool.run({
    kind: 'run_step',
    codeDir: join(root, 'code'),
    entry: 'steps:model',
    workDir,
    inputs: {},
    parameters: {},
    seed: 1,
  })
  const modelDir = join(workDir, 'model')
  const rows = join(workDir, made.outputs.rows ?? '')
  const outputFile = join(root, 'predictions.ndjson')
  assert.deepEqual(await pool.run({ kind: 'predict', modelDir, gap: 'request', inputFile: rows, outputFile }), {
    rows: 4,
    errors: 0,
  })
  const predicted = readFileSync(outputFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).prediction)

  const outDir = join(root, 'onnx')
  await pool.run({ kind: 'convert', modelDir, sampleFile: rows, outDir })
  const map = JSON.parse(readFileSync(join(outDir, 'input-map.json'), 'utf8'))
  assert.deepEqual(map.inputs[0], { column: 'length in m', tensor: 'X', type: 'float32', missing: 'allowed' })

  const model = await pool.serve(modelDir)
  const columns = ['length in m', 'width']
  const question = (...rows: (number | string | null)[][]) => ({ kind: 'table' as const, columns, rows })
  const asked = [
    [1, 1],
    [2, 0],
    [3, 1],
    [null, 2],
  ]
  const alone = await model.ask([...asked.map((row) => question(row)), question(['long', 1])])
  const bad = alone.pop()
  alone.forEach((answer, index) => {
    assert.ok('values' in answer)
    assert.ok(Math.abs(Number(answer.values[0]) - predicted[index]) < 1e-9)
  })
  assert.ok(bad && 'error' in bad && bad.error.includes('long'))

  const exits: string[] = []
  model.onExit((error) => exits.push(error.code))
  model.kill()
  await assert.rejects(model.ask([question([1, 1])]), failsWith('TASK_KILLED'))
  assert.deepEqual(exits, ['TASK_KILLED'])
  assert.equal(model.alive, false)
})

test('a folder that holds no model is refused with Python’s reason', async () => {
  const empty = join(root, 'empty')
  mkdirSync(empty)
  await assert.rejects(
    pool.serve(empty),
    (error: WorkerError) => error.code === 'MODEL_NOT_LOADED' && /MLmodel/.test(error.message),
  )
})
