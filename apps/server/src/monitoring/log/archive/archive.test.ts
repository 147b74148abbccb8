import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { type AnswerRecord, type LogRecord, type MirrorRecord, type PredictionRow, uuidv7 } from '@tidemark/contracts'
import { ensureEnvironment } from '@tidemark/workers'
import { PLATFORM_LOCK, sql } from '../../../platform/index.ts'
import { answerOf, filmMaker, type MonitoringTest, month, SegmentWriter, startMonitoringTest } from '../../testing.ts'
import { segmentPath } from '../segments.ts'

const make = filmMaker(5)
let server: MonitoringTest
let segment = 1
let writer: SegmentWriter

before(async () => {
  server = await startMonitoringTest()
  writer = new SegmentWriter(server.logFolder, 'g', segment)
})
after(async () => {
  writer.close()
  await server.close()
})

/** Writes records into a segment of their own, after which the gateway goes on to the next. */
async function logged(records: readonly LogRecord[]): Promise<void> {
  writer.append(records)
  writer.close()
  segment += 1
  writer = new SegmentWriter(server.logFolder, 'g', segment)
  await server.settled()
}

/** An id that was made at another time. */
function idAt(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8${uuidv7().slice(20)}`
}

async function archived(): Promise<void> {
  await server.monitoring.archive.run()
  await server.monitoring.archive.run()
}

const page = (query: Parameters<typeof server.client.monitoring.listPredictions>[0]['query']) =>
  server.client.monitoring.listPredictions({ params: { endpoint: 'films' }, query })

/** Every row of the log by pages of a size. */
async function all(
  query: Parameters<typeof server.client.monitoring.listPredictions>[0]['query'] = {},
): Promise<PredictionRow[]> {
  const rows: PredictionRow[] = []
  for (let cursor: string | undefined; ; ) {
    const { predictions, nextCursor } = await page({ ...query, ...(cursor ? { cursor } : {}) })
    rows.push(...predictions)
    if (nextCursor === null) return rows
    cursor = nextCursor
  }
}

const given: AnswerRecord[] = []
const filesOnDisk = () =>
  readdirSync(join(server.dataDir, 'predictions'), { recursive: true, withFileTypes: true }).filter((each) =>
    each.isFile(),
  )

test('what went to the archive is listed, filtered and found as it was in the segment', async () => {
  for (let n = 0; n < 40; n++) {
    const film = make()
    given.push(
      answerOf(`film-${n}`, month(n % 6, 3), film, n % 9 === 4 ? null : 5 + n / 10, {
        caller: n % 2 === 0 ? 'ann' : null,
        milliseconds: n,
      }),
    )
  }
  const several = answerOf('a', month(2, 9), make(), 6, {
    entities: ['a', null, 'c'],
    rows: [
      [1, 2, 'Drama', null],
      [3.5, null, 'Ünïcode "quoted", \\ and \n', 'x'],
      [null, null, null, null],
    ],
    predictions: [6, 7.25, 8],
  })
  given.push(several)
  await logged(given)
  await server.client.monitoring.putLabels({
    params: { endpoint: 'films' },
    body: {
      labels: [
        { entity: 'film-3', value: 7.5 },
        { prediction: several.id, row: 1, value: 2 },
      ],
    },
  })
  const queries = [
    {},
    { limit: 7 },
    { caller: 'ann' },
    { entity: 'film-3' },
    { outcome: 'failed' as const },
    { from: month(2).toISOString(), to: month(4).toISOString() },
    { version: 2 },
    { where: ['input.budget>20000000', 'input.genre!=Drama'] },
    { where: 'prediction>=7' },
    { where: 'input.genre=Drama' },
    { where: 'milliseconds<=3' },
    { where: 'input.nothing=1' },
  ]
  const fresh = []
  for (const query of queries) fresh.push(await all(query))
  const answer = await server.client.monitoring.getPrediction({ params: { id: several.id } })
  assert.equal(fresh[0]?.length, 43)
  assert.deepEqual(
    fresh[0]?.map((row) => row.id),
    fresh[0]
      ?.map((row) => row.id)
      .toSorted()
      .reverse(),
  )
  assert.deepEqual(fresh[1], fresh[0], 'pages of seven give the same as pages of fifty')
  assert.ok(fresh.slice(2, 6).every((rows) => rows.length > 0 && rows.length < 43))
  assert.deepEqual([fresh[6]?.length, fresh[11]?.length], [0, 0])
  assert.equal(fresh[3]?.[0]?.label, 7.5)
  assert.deepEqual(answer.labels, [null, 2, null])
  await archived()
  assert.equal(filesOnDisk().length, 1)
  for (const [index, query] of queries.entries())
    assert.deepEqual(await all(query), fresh[index], JSON.stringify(query))
  const later = await server.client.monitoring.getPrediction({ params: { id: several.id } })
  assert.deepEqual(later, { ...answer, gateway: null, segment: null })
})

test('a record that comes in two segments, with its mirror, is one prediction of the archive', async () => {
  const twice = answerOf('twice', month(1, 4), make(), 6)
  const mirror: MirrorRecord = {
    kind: 'mirror',
    id: twice.id,
    workspace: 'default',
    endpoint: 'films',
    eventTime: twice.eventTime,
    caller: null,
    entities: ['twice'],
    version: 'films/2',
    rollout: { id: uuidv7(), stage: 0, arm: 'candidate' },
    predictions: [6.5],
    error: null,
    milliseconds: 1,
  }
  await logged([twice])
  await archived()
  await logged([twice, mirror])
  await archived()
  assert.equal((await all({ entity: 'twice' })).length, 1)
  const found = await server.client.monitoring.getPrediction({ params: { id: twice.id } })
  assert.deepEqual([found.answer, found.mirror], [twice, mirror])
})

test('a condition that is none is refused with what it should be', async () => {
  await assert.rejects(page({ where: 'budget > 3' }), { code: 'CONDITION_UNREADABLE', status: 400 })
  await assert.rejects(page({ where: 'input.budget>much' }), /need a number/)
  await assert.rejects(page({ cursor: 'x' }), { status: 400 })
})

test('segments whose content is in the archive are removed after a while; lists, windows and labels go on', async () => {
  await sql`update log_segment set archived_at = now() - interval '1 minute' where archived_at is not null`.execute(
    server.platform.db,
  )
  const before = await all()
  await archived()
  assert.equal(existsSync(segmentPath(server.logFolder, { gateway: 'g', segment: 1 })), false)
  assert.deepEqual(await all(), before)
  const reply = await server.client.monitoring.putLabels({
    params: { endpoint: 'films' },
    body: { labels: [{ prediction: given[7]?.id ?? '', value: 3 }] },
  })
  assert.deepEqual([reply.accepted, reply.unknown], [1, []])
})

test('an export is the same rows as one Parquet file, over what is archived and what is not', async () => {
  await logged([answerOf('fresh', month(3, 3), make(), 6.5)])
  const response = await fetch(`${server.url}/api/v1/endpoints/films/predictions/export?outcome=answered`)
  assert.equal(response.status, 200)
  const file = join(server.dataDir, 'export.parquet')
  writeFileSync(file, Buffer.from(await response.arrayBuffer()))
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(
    `select prediction_id as id, entity, "input.budget" as budget, prediction from read_parquet('${file}')`,
  )
  const rows = reader.getRowObjectsJson()
  const expected = (await all({ outcome: 'answered' })).toReversed()
  assert.deepEqual(
    rows.map((row) => [row.id, row.entity, row.budget, row.prediction]).toSorted(),
    expected.map((row) => [row.id, row.entity, row.input.budget ?? null, row.prediction]).toSorted(),
  )
  connection.closeSync()
  instance.closeSync()
})

test('pandas reads the archive from its folder, each column in the type of the signature', async () => {
  await archived()
  const { python } = await ensureEnvironment(PLATFORM_LOCK)
  const script = `
import json, sys, pandas as pd
frame = pd.read_parquet(sys.argv[1])
print(json.dumps({"rows": len(frame), "budget": float(frame["input.budget"].sum()), "partitions": sorted(map(str, frame["endpoint"].unique())),
  "types": [frame[c].dtype.kind for c in ("input.budget", "at", "prediction", "row")], "genres": sorted(frame["input.genre"].dropna().unique())}))`
  const folder = join(server.dataDir, 'predictions/answers')
  const { stdout } = await promisify(execFile)(python, ['-c', script, folder])
  const read = JSON.parse(stdout) as {
    rows: number
    budget: number
    partitions: string[]
    types: string[]
    genres: string[]
  }
  const rows = await all()
  assert.equal(read.rows, rows.length)
  assert.equal(
    read.budget,
    rows.reduce((sum, { input }) => sum + Number(input.budget ?? 0), 0),
  )
  assert.deepEqual([read.partitions, read.types], [['films'], ['f', 'M', 'f', 'i']])
  assert.deepEqual(read.genres, [...new Set(rows.flatMap(({ input }) => input.genre ?? []))].toSorted())
})

test('what a policy keeps no longer goes, but not while a window waits to be judged', async () => {
  const old = new Date(Date.now() - 40 * 86_400_000)
  const id = idAt(old)
  await logged([answerOf('old', month(9, 3), make(), 6, { id, arrivedAt: old.getTime() })])
  server.world.endpoint = {
    ...server.world.endpoint,
    logging: { ...server.world.endpoint.logging, retentionDays: 30 },
  }
  await archived()
  assert.equal((await all({ entity: 'old' })).length, 1, 'its window is open')
  const rows = (await all()).length
  await sql`update monitoring_window set state = 'judged'`.execute(server.platform.db)
  await logged([answerOf('new', month(10, 3), make(), 6.5)])
  await archived()
  assert.equal((await all({ entity: 'old' })).length, 0)
  await assert.rejects(server.client.monitoring.getPrediction({ params: { id } }), { status: 404 })
  assert.equal((await all()).length, rows, 'one went, one came')
})

test('the files of a past day become one, and those it was made of stay for whoever has begun to read them', async () => {
  const day = new Date(Date.now() - 3 * 86_400_000)
  const ofDay = () => filesOnDisk().filter((each) => each.parentPath.endsWith(`day=${day.toISOString().slice(0, 10)}`))
  const rows = (await all()).length
  for (const entity of ['first', 'second'])
    await logged([answerOf(entity, month(10, 4), make(), 6, { id: idAt(day), arrivedAt: day.getTime() })])
  await archived()
  const { rows: files } = await sql<{ predictions: number }>`
    select predictions from prediction_file where day = ${day.toISOString().slice(0, 10)}::date`.execute(
    server.platform.db,
  )
  assert.deepEqual(files, [{ predictions: 2 }])
  assert.equal(ofDay().length, 3)
  assert.equal((await all()).length, rows + 2)
})

test('a subject is erased from segments, archive, labels and stored rows, and its report names nobody', async () => {
  const secret = 'Ann Secret (1979-05-25)'
  const alone = answerOf(secret, month(8, 2), make(), 6, { caller: 'ann@example.org' })
  const among = answerOf(secret, month(8, 3), make(), 6, {
    entities: [secret, 'other'],
    rows: [
      [1, 2, 'Hidden', null],
      [3, 4, 'Drama', null],
    ],
    predictions: [6, 7],
  })
  await logged([alone, among])
  await archived()
  const inSegment = answerOf(secret, month(8, 4), make(), 6)
  await logged([inSegment])
  await server.client.monitoring.putLabels({
    params: { endpoint: 'films' },
    body: { labels: [{ entity: secret, value: 1 }] },
  })
  const asked = await server.client.erasures.erase({ body: { entity: secret, reason: 'a request of 3 March' } })
  assert.equal(asked.state, 'running')
  const shown = await all()
  assert.ok(!shown.some(({ id, row }) => id === inSegment.id || id === alone.id || (id === among.id && row === 0)))
  assert.ok(shown.some(({ id, row }) => id === among.id && row === 1))
  for (const { id } of [inSegment, alone])
    await assert.rejects(server.client.monitoring.getPrediction({ params: { id } }), { status: 404 }, 'shown to nobody')
  // The segment with it ends when the gateway goes on; what was archived is removed a while later.
  for (let round = 0; round < 2; round++) {
    await logged([answerOf(`later-${round}`, month(8, 5), make(), 6)])
    await archived()
    await sql`update log_segment set archived_at = now() - interval '1 minute' where archived_at is not null`.execute(
      server.platform.db,
    )
  }
  await archived()
  await archived()
  const done = await server.client.erasures.get({ params: { id: asked.id } })
  assert.deepEqual([done.state, done.waitsForSegments], ['done', 0])
  assert.deepEqual([done.report.predictions, done.report.rows], [3, 3])
  assert.equal(done.report.stored.labels, 1)
  const row = (await all({ entity: 'other' }))[0]
  assert.deepEqual([row?.row, row?.prediction, row?.input.genre], [1, 7, 'Drama'], 'the other row keeps its number')
  await assert.rejects(server.client.monitoring.getPrediction({ params: { id: alone.id } }), { status: 404 })
  const { values } = await server.client.monitoring.getLabel({ params: { endpoint: 'films', entity: secret } })
  assert.deepEqual(values, [])
  for (const folder of ['predictions', 'log', 'data-work']) {
    for (const entry of readdirSync(join(server.dataDir, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const bytes = readFileSync(join(entry.parentPath, entry.name))
      assert.ok(!bytes.includes('Ann Secret') && !bytes.includes('Hidden'), entry.name)
    }
  }
  const dumped = await sql<{ n: number }>`
    select count(*) as n from (select e::text as row from monitoring_first_prediction e union all select e::text from monitoring_label e
      union all select e::text from monitoring_unit e union all select e::text from monitoring_realised_loss e
      union all select e::text from prediction_erasure e union all select e::text from event e) all_rows where row like '%Ann Secret%'`.execute(
    server.platform.db,
  )
  assert.equal(dumped.rows[0]?.n, 0)
  const [event] = await server.events('monitoring.predictions_erased')
  assert.equal(event?.payload.predictions, 3)
  assert.doesNotMatch(JSON.stringify(event), /Ann/)
})

test('a request that names nobody, or both, is refused', async () => {
  const { erase } = server.client.erasures
  await assert.rejects(erase({ body: { reason: 'x' } }), { status: 400 })
  await assert.rejects(erase({ body: { entity: 'a', caller: 'b', reason: 'x' } }), /one of them/)
})
