import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CLONE } from './python.ts'
import { trackedRun } from './tracked-run.ts'
import { batchAt, KEYS_WRITTEN, type Point, type Said, singleAt } from './writing.ts'

const PROGRAM = fileURLToPath(new URL('./fixtures/writer-process.ts', import.meta.url))

/** Several training scripts, each a process, that log at once. */
export interface Writers {
  /** Calls that were acknowledged so far, of the writer that has the fewest. */
  acknowledged(): number
  /** Lets each writer finish its call, and ends it. @throws Error when one failed. */
  end(): Promise<void>
  /** What the server has of what they logged. To be asked after the end. */
  count(): Promise<Count>
}

/** What was acknowledged and what is stored, of all writers. */
export interface Count {
  readonly writers: number
  readonly calls: number
  readonly retries: number
  readonly points: number
  readonly parameters: number
  /** Acknowledged and not there, or there with another value. */
  readonly missing: number
  /** There and never logged, or there more than once. */
  readonly surplus: number
}

interface Writer {
  readonly process: ChildProcess
  readonly acknowledged: number[]
  readonly ended: Promise<void>
  run: string | undefined
  retries: number
}

/** Starts writers against a running platform, each with a run of its own. */
export function startWriters(url: string, count: number): Writers {
  const writers = Array.from({ length: count }, (_, index) => startWriter(url, `writer ${index}`))
  return {
    acknowledged: () => Math.min(...writers.map((writer) => writer.acknowledged.length)),
    end: async () => {
      for (const writer of writers) writer.process.stdin?.end()
      await Promise.all(writers.map((writer) => writer.ended))
    },
    count: async () => {
      const counts = await Promise.all(writers.map((writer) => countOf(url, writer)))
      const sum = (what: (each: Omit<Count, 'writers'>) => number) => counts.reduce((all, each) => all + what(each), 0)
      return {
        writers: count,
        calls: sum(({ calls }) => calls),
        retries: sum(({ retries }) => retries),
        points: sum(({ points }) => points),
        parameters: sum(({ parameters }) => parameters),
        missing: sum(({ missing }) => missing),
        surplus: sum(({ surplus }) => surplus),
      }
    },
  }
}

/** What must hold after any row of crashes. Writers that ended had every call of theirs answered, so nothing may be there beside these. */
export function assertEveryPointThereOnce(count: Count): void {
  assert.ok(count.calls > 0 && count.points > 0, 'nothing was acknowledged')
  assert.equal(count.missing, 0, 'acknowledged points that are not stored')
  assert.equal(count.surplus, 0, 'points that are stored and were never logged, or are stored twice')
}

function startWriter(url: string, name: string): Writer {
  const child = spawn(
    process.execPath,
    ['-C', '@tidemark/source', '--disable-warning=ExperimentalWarning', PROGRAM, url, name],
    {
      cwd: CLONE,
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000)
  })
  const lines = createInterface({ input: child.stdout })
  const closed = new Promise<void>((done) => lines.on('close', done))
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) void closed.then(resolve)
      else reject(new Error(`${name} ended with ${status}: ${complaint}`))
    })
  })
  ended.catch(() => {})
  const writer: Writer = { process: child, acknowledged: [], ended, run: undefined, retries: 0 }
  lines.on('line', (line) => {
    const said = JSON.parse(line) as Said
    if (said.kind === 'run') writer.run = said.run
    else {
      writer.acknowledged.push(said.call)
      writer.retries += said.retries
    }
  })
  return writer
}

async function countOf(url: string, writer: Writer): Promise<Omit<Count, 'writers'>> {
  assert.ok(writer.run, 'a writer made its run')
  const run = trackedRun(url, writer.run)
  const logged: Point[] = []
  const parameters: { key: string; value: string }[] = []
  for (const call of writer.acknowledged) {
    const single = singleAt(call)
    const batch = single ? { metrics: [single], params: [] } : batchAt(call)
    logged.push(...batch.metrics)
    parameters.push(...batch.params)
  }
  let missing = 0
  let surplus = 0
  for (const key of KEYS_WRITTEN) {
    const expected = new Map(logged.filter((point) => point.key === key).map(({ step, value }) => [step, value]))
    const history = await run.history(key)
    const stored = new Map(history.map(({ step, value }) => [step, value]))
    for (const [step, value] of expected) if (stored.get(step) !== value) missing += 1
    surplus += history.length - stored.size + [...stored.keys()].filter((step) => !expected.has(step)).length
  }
  const data = await run.data()
  const known = new Map(data.params.map(({ key, value }) => [key, value]))
  missing += parameters.filter(({ key, value }) => known.get(key) !== value).length
  surplus += data.params.length - parameters.length
  // The latest value is a table of its own: it must agree with the history.
  for (const { key, step, value } of data.metrics) {
    const last = logged.filter((point) => point.key === key).at(-1)
    if (last?.step !== step || last.value !== value) missing += 1
  }
  const { acknowledged, retries } = writer
  return { calls: acknowledged.length, retries, points: logged.length, parameters: parameters.length, missing, surplus }
}
