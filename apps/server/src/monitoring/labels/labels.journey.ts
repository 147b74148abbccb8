import assert from 'node:assert/strict'
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { seededUniform } from '@tidemark/statistics'
import { sql } from '../../platform/index.ts'
import { answerOf, filmMaker, type MonitoringTest, month, SegmentWriter, startMonitoringTest } from '../testing.ts'

const LABELS = 1_000_000
const THINGS = 600_000
const PREDICTED = 60_000
const SEED = 20

let server: MonitoringTest

before(async () => {
  server = await startMonitoringTest({ window: 'quarter' })
})
after(() => server.close())

/** Labels of things: one in three is a correction or comes twice, most are late, all in no order. */
function* labels(): Generator<{ entity: string; value: number | string; knownAt: string }> {
  const uniform = seededUniform(SEED)
  for (let n = 0; n < LABELS; n += 1) {
    const thing = Math.floor(uniform() * THINGS)
    // A thing's label has a few values and times, so that some come twice and some correct.
    const which = Math.floor(uniform() * 3)
    const value = thing % 10 === 9 ? `class ${(thing + which) % 4}` : ((thing * 7 + which) % 100) / 10
    yield { entity: `thing-${thing}`, value, knownAt: month(1 + which, 1 + (thing % 27)).toISOString() }
  }
}

test('a million labels, late, doubled, corrected, are what a batch recomputation says, thing by thing', {
  timeout: 900_000,
}, async () => {
  const make = filmMaker(3)
  const writer = new SegmentWriter(server.logFolder, 'g', 1)
  // Half of the predictions before the labels, half after.
  const predict = async (from: number, to: number) => {
    for (let start = from; start < to; start += 10_000)
      writer.append(
        Array.from({ length: 10_000 }, (_, index) =>
          answerOf(`thing-${start + index}`, month(0, 1 + ((start + index) % 27)), make(), ((start + index) % 90) / 10),
        ),
      )
    await server.settled()
  }
  await predict(0, PREDICTED / 2)
  const file = join(server.dataDir, 'labels.ndjson')
  await pipeline(Readable.from(labels().map((label) => `${JSON.stringify(label)}\n`)), createWriteStream(file))
  const started = performance.now()
  const response = await fetch(`${server.url}/api/v1/endpoints/films/labels/file`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Readable.toWeb(createReadStream(file)) as unknown as ReadableStream,
    duplex: 'half',
  } as RequestInit)
  const reply = (await response.json()) as { accepted: number; corrected: number; repeated: number }
  const seconds = (performance.now() - started) / 1000
  assert.equal(response.status, 200)
  console.log(
    `${LABELS} labels in ${seconds.toFixed(0)} s: ${Math.round(LABELS / seconds)} a second; ${JSON.stringify(reply)}`,
  )
  assert.equal(reply.accepted + reply.corrected + reply.repeated, LABELS)
  await predict(PREDICTED / 2, PREDICTED)
  writer.close()

  // The same from the file alone, in DuckDB: what is joined is a thing's first label, what holds the one known last.
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`create table given as select row_number() over () as n, entity, value, knownAt::timestamp as known
    from read_json('${file}', format = 'newline_delimited', columns = {entity: 'VARCHAR', value: 'VARCHAR', knownAt: 'VARCHAR'})`)
  const expected = await connection.runAndReadAll(`
    select entity, first(value order by n) as joined, last(value order by known, n) as holding from given group by entity`)
  const wanted = new Map(expected.getRowObjectsJson().map((row) => [String(row.entity), row]))
  assert.equal(reply.accepted, wanted.size)
  const { rows: stored } = await sql<{ entity: string; joined: string; holding: string; values: number }>`
    select entity, (array_agg(coalesce(text, value::text) order by sequence))[1] as joined,
      (array_agg(coalesce(text, value::text) order by known_at desc, sequence desc))[1] as holding, count(*)::int as values
    from monitoring_label where endpoint = 'films' group by entity`.execute(server.platform.db)
  assert.equal(stored.length, wanted.size)
  let differing = 0
  for (const { entity, joined, holding } of stored) {
    const row = wanted.get(entity)
    if (String(row?.joined) !== joined || String(row?.holding) !== holding) differing += 1
  }
  assert.equal(differing, 0)
  assert.equal(
    stored.reduce((sum, { values }) => sum + values, 0),
    reply.accepted + reply.corrected,
    'history has each value once',
  )

  // Losses: each predicted thing with a label has one, the distance of its prediction from its first label.
  const { rows: losses } = await sql<{
    entity: string
    loss: number
  }>`select entity, loss from monitoring_realised_loss`.execute(server.platform.db)
  const byThing = new Map(losses.map(({ entity, loss }) => [entity, loss]))
  let joined = 0
  for (let thing = 0; thing < PREDICTED; thing += 1) {
    const label = wanted.get(`thing-${thing}`)
    const number = label && Number(label.joined)
    const loss = byThing.get(`thing-${thing}`)
    // A class is no distance from a number.
    if (number === undefined || Number.isNaN(number)) assert.equal(loss, undefined, `thing-${thing}`)
    else {
      assert.ok(loss !== undefined && Math.abs(loss - Math.abs((thing % 90) / 10 - number)) < 1e-9, `thing-${thing}`)
      joined += 1
    }
  }
  assert.equal(byThing.size, joined)
  console.log(`${wanted.size} things hold what DuckDB says, ${joined} losses are equal`)
  connection.closeSync()
  instance.closeSync()
})
