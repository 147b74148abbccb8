import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  api,
  type Client,
  createClient,
  type PipelineRun,
  retrainingDecided,
  type TidemarkError,
  uuidv7,
} from '@tidemark/contracts'
import { z } from 'zod'
import { systemActor } from '../platform/actor.ts'
import { inTransaction } from '../platform/db.ts'
import { createPlatform, type Platform } from '../platform/platform.ts'
import { migratedTestDatabase } from '../platform/testing.ts'
import { type RunningServer, startServer } from '../server.ts'

// A lock without packages: an environment of its own that is built in a second, and a worker that starts at once.
const LOCK = '# No packages: the steps of these tests use the standard library.\n'

const TOKEN = 'test-internal-token-of-at-least-32-characters'

let database: Awaited<ReturnType<typeof migratedTestDatabase>>
let dataDir: string
let platform: Platform
let server: RunningServer
let client: Client<typeof api>

async function start(): Promise<void> {
  platform = createPlatform({
    dataDir,
    databaseUrl: database.url,
    host: '127.0.0.1',
    port: 0,
    gatewayUrl: 'http://127.0.0.1:0',
    login: false,
    allowedHosts: [],
    internalToken: TOKEN,
    logLevel: 'error',
    jobConcurrency: 4,
  })
  server = await startServer(platform)
  client = createClient(api, { baseUrl: server.url })
}

before(async () => {
  database = await migratedTestDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'tidemark-pipelines-'))
  await start()
})
after(async () => {
  await server.stop()
  await database.drop()
  await rm(dataDir, { recursive: true, force: true })
})

const STEPS = `
import json, os, time
from pathlib import Path

def count(ctx):
    print("counting", flush=True)
    path = ctx.output_path("count.json")
    path.write_text(json.dumps({"bytes": ctx.input_path("numbers").stat().st_size}))
    return {"asOf": ctx.params["asOf"]}

def report(ctx):
    counted = json.loads(ctx.input_path("count").read_text())
    ctx.output_path("report.txt").write_text(f"{counted['bytes'] > 0} {ctx.params['word']} {ctx.seed}")
    return {"modelVersion": "films/3"}

def slow(ctx):
    print("slow begins in", os.getpid(), flush=True)
    flag = Path(ctx.params["flag"])
    while not flag.exists():
        time.sleep(0.02)
    return {"tracking": os.environ["MLFLOW_TRACKING_URI"], "uid": os.getuid()}

def broken(ctx):
    raise ValueError("this film does not exist")

def secrets(ctx):
    seen = [name for name in os.environ if "DATABASE" in name or "INTERNAL" in name or "PASSWORD" in name]
    return {"seen": ",".join(seen), "run": os.environ["TIDEMARK_PIPELINE_RUN"], "mlflow": os.environ["MLFLOW_RUN_ID"]}

def thief(ctx):
    path = ctx.output_path("loot.txt")
    path.symlink_to("/etc/shadow")
`

type Definition = Parameters<typeof client.pipelines.applyPipeline>[0]['body']['definition']

function apply(definition: Definition, code = STEPS) {
  return client.pipelines.applyPipeline({
    params: { pipeline: definition.name },
    body: {
      definition,
      files: [{ path: 'work/steps.py', text: code }],
      lock: LOCK,
      gitCommit: 'a'.repeat(40),
      gitPatch: 'diff --git a/x b/x',
    },
  })
}

const startRun = (pipeline: string, parameters: Record<string, string | number> = {}) =>
  client.pipelines.startRun({ params: { pipeline }, body: { parameters } })

async function until(run: string, done: (run: PipelineRun) => boolean, seconds = 60): Promise<PipelineRun> {
  for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
    const now = await client.pipelines.getRun({ params: { run } })
    if (done(now)) return now
    if (Date.now() > end) throw new Error(`Run ${run} did not get there: ${JSON.stringify(now, null, 1)}`)
  }
}
const ended = (run: PipelineRun) => run.endedAt !== null
const states = (run: PipelineRun) => run.steps.map((each) => each.state)

const COUNTING: Definition = {
  name: 'counting',
  parameters: { asOf: '2000-01', word: 'films' },
  steps: [
    {
      name: 'count',
      entry: 'work.steps:count',
      inputs: { numbers: { dataset: 'numbers' } },
      outputs: ['count'],
      parameters: ['asOf'],
    },
    {
      name: 'report',
      entry: 'work.steps:report',
      inputs: { count: { step: 'count', output: 'count' } },
      outputs: ['report'],
      parameters: ['word'],
    },
  ],
}

async function appendNumbers(...ids: number[]) {
  await client.data.appendRows({ params: { dataset: 'numbers' }, body: { rows: ids.map((id) => ({ id })) } })
}

test('a pipeline runs its steps in Python over a pinned dataset version, tracked, with outputs kept by content', async () => {
  await client.data.defineDataset({ body: { name: 'numbers', key: ['id'], columns: { id: 'integer' } } })
  await appendNumbers(1, 2, 3)
  const applied = await apply(COUNTING)
  assert.equal(applied.created, true)
  assert.equal((await apply(COUNTING)).created, false)
  const run = await until((await startRun('counting')).run, ended)
  assert.equal(run.state, 'succeeded', JSON.stringify(run))
  assert.deepEqual(states(run), ['succeeded', 'succeeded'])
  assert.deepEqual(
    run.datasets.map((pin) => [pin.dataset, pin.version]),
    [['numbers', 1]],
  )
  assert.equal(run.modelVersion, 'films/3')
  const report = run.steps[1]?.outputs[0]
  const { stream } = await platform.blobs.open(platform.db, 'default', report?.digest ?? '')
  assert.equal((await stream.toArray()).join(''), 'True films 0')
  const log = await client.pipelines.getStepLog({ params: { run: run.run, step: 'count' }, query: {} })
  // The first time on a machine a line about the environment comes before.
  assert.match(log.text, /counting\n$/)
  assert.deepEqual([log.nextOffset, log.complete], [Buffer.byteLength(log.text), true])
  const { events } = await client.platform.listEvents({ query: { subject: `pipeline-run:${run.run}`, after: 0 } })
  assert.deepEqual(
    events.map(({ type }) => type),
    ['pipelines.run_started', 'pipelines.run_succeeded'],
  )
  assert.deepEqual(events[1]?.causes, [events[0]?.id])
  assert.equal(events[1]?.correlation, events[0]?.correlation)
})

test('the same again is taken from the cache, and a change runs what it touches and says what differed', async () => {
  const same = await until((await startRun('counting')).run, ended)
  assert.deepEqual(states(same), ['cached', 'cached'])
  assert.equal(same.modelVersion, 'films/3')
  assert.match(same.steps[0]?.cacheReason ?? '', /^Result of run /)

  const word = await until((await startRun('counting', { word: 'rows' })).run, ended)
  assert.deepEqual(states(word), ['cached', 'succeeded'])
  assert.match(word.steps[1]?.cacheReason ?? '', /^Differs from run \S+ in parameter word \(films → rows\)\.$/)

  await appendNumbers(4)
  const data = await until((await startRun('counting')).run, ended)
  assert.equal(data.steps[0]?.state, 'succeeded')
  assert.match(data.steps[0]?.cacheReason ?? '', /in input numbers \(\w{8} → \w{8}\)\.$/)

  await apply(COUNTING, `${STEPS}\n# A changed file.\n`)
  const code = await until((await startRun('counting')).run, ended)
  assert.match(code.steps[0]?.cacheReason ?? '', /in code work\/steps\.py \(\w{8} → \w{8}\)\.$/)
})

test('a step that raises is tried again as declared, and fails the run with Python’s own words', async () => {
  const broken = { name: 'broken', entry: 'work.steps:broken', retries: 1 }
  const later = { name: 'later', entry: 'work.steps:secrets', needs: ['broken'] }
  await apply({ name: 'breaking', steps: [broken, later] })
  const run = await until((await startRun('breaking')).run, ended)
  assert.equal(run.reason, 'Step broken failed: ValueError: this film does not exist (after 2 tries)')
  assert.deepEqual(states(run), ['failed', 'skipped'])
  const { text } = await client.pipelines.getStepLog({ params: { run: run.run, step: 'broken' }, query: {} })
  assert.match(text, /Traceback|line \d+, in broken/)
  assert.match(text, /--- Try 2 ---/)
  const { events } = await client.platform.listEvents({ query: { type: 'pipelines.run_failed', after: 0 } })
  assert.equal(events.filter((event) => event.payload.run === run.run).length, 1)
})

test('a step sees its run and its tracked run, and no secret of the platform', async () => {
  await apply({ name: 'looking', steps: [{ name: 'secrets', entry: 'work.steps:secrets' }] })
  const run = await until((await startRun('looking')).run, ended)
  assert.deepEqual(run.steps[0]?.result, { seen: '', run: run.run, mlflow: run.mlflowRun })
})

test('an output that is a link to a file of the server is refused', async () => {
  await apply({
    name: 'stealing',
    steps: [{ name: 'thief', entry: 'work.steps:thief', outputs: ['loot'], retries: 0 }],
  })
  const run = await until((await startRun('stealing')).run, ended)
  assert.match(run.reason ?? '', /Output "loot" \(outputs\/loot\.txt\) is not below the step's folder/)
})

/** A pipeline whose step waits for a file that the test makes when it likes. */
async function applySlow(name: string, more: Partial<Definition['steps'][number]> = {}): Promise<string> {
  const flag = join(tmpdir(), `tidemark-flag-${process.pid}-${name}`)
  await rm(flag, { force: true })
  const step = { name: 'slow', entry: 'work.steps:slow', parameters: ['flag'], retries: 0, ...more }
  await apply({ name, parameters: { flag }, steps: [step] })
  return flag
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function slowPid(run: string, begins = 1): Promise<number> {
  for (;;) {
    const { text } = await client.pipelines.getStepLog({ params: { run, step: 'slow' }, query: {} })
    const pids = [...text.matchAll(/slow begins in (\d+)/g)]
    const pid = pids[begins - 1]?.[1]
    if (pid !== undefined) return Number(pid)
    await sleep(50)
  }
}

test('kill -9 of a step’s process, then of the worker that it came from: tried again each time, and succeeds', async () => {
  const flag = await applySlow('killed')
  const { run } = await startRun('killed')
  process.kill(await slowPid(run), 'SIGKILL')
  await slowPid(run, 2)
  const pool = await platform.python.pool(await lockFile())
  const worker = await pool.workerPid()
  assert.ok(worker)
  process.kill(worker, 'SIGKILL')
  await slowPid(run, 3)
  await writeFile(flag, '')
  const done = await until(run, ended)
  assert.equal(done.state, 'succeeded', JSON.stringify(done))
  assert.equal(done.steps[0]?.attempt, 3)
})

test('a server that stops in the middle of a run takes it up again at its next start', async () => {
  const flag = await applySlow('resumed')
  const { run } = await startRun('resumed')
  const before = await slowPid(run)
  await server.stop()
  assert.equal(isAlive(before), false)
  await start()
  await slowPid(run, 2)
  await writeFile(flag, '')
  const done = await until(run, ended)
  assert.equal(done.state, 'succeeded')
  assert.equal(done.steps[0]?.attempt, 2)
  const { events } = await client.platform.listEvents({ query: { subject: `pipeline-run:${run}`, after: 0 } })
  assert.equal(events.length, 2)
  const said = z.object({ tracking: z.string(), uid: z.int() }).parse(done.steps[0]?.result)
  assert.equal(said.tracking, server.url)
  if (process.getuid?.() === 0) assert.notEqual(said.uid, 0)
})

test('kill -9 of the whole server in the middle of a step: the step’s process ends too, and the next server takes the run up', async () => {
  await server.stop()
  const child = fork(new URL('../main.ts', import.meta.url), {
    execArgv: process.execArgv.filter((argument) => !argument.startsWith('--test')),
    env: {
      ...process.env,
      TIDEMARK_DATA: dataDir,
      TIDEMARK_DATABASE_URL: database.url,
      TIDEMARK_PORT: '0',
      TIDEMARK_INTERNAL_TOKEN: TOKEN,
      TIDEMARK_LOG_LEVEL: 'error',
    },
  })
  const [ready] = await once(child, 'message')
  client = createClient(api, { baseUrl: z.object({ url: z.string() }).parse(ready).url })
  const flag = await applySlow('crashed')
  const { run } = await startRun('crashed')
  const pid = await slowPid(run)
  child.kill('SIGKILL')
  await once(child, 'exit')
  for (let waited = 0; waited < 100 && isAlive(pid); waited += 1) await sleep(20)
  assert.equal(isAlive(pid), false)
  await start()
  await slowPid(run, 2)
  await writeFile(flag, '')
  const done = await until(run, ended)
  assert.deepEqual([done.state, done.steps[0]?.attempt], ['succeeded', 2])
})

test('a decided retraining starts one run, caused by the decision, however often the reaction is told', async () => {
  const decision = { decision: uuidv7(), endpoint: 'films', pipeline: 'counting', summary: 'it pays', evidence: {} }
  const asOf = '2003-04-01T00:00:00.000Z'
  const actor = systemActor('automation', 'default')
  const id = await inTransaction(platform.db, (tx) =>
    platform.events.append(tx, actor, retrainingDecided, { ...decision, asOf, parameters: { word: 'again' } }),
  )
  const retrainings = async () => {
    const { runs } = await client.pipelines.listRuns({ query: { pipeline: 'counting' } })
    return runs.filter((run) => run.purpose === 'retraining')
  }
  while ((await retrainings()).length === 0) await sleep(20)
  const [run] = await retrainings()
  assert.deepEqual([run?.endpoint, run?.parameters], ['films', { asOf: '2003-04-01', word: 'again' }])
  const event = await client.platform.getEvent({ params: { id } })
  const again = { event: id, type: event.type, reaction: 'pipelines.start', workspace: 'default' }
  await platform.jobs.add(platform.db, 'reaction', again)
  while ((await client.platform.idle()).jobs > 0) await sleep(20)
  assert.equal((await retrainings()).length, 1)
  const { events } = await client.platform.listEvents({ query: { subject: `pipeline-run:${run?.run}`, after: 0 } })
  assert.deepEqual([events[0]?.causes, events[0]?.correlation], [[id], event.correlation])
})

test('a retraining that cannot start says so once, with its cause and what to do', async () => {
  const actor = systemActor('automation', 'default')
  const decide = async (pipeline: string, parameters: Record<string, string>) => {
    const decision = { decision: uuidv7(), endpoint: 'films', pipeline, summary: 'it pays', evidence: {} }
    const asOf = '2003-04-01T00:00:00.000Z'
    const id = await inTransaction(platform.db, (tx) =>
      platform.events.append(tx, actor, retrainingDecided, { ...decision, asOf, parameters }),
    )
    const again = { event: id, type: retrainingDecided.type, reaction: 'pipelines.start', workspace: 'default' }
    while ((await client.platform.idle()).jobs > 0) await sleep(20)
    await platform.jobs.add(platform.db, 'reaction', again)
    while ((await client.platform.idle()).jobs > 0) await sleep(20)
    const { events } = await client.platform.listEvents({ query: { type: 'pipelines.retraining_not_started' } })
    return events
      .filter((event) => event.payload.decision === decision.decision)
      .map(({ causes, ...event }) => ({ ...event, caused: causes[0] === id }))
  }
  const missing = await decide('never-applied', {})
  assert.equal(missing.length, 1)
  assert.ok(missing[0]?.caused)
  assert.match(missing[0]?.sentence ?? '', /could not start: There is no pipeline "never-applied"\. Register it with/)
  const unknown = await decide('counting', { nothing: 'such' })
  assert.equal(unknown.length, 1)
  assert.match(unknown[0]?.sentence ?? '', /has no parameters nothing/)
})

test('a cancelled run ends its running step, and starts none', async () => {
  await applySlow('cancelled')
  const { run } = await startRun('cancelled')
  const pid = await slowPid(run)
  await client.pipelines.cancelRun({ params: { run }, body: { reason: 'wrong month' } })
  const done = await until(run, ended)
  assert.deepEqual([done.state, done.reason, states(done)], ['cancelled', 'by local: wrong month', ['cancelled']])
  assert.equal(isAlive(pid), false)
  await assert.rejects(
    client.pipelines.cancelRun({ params: { run }, body: {} }),
    (error: TidemarkError) => error.code === 'PIPELINE_RUN_ENDED',
  )
})

test('a step that takes longer than its limit is ended and fails', async () => {
  await applySlow('late', { timeoutSeconds: 0.5 })
  const done = await until((await startRun('late')).run, ended)
  assert.match(done.reason ?? '', /took longer than its 0\.5 s/)
})

test('what a run left in its folder is removed when it has ended', async () => {
  const run = await until((await startRun('looking')).run, ended)
  const folder = join(platform.python.workFolder('pipelines'), run.run)
  for (let waited = 0; waited < 100 && (await stat(folder).catch(() => null)); waited += 1) await sleep(20)
  assert.equal(await stat(folder).catch(() => null), null)
})

test('a run without a registered pipeline, with an unknown parameter or of another type is refused', async () => {
  const code = (expected: string) => (error: TidemarkError) => error.code === expected
  await assert.rejects(startRun('nothing'), code('PIPELINE_NOT_FOUND'))
  await assert.rejects(startRun('counting', { colour: 'red' }), code('UNKNOWN_PARAMETERS'))
  await assert.rejects(startRun('counting', { word: 3 }), code('PARAMETER_WRONG_TYPE'))
})

async function lockFile(): Promise<string> {
  const { latest } = await client.pipelines.getPipeline({ params: { pipeline: 'counting' } })
  return platform.blobs.path(latest.lockDigest)
}
