import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AnswerRecord,
  EndpointPolicy,
  type InputColumn,
  type JsonValue,
  type ReplayReport,
  type ReplayRequest,
  type Runtime,
  uuidv7,
} from '@tidemark/contracts'
import {
  answerOf,
  filmMaker,
  type MonitoringTest,
  month,
  SegmentWriter,
  startMonitoringTest,
} from '../monitoring/testing.ts'
import { inTransaction, localPerson } from '../platform/index.ts'
import { Replays } from './service.ts'
import type { StoredReplay } from './types.ts'

const FIXTURES = new URL('../../../gateway/fixtures/', import.meta.url)
const COLUMNS: InputColumn[] = [
  { name: 'budget', type: 'double', required: true },
  { name: 'running_time', type: 'double', required: false },
  { name: 'genre', type: 'string', required: true },
]
const GENRES = ['Drama', 'Comedy', 'Horror']
const THINGS = 600
const actor = localPerson()

let server: MonitoringTest
let replays: Replays
let policy = EndpointPolicy.parse({ gates: { loss: 'absolute_error' } })
const runtimes = new Map<number, Runtime>()
let segments = 0
/** What version 1 answers to each thing, by its number. */
const answers = new Map<number, number>()

const portsOf = (): ConstructorParameters<typeof Replays>[1] => ({
  endpoint: async (_db, _workspace, name) => (name === 'films' ? { model: 'films', policy } : null),
  input: async (_db, _workspace, _model, version) =>
    runtimes.has(version) ? { columns: COLUMNS, input: { kind: 'columns' } } : null,
  runtime: async (_db, _workspace, _model, version) => runtimes.get(version) ?? null,
  log: server.monitoring,
})

before(async () => {
  server = await startMonitoringTest()
  server.world.endpoint = { ...server.world.endpoint, columns: COLUMNS }
  for (const [version, name] of [
    [1, 'champion'],
    [2, 'candidate'],
  ] as const) {
    const bytes = readFileSync(new URL(`${name}.onnx`, FIXTURES))
    const { digest } = await server.platform.blobs.put(server.platform.db, 'default', bytes)
    const inputs = COLUMNS.map(({ name: column, type }) => ({
      column,
      tensor: column,
      type: type === 'string' ? ('string' as const) : ('float32' as const),
    }))
    runtimes.set(version, { kind: 'onnx', model: digest, inputs, output: 'variable' })
  }
  replays = new Replays(server.platform, portsOf())
  replays.start()
})
after(async () => {
  await replays.stop()
  await server.close()
})

const genreOf = (thing: number) => GENRES[thing % GENRES.length] ?? ''

/** A request about some films, by their numbers; `answer` says what was answered about each. */
function requestOf(
  at: Date,
  things: readonly number[],
  answer: (thing: number) => number | null,
  fields: Partial<AnswerRecord> = {},
): AnswerRecord {
  return answerOf(null, at, filmMaker(1)(), 0, {
    columns: COLUMNS.map(({ name }) => name),
    rows: things.map((thing) => [1e6 + thing * 1e5, thing % 7 === 0 ? null : 80 + (thing % 60), genreOf(thing)]),
    entities: things.map((thing) => `film-${thing}`),
    predictions: things.map(answer),
    timings: { parse: 0.1, validate: 0.1, queue: 0, infer: 0.05 },
    ...fields,
  })
}

/** Writes requests to the log as a gateway does, and waits until they were read. */
async function logged(records: readonly AnswerRecord[]): Promise<void> {
  segments += 1
  const writer = new SegmentWriter(server.logFolder, 'g', segments)
  writer.append(records)
  writer.close()
  await server.settled()
}

/** Films in requests of one to three. */
function requests(at: Date, answer: (thing: number) => number): AnswerRecord[] {
  const made: AnswerRecord[] = []
  for (let thing = 0; thing < THINGS; ) {
    const size = Math.min(1 + (made.length % 3), THINGS - thing)
    made.push(
      requestOf(
        at,
        Array.from({ length: size }, (_, place) => thing + place),
        answer,
      ),
    )
    thing += size
  }
  return made
}

async function replayed(asked: ReplayRequest): Promise<StoredReplay> {
  const { id } = await replays.request(actor, 'films', asked)
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(20)) {
    const replay = await replays.byId('default', id)
    if (replay.finishedAt !== null) return replay
  }
  throw new Error('It did not end.')
}

async function reported(asked: ReplayRequest): Promise<{ id: string; report: ReplayReport }> {
  const { id, state, problem, report } = await replayed(asked)
  assert.equal(state, 'done', problem ?? '')
  assert.ok(report)
  return { id, report }
}

const monthOf = (count: number) => ({ from: month(count).toISOString(), to: month(count + 1).toISOString() })

test('each decision that would be another is listed, the worst first, and found in the log by its id', async () => {
  const written = requests(month(1, 3), () => 0)
  await logged(written)
  const { id, report } = await reported({ version: 1, ...monthOf(1) })
  assert.deepEqual(
    [report.logged.rows, report.logged.requests, report.answers.rows, report.answers.equal, report.disagreement.rows],
    [THINGS, 300, THINGS, 0, THINGS],
  )
  assert.deepEqual(report.logged.versions, { 'films/1': THINGS })
  const flips = await replays.flips('default', id, 1000)
  assert.equal(flips.length, THINGS)
  const sizes = flips.map(({ difference }) => Math.abs(difference ?? Number.NaN))
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => b - a),
  )
  const entities = new Map(written.map((record) => [record.id, record.entities]))
  for (const [place, { prediction, row, candidate }] of flips.entries()) {
    const entity = entities.get(prediction)?.[row] ?? ''
    answers.set(Number(entity.slice('film-'.length)), candidate as number)
    if (place >= 5) continue
    const found = await server.monitoring.predictions.find('default', prediction)
    assert.equal(found?.answer.entities[row], entity, `${prediction} row ${row} is in the log`)
  }
  assert.equal(answers.size, THINGS)
  const events = await server.events('replays.finished')
  assert.equal(events.at(-1)?.payload.replay, id)
  assert.match(events.at(-1)?.sentence ?? '', /600 decisions would be others/)
  assert.deepEqual(await readdir(server.platform.python.workFolder('replay')), [], 'nothing is left on the disk')
})

test('an identical version is identical to the last bit, in segments as in the archive', async () => {
  const said = (thing: number) => answers.get(thing) ?? Number.NaN
  await logged(requests(month(2, 3), said))
  const fresh = await reported({ version: 1, ...monthOf(2) })
  for (let round = 0; round < 2; round += 1) await server.monitoring.archive.run()
  const archived = await reported({ version: 1, ...monthOf(2) })
  for (const { report } of [fresh, archived]) {
    assert.deepEqual(
      [report.answers.rows, report.answers.equal, report.answers.identical, report.disagreement.rows],
      [THINGS, THINGS, true, 0],
    )
    assert.match(report.summary, /^all 600 answers are the same to the last bit; no decision would be another\.$/)
    assert.ok(report.slices.all.every(({ verdict }) => verdict !== 'apart'))
    assert.ok((report.latency?.requests ?? 0) >= 20)
    assert.equal(report.latency?.logged.p50, 0.05)
  }
})

test('a version that is wrong in one slice is found there, by decisions and by labels', async () => {
  const said = (thing: number) => answers.get(thing) ?? Number.NaN
  // What is planted is in what was answered then: version 1 is right where the one before was wrong.
  const wrong = (thing: number) => said(thing) + (genreOf(thing) === 'Horror' ? 3 : 0.01)
  await logged(requests(month(3, 3), wrong))
  await server.client.monitoring.putLabels({
    params: { endpoint: 'films' },
    body: { labels: Array.from({ length: 400 }, (_, thing) => ({ entity: `film-${thing}`, value: wrong(thing) })) },
  })
  const { id, report } = await reported({ version: 1, ...monthOf(3), tolerance: 0.5, slices: ['budget'] })
  assert.equal(report.disagreement.rows, THINGS / 3)
  assert.ok(Math.abs(report.disagreement.share - 1 / 3) < 1e-9)
  const apart = report.slices.all.filter(({ verdict }) => verdict === 'apart')
  assert.deepEqual(
    apart.map(({ column, value }) => `${column}=${value}`),
    ['genre=Horror'],
  )
  assert.ok((apart[0]?.loss?.lower ?? 0) > 2.9)
  // A third of the labelled things of each quartile are wrong by 3: worse on labels, and not more so than elsewhere.
  const worse = report.slices.all.filter(({ verdict }) => verdict === 'worse')
  assert.deepEqual([...new Set(worse.map(({ column }) => column))], ['budget'])
  // Numbers are sliced by their quartiles: budgets go from 1 to 60.9 million.
  const budgets = report.slices.all.filter(({ column }) => column === 'budget')
  assert.deepEqual(budgets.map(({ value, things }) => [value, things]).sort(), [
    ['15980000 – 30950000', 150],
    ['30950000 – 45930000', 150],
    ['> 45930000', 150],
    ['≤ 15980000', 150],
  ])
  assert.match(report.summary, /Apart: genre = Horror: 100\.0 % of 200 things/)
  const { lift } = report
  assert.ok(lift)
  assert.equal(lift.things, 400)
  // A third of the labelled things by 3, the others by 0.01.
  assert.ok(lift.lift > -1.1 && lift.lift < -0.9 && lift.upper < -0.8, `lift ${lift.lift}`)
  const [worst] = await replays.flips('default', id, 1)
  assert.ok(Math.abs((worst?.difference ?? 0) + 3) < 1e-6)
  const { report: other } = await reported({ version: 2, ...monthOf(3) })
  assert.equal(other.answers.rows, THINGS)
  assert.ok(other.answers.equal < THINGS, 'another model answers otherwise')
})

test('one number in a list is the number: compared within the tolerance, and by its label', async () => {
  const said = (thing: number) => answers.get(thing) ?? Number.NaN
  const things = Array.from({ length: 60 }, (_, thing) => thing)
  const boxed = (n: number, by: number) => ({
    predictions: things.slice(n, n + 30).map((thing) => [[said(thing) + by]]),
  })
  await logged([
    requestOf(month(5, 3), things.slice(0, 30), said, boxed(0, 0.2)),
    requestOf(month(5, 3), things.slice(30), said, boxed(30, 2)),
  ])
  const { id, report } = await reported({ version: 1, ...monthOf(5), tolerance: 0.5 })
  assert.deepEqual([report.answers.equal, report.disagreement.rows, report.lift?.things], [0, 30, 60])
  assert.equal(report.differences.numbers?.rows, 60)
  const [worst] = await replays.flips('default', id, 1)
  assert.ok(Math.abs((worst?.difference ?? 0) + 2) < 1e-6)
  assert.ok(Array.isArray(worst?.logged), 'shown as it was answered')
})

test('what fails, is refused, masked or was not answered is counted apart, and said', async () => {
  const at = month(4, 3)
  const known = (thing: number) => answers.get(thing) ?? Number.NaN
  const without: JsonValue[][] = [[2e6, 90]]
  await logged([
    requestOf(at, [1, 2], known),
    requestOf(at, [3], known, { columns: ['budget', 'running_time'], rows: without as AnswerRecord['rows'] }),
    requestOf(at, [4, 5], known, {
      redacted: { genre: 'hash' },
      rows: [[1, 2, 'hmac:1'] as never, [1, 2, 'hmac:2'] as never],
    }),
    requestOf(at, [6], known, { predictions: null, error: 'ValueError: no' }),
  ])
  const { id, report } = await reported({ version: 1, ...monthOf(4) })
  assert.deepEqual(
    [report.logged.rows, report.answers.rows, report.answers.equal, report.answers.refused, report.answers.mended],
    [6, 3, 2, 1, 1],
  )
  assert.deepEqual(
    report.skipped.map(({ reason, rows }) => [reason, rows]),
    [['redacted', 2]],
  )
  assert.match(report.summary, /"genre" is not in the log as it was sent\. So it cannot be replayed/)
  const [worst] = await replays.flips('default', id, 10)
  assert.match(worst?.problem ?? '', /genre/)
  assert.match(report.answers.problem ?? '', /genre/)
  assert.equal(worst?.candidate, null)
  // What it said may repeat what a caller sent.
  const subject = { workspace: 'default', endpoint: 'films' }
  const erased = await inTransaction(server.platform.db, (tx) => replays.erase(tx, subject))
  assert.deepEqual(erased, { replayProblems: 2 })
  const [after] = await replays.flips('default', id, 10)
  assert.equal(after?.problem, 'erased')
  assert.equal((await replays.byId('default', id)).report?.answers.problem, 'erased')
})

test('nothing logged is said, and what cannot be replayed is refused before it begins', async () => {
  const { report } = await reported({ version: 1, ...monthOf(40) })
  assert.equal(report.summary, 'Nothing was logged in this time.')
  await assert.rejects(replays.request(actor, 'nothing', { version: 1 }), { code: 'ENDPOINT_NOT_FOUND' })
  await assert.rejects(replays.request(actor, 'films', { version: 9 }), { code: 'MODEL_VERSION_NOT_FOUND' })
  const empty = { from: month(2).toISOString(), to: month(2).toISOString() }
  await assert.rejects(replays.request(actor, 'films', { version: 1, ...empty }), { code: 'REPLAY_RANGE_EMPTY' })
  await assert.rejects(replays.byId('default', uuidv7()), { code: 'REPLAY_NOT_FOUND' })
  const [latest] = await replays.list('default', { endpoint: 'films', limit: 1 })
  assert.ok(latest)
  await assert.rejects(replays.byId('other', latest.id), { code: 'REPLAY_NOT_FOUND' })
  assert.deepEqual(await replays.list('other', { limit: 10 }), [])
  const open = policy
  policy = EndpointPolicy.parse({ logging: { sensitive: { genre: 'mask', email: 'hash' } } })
  await assert.rejects(replays.request(actor, 'films', { version: 1 }), /needs "genre", which the logging policy/)
  policy = open
})

test('one that is cancelled ends, is recorded with who did it, and holds up no other', async () => {
  const { id } = await replays.request(actor, 'films', { version: 1, ...monthOf(2) })
  assert.equal((await replays.cancel(actor, id)).state, 'cancelled')
  await assert.rejects(replays.cancel(actor, id), { code: 'REPLAY_ENDED' })
  const [event] = (await server.events('replays.cancelled')).slice(-1)
  assert.deepEqual([event?.payload.replay, event?.actor.id], [id, actor.id])
  const { report } = await reported({ version: 1, ...monthOf(2) })
  assert.equal(report.answers.identical, true)
  const { state, report: none } = await replays.byId('default', id)
  assert.deepEqual([state, none], ['cancelled', null])
})

test('what an evaluation asks runs once, and a cancelled one is its answer', async () => {
  const budget = { days: 3650, tolerance: 0, maxDisagreementPercent: 1, maxFlips: null, sliceMarginPercent: 5 }
  const asked = { endpoint: 'films', version: 1, evaluation: uuidv7(), budget }
  const first = await replays.forGate(actor, asked)
  assert.ok('report' in first)
  const again = await replays.forGate(actor, asked)
  assert.deepEqual(again, first)
  await assert.rejects(replays.cancel(actor, first.id), { code: 'REPLAY_ENDED' })
})
