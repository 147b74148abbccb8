import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type AnswerRecord, type MirrorRecord, uuidv7 } from '@tidemark/contracts'
import { systemActor } from '../../platform/actor.ts'
import { sql } from '../../platform/index.ts'
import {
  answerOf,
  type Film,
  filmCells,
  filmMaker,
  type MonitoringTest,
  month,
  SegmentWriter,
  startMonitoringTest,
  writeReference,
} from '../testing.ts'

let server: MonitoringTest
const make = filmMaker(11)

before(async () => {
  server = await startMonitoringTest()
  const training = `${server.dataDir}/reference.parquet`
  server.world.referenceFiles = { training, holdout: null }
  await writeReference(training, Array.from({ length: 800 }, make))
  await server.monitoring.adoptReference(systemActor('test', 'default'), 'films', 'films', 1)
})
after(() => server.close())

/** Counts of a month: predictions, things, and the sum over all bins, categories and missing values. */
async function counted(start: Date): Promise<{ predictions: number; entities: number; values: number } | undefined> {
  const { rows } = await sql<{ predictions: number; entities: number; values: number }>`
    select w.predictions, w.entities, (select coalesce(sum(n), 0)::bigint from monitoring_count c
      where c.window_id = w.id and (c.cell ~ '^[bc]:' or c.cell = 'm')) as values
    from monitoring_window w where starts = ${start}`.execute(server.platform.db)
  return rows[0]
}

const requests = (films: number, each: number, at: Date, prefix: string): AnswerRecord[] => {
  const made: Film[] = Array.from({ length: films }, make)
  return Array.from({ length: films * each }, (_, index) =>
    answerOf(`${prefix}${index % films}`, at, made[index % films] ?? make(), 6),
  )
}

test('each thing counts once in its window, each prediction once, each column of a thing once', async () => {
  const writer = new SegmentWriter(server.logFolder, 'g1', 1)
  writer.append(requests(15, 20, month(0, 5), 'a'))
  await server.settled()
  assert.deepEqual(await counted(month(0)), { predictions: 300, entities: 15, values: 15 * 4 })
  // The same things in the next month are counted there again: the unit is the thing in a window.
  writer.append(requests(15, 1, month(1, 5), 'a'))
  await server.settled()
  assert.deepEqual(await counted(month(1)), { predictions: 15, entities: 15, values: 15 * 4 })
  writer.close()
})

test('a record that comes twice, in one batch, in another and in another segment, counts once', async () => {
  const [record] = requests(1, 1, month(2, 5), 'twice')
  assert.ok(record)
  const writer = new SegmentWriter(server.logFolder, 'g1', 2)
  writer.append([record, record])
  await server.settled()
  writer.append([record])
  writer.close()
  const other = new SegmentWriter(server.logFolder, 'g2', 1)
  other.append([record])
  other.close()
  await server.settled()
  assert.deepEqual(await counted(month(2)), { predictions: 1, entities: 1, values: 4 })
})

test('a torn last line waits while its writer lives and is ignored once it died', async () => {
  const [first, second, third] = requests(3, 1, month(3, 5), 'torn')
  assert.ok(first && second && third)
  const writer = new SegmentWriter(server.logFolder, 'g3', 1)
  const line = `${JSON.stringify(first)}\n`
  writer.text(line.slice(0, 100))
  await server.settled()
  assert.equal(await counted(month(3)), undefined)
  writer.text(line.slice(100))
  await server.settled()
  assert.equal((await counted(month(3)))?.predictions, 1)
  writer.text(JSON.stringify(second).slice(0, 200))
  writer.close()
  const next = new SegmentWriter(server.logFolder, 'g3', 2)
  next.append([third])
  next.close()
  await server.settled()
  assert.equal((await counted(month(3)))?.predictions, 2)
  assert.equal(await server.monitoring.unreadBytes(), 0)
})

test('a line that nobody can read is counted as such and stops nothing', async () => {
  server.platform.log.level = 'fatal'
  const writer = new SegmentWriter(server.logFolder, 'g4', 1)
  writer.text('{"kind":"answer","broken":true}\nnot json\n')
  writer.append([answerOf('far', new Date(8.6e15), make(), 6)])
  writer.append(requests(1, 1, month(4, 5), 'readable'))
  writer.close()
  await server.settled()
  server.platform.log.level = 'error'
  assert.equal((await counted(month(4)))?.predictions, 1)
  assert.match(await server.platform.metrics.metrics(), /tidemark_log_unreadable_lines_total 3/)
})

test('many segments at once are read to their ends, the large one too', async () => {
  const expected = { predictions: 0, entities: 0, values: 0 }
  for (const [segment, films] of [2600, 10, 3, 2100, 7].entries()) {
    const writer = new SegmentWriter(server.logFolder, 'g7', segment)
    writer.append(requests(films, 1, month(4, 9), `seg${segment}-`))
    writer.close()
    expected.predictions += films
  }
  await server.settled()
  expected.predictions += 1
  expected.entities = expected.predictions
  expected.values = expected.entities * 4
  assert.deepEqual(await counted(month(4)), expected)
  const { rows } = await sql<{ finished: number }>`
    select count(*) as finished from log_segment where gateway = 'g7' and finished`.execute(server.platform.db)
  assert.equal(rows[0]?.finished, 4)
})

test('killed again and again while it reads, the server counts every record exactly once', async () => {
  // This process stops reading: the servers that are killed are processes of their own.
  await server.monitoring.stop()
  const program = fileURLToPath(new URL('./fixtures/reader-process.ts', import.meta.url))
  const expected = { predictions: 0, things: new Set<string>() }
  const writer = new SegmentWriter(server.logFolder, 'g5', 1)
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(
      process.execPath,
      [...process.execArgv.filter((flag) => !flag.startsWith('--test')), program, server.dataDir, server.databaseUrl],
      {
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    )
    const gone = once(child, 'exit')
    // Batches of any size while it reads; killed in the middle of one, wherever it is.
    const started = Date.now()
    while (Date.now() - started < 1200 + 170 * round) {
      const films = 40 + Math.floor(Math.random() * 40)
      const records = requests(films, 5, month(5, 2 + Math.floor(Math.random() * 20)), `kill${round}-`)
      for (const record of records) expected.things.add(record.entities[0] ?? '')
      expected.predictions += records.length
      writer.append(records)
      await sleep(Math.random() * 12)
    }
    child.kill('SIGKILL')
    await gone
  }
  writer.close()
  const partly = (await counted(month(5)))?.predictions ?? 0
  assert.ok(partly > 0, 'the killed servers had read something')
  await server.restart()
  await server.settled()
  const things = expected.things.size
  assert.deepEqual(await counted(month(5)), { predictions: expected.predictions, entities: things, values: things * 4 })
})

test('a prediction is found by its id, with its mirror, read or not yet read; others are not', async () => {
  const film = make()
  const answer = answerOf('found', month(6, 5), film, 6.5)
  const mirror: MirrorRecord = {
    kind: 'mirror',
    id: answer.id,
    workspace: 'default',
    endpoint: 'films',
    eventTime: answer.eventTime,
    caller: null,
    entities: ['found'],
    version: 'films/2',
    rollout: { id: uuidv7(), stage: 0, arm: 'candidate' },
    predictions: [6.9],
    error: null,
    milliseconds: 1,
  }
  const writer = new SegmentWriter(server.logFolder, 'g6', 1)
  writer.append([...requests(5, 1, month(6, 4), 'others'), answer, mirror])
  writer.close()
  const unread = await server.client.monitoring.getPrediction({ params: { id: answer.id } })
  assert.deepEqual([unread.answer, unread.mirror, unread.segment], [answer, mirror, 1])
  await server.settled()
  assert.deepEqual(await server.client.monitoring.getPrediction({ params: { id: answer.id } }), unread)
  await assert.rejects(server.client.monitoring.getPrediction({ params: { id: uuidv7() } }), {
    code: 'PREDICTION_NOT_FOUND',
    status: 404,
  })
  const { predictions } = await server.client.monitoring.listPredictions({
    params: { endpoint: 'films' },
    query: { entity: 'found' },
  })
  assert.deepEqual(
    predictions.map(({ id, entity, prediction }) => [id, entity, prediction]),
    [[answer.id, 'found', 6.5]],
  )
})

test('a row without a name is a thing of its own, beside those with one', async () => {
  const [film, other] = [make(), make()]
  const cells = [film, film, other, other].map(filmCells)
  const several = answerOf('named', month(7, 5), film, 6, {
    rows: cells,
    entities: [null, null, 'named', 'named'],
    predictions: [6, 6, 5, 5],
  })
  const writer = new SegmentWriter(server.logFolder, 'g8', 1)
  writer.append([several, answerOf(null, month(7, 6), film, 6), answerOf('named', month(7, 6), other, 5)])
  writer.close()
  await server.settled()
  assert.deepEqual(await counted(month(7)), { predictions: 3, entities: 4, values: 16 })
})
