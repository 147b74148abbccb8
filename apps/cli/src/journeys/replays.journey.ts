import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AnswerRecord, EndpointPolicy, type ReplayReport, type ReplayRequest, uuidv7 } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { PredictionLog } from '../../../gateway/src/log/segments.ts'
import { settled, until } from '../demo/settle.ts'
import { killAndRecover } from './ordeal.ts'
import { type Site, startPlatform } from './platform.ts'
import { runScript } from './python.ts'
import { find, killNow } from './victims.ts'

const ENDPOINT = 'prices'
const MODEL = 'prices'
/** In the order in which the script registers them. */
const VERSIONS = { champion: 1, same: 2, buggy: 3 } as const
const GENRES = ['Drama', 'Comedy', 'Western', 'Horror', 'Musical']

const ROWS = 1_000_000
/** What the gateway is asked itself; the rest of the log is the same again, with other ids, times and things. */
const ASKED = 40_000
const THINGS = 200_000
const LABELLED = 20_000
/** How much more memory ten times the rows may take. */
const FLAT = 1.35
/** What the comparison may take in the server, whatever the number of rows: the buffers of two databases, and what Node has not given back. */
const SERVER_MEGABYTES = 450
const DAY = 86_400_000
const BEGINS = Date.UTC(2026, 0, 1)

let site: Site
before(async () => {
  site = await startPlatform('replays')
  await runScript('worker.txt', 'apps/cli/src/journeys/fixtures/log_replay_versions.py', site.connection.url)
  const { client } = site.connection
  for (const version of Object.values(VERSIONS))
    await until(`version ${version} to be prepared`, async () => {
      const { preparation, runtime } = await client.runtimes.getVersionRuntime({ params: { model: MODEL, version } })
      if (preparation === 'done') assert.equal(runtime, 'onnx', `version ${version}`)
      return preparation === 'done' || undefined
    })
  const policy = EndpointPolicy.parse({
    gates: { loss: 'absolute_error', replay: { days: 30, tolerance: 0.5, maxDisagreementPercent: 50 } },
    monitoring: { window: 'quarter' },
    recheck: { sharePercent: 0, minPerHour: 0 },
  })
  const params = { endpoint: ENDPOINT }
  await client.deployments.putEndpoint({
    params,
    body: { model: MODEL, version: VERSIONS.champion, replay: true, policy },
  })
  await until('the endpoint to serve', async () => {
    const { state, problem } = await client.deployments.getEndpoint({ params })
    assert.notEqual(state, 'broken', problem ?? '')
    return state === 'serving' || undefined
  })
  await ask()
  const records = answered()
  await multiply(records)
  await settled(site.connection, 900)
  await label(records)
})
after(() => site?.end())

/** Requests of one to eighty rows over HTTP: a product of matrices may round otherwise with another number of rows. */
async function ask(): Promise<void> {
  const uniform = seededUniform(11)
  for (let rows = 0; rows < ASKED; ) {
    const size = Math.min(1 + Math.floor(uniform() * 80), ASKED - rows)
    const data = Array.from({ length: size }, () => [
      Math.round(uniform() * 1e6) / 1e4,
      60 + Math.floor(uniform() * 120),
      GENRES[Math.floor(uniform() * GENRES.length)],
    ])
    // The gateway may not have heard of the endpoint yet when the first one comes.
    await until('an answer of the gateway', async () => {
      const response = await fetch(`${site.connection.gatewayUrl}/endpoints/${ENDPOINT}/invocations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'tidemark-event-time': new Date(BEGINS).toISOString() },
        body: JSON.stringify({ dataframe_split: { columns: ['budget', 'minutes', 'genre'], data } }),
      })
      const said = await response.text()
      if (rows > 0) assert.equal(response.status, 200, said)
      return response.status === 200 || undefined
    })
    rows += size
  }
}

/** What the gateway answered, as it logged it. */
function answered(): AnswerRecord[] {
  const folder = join(site.platform.dataDir, 'log')
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ndjson'))
    .flatMap((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8').trim().split('\n').slice(1))
    .map((line) => AnswerRecord.parse(JSON.parse(line)))
}

/** Writes the rest of the log with the gateway's own writer, over ten days. */
async function multiply(records: readonly AnswerRecord[]): Promise<void> {
  const gateway = 'writer'
  const log = new PredictionLog({ folder: join(site.platform.dataDir, 'log', gateway), gateway })
  let row = ASKED
  while (row < ROWS) {
    for (let from = 0; from < records.length && row < ROWS; from += 100) {
      const part = records.slice(from, from + 100).map((record) => {
        const id = uuidv7()
        const eventTime = BEGINS + Math.floor((row / ROWS) * 10 * DAY)
        const entities = record.rows.map(() => `thing-${row++ % THINGS}`)
        return log.append({ ...record, id, requestId: id, arrivedAt: Date.now(), eventTime, entities })
      })
      await Promise.all(part)
    }
  }
  await log.close()
}

/** The true prices of some of the things, by what the model is made of. */
async function label(records: readonly AnswerRecord[]): Promise<void> {
  const uniform = seededUniform(12)
  const known = new Map<string, number>()
  let row = ASKED
  while (row < ASKED + LABELLED)
    for (const record of records)
      for (const [budget, minutes, genre] of record.rows) {
        if (row >= ASKED + LABELLED) break
        const noise = uniform() - 0.5
        const price = 2 * Number(budget) + 0.1 * Number(minutes) + GENRES.indexOf(String(genre)) + noise
        known.set(`thing-${row++ % THINGS}`, price)
      }
  const lines = [...known].map(([entity, value]) => JSON.stringify({ entity, value }))
  const response = await fetch(`${site.connection.url}/api/v1/endpoints/${ENDPOINT}/labels/file`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: `${lines.join('\n')}\n`,
  })
  assert.ok(response.ok, await response.text())
}

interface Measured {
  readonly id: string
  readonly report: ReplayReport
  readonly seconds: number
  /** The most that the process that asks held, and that the server grew by, in MB. */
  readonly process: number
  readonly server: number
}

/** Replays and looks at the memory meanwhile. `disturb` may kill what it likes. */
async function replay(asked: ReplayRequest, disturb?: (rowsDone: number) => Promise<void>): Promise<Measured> {
  const { client } = site.connection
  const begun = performance.now()
  const before = residentOf(find(site.platform, 'server'))
  const { id } = await client.replays.start({ params: { endpoint: ENDPOINT }, body: asked })
  let [process, server] = [0, 0]
  for (;;) {
    const view = await client.replays.get({ params: { id } }).catch(() => undefined)
    process = Math.max(process, residentOf(find(site.platform, 'replay')))
    server = Math.max(server, residentOf(find(site.platform, 'server')) - before)
    if (view) await disturb?.(view.rowsDone)
    if (view && view.finishedAt !== null) {
      assert.equal(view.state, 'done', view.problem ?? '')
      assert.ok(view.report)
      return { id, report: view.report, seconds: (performance.now() - begun) / 1000, process, server }
    }
    await sleep(50)
  }
}

function residentOf(pid: number | undefined): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

function tell(t: TestContext, { report, seconds, process, server }: Measured): void {
  const { rows } = report.logged
  t.diagnostic(
    `${rows} rows in ${seconds.toFixed(1)} s (${Math.round(rows / seconds)} rows/s); at most ${Math.round(process)} MB in its process, ${Math.round(server)} MB more in the server`,
  )
  t.diagnostic(report.summary)
}

test('a million logged rows are asked again in memory that does not grow with them, and a version that is wrong about one genre is found there', async (t) => {
  const tenth = await replay({ version: VERSIONS.buggy, tolerance: 0.5, to: new Date(BEGINS + DAY).toISOString() })
  tell(t, tenth)
  const all = await replay({ version: VERSIONS.buggy, tolerance: 0.5 })
  tell(t, all)
  const { report } = all
  assert.equal(report.logged.rows, ROWS)
  assert.equal(report.answers.rows, ROWS)
  assert.ok(report.logged.rows > 9 * tenth.report.logged.rows)
  assert.ok(all.process < FLAT * tenth.process, `${all.process} MB for all, ${tenth.process} MB for a tenth`)
  assert.ok(all.server < SERVER_MEGABYTES, `${all.server} MB in the server`)
  const apart = report.slices.all.filter(({ verdict }) => verdict === 'apart')
  assert.deepEqual(
    apart.map(({ column, value }) => `${column}=${value}`),
    ['genre=Horror'],
  )
  assert.ok(apart[0] && apart[0].share === 1 && apart[0].elsewhere === 0)
  assert.ok((report.lift?.upper ?? 0) < 0, 'it is worse on labels, surely')
  assert.ok((report.latency?.requests ?? 0) > 500)
  const { flips } = await site.connection.client.replays.flips({ params: { id: all.id }, query: { limit: 5 } })
  assert.equal(flips.length, 5)
  for (const { prediction, row, logged } of flips) {
    const found = await site.connection.client.monitoring.getPrediction({ params: { id: prediction } })
    assert.equal(found.answer.predictions?.[row], logged)
    assert.equal(found.answer.rows[row]?.[2], 'Horror')
  }
})

test('an identical version answers every row the same to the last bit, though its process and then the server are killed', async (t) => {
  const done = new Set<string>()
  const measured = await replay({ version: VERSIONS.same }, async (rowsDone) => {
    const running = find(site.platform, 'replay')
    if (rowsDone >= 100_000 && running && !done.has('process')) {
      done.add('process')
      await killNow(running)
    }
    if (rowsDone >= 300_000 && !done.has('server')) {
      done.add('server')
      await killAndRecover(site, 'server')
    }
  })
  tell(t, measured)
  assert.equal(done.size, 2)
  const { answers, disagreement, slices } = measured.report
  assert.deepEqual([answers.rows, answers.equal, answers.identical, disagreement.rows], [ROWS, ROWS, true, 0])
  assert.ok(slices.all.every(({ verdict }) => verdict !== 'apart'))
})

test('as a gate it says no to the wrong version, with the genre in its reason, and yes to the identical one', async (t) => {
  const { client } = site.connection
  for (const [version, verdict] of [
    [VERSIONS.buggy, 'failed'],
    [VERSIONS.same, 'passed'],
  ] as const) {
    const { id } = await client.evaluation.startEvaluation({ body: { model: MODEL, version, endpoint: ENDPOINT } })
    const evaluation = await until(
      `the gates of version ${version}`,
      async () => {
        const found = await client.evaluation.getEvaluation({ params: { id } })
        return found.finishedAt === null ? undefined : found
      },
      600,
    )
    const gate = evaluation.gates.find(({ name }) => name === 'replay')
    t.diagnostic(`version ${version}: ${gate?.sentence ?? evaluation.problem}`)
    assert.equal(gate?.verdict, verdict)
    if (verdict === 'failed') assert.match(gate.sentence, /apart from the rest: genre = Horror/)
  }
})
