import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { type BatchView, type InputColumn, type Runtime, TidemarkError } from '@tidemark/contracts'
import { createData, type DataModule } from '../data/index.ts'
import { listEvents } from '../platform/events.ts'
import { localPerson, type Platform, sql } from '../platform/index.ts'
import { createPlatform } from '../platform/platform.ts'
import { migratedTestDatabase } from '../platform/testing.ts'
import { Batches } from './service.ts'

const FIXTURES = new URL('../../../gateway/fixtures/', import.meta.url)
const fixture = JSON.parse(readFileSync(new URL('champion.json', FIXTURES), 'utf8')) as {
  columns: string[]
  rows: (string | number | null)[][]
  expected: number[]
}
const COLUMNS: InputColumn[] = [
  { name: 'budget', type: 'double', required: true },
  { name: 'running_time', type: 'double', required: false },
  { name: 'genre', type: 'string', required: true },
]
const actor = localPerson()
let database: Awaited<ReturnType<typeof migratedTestDatabase>>
let platform: Platform
let data: DataModule
let batches: Batches
let folder: string
let runtime: Runtime

const ports = () => ({
  input: async () => ({ columns: COLUMNS, input: { kind: 'columns' as const } }),
  aliasVersion: async (_db: unknown, _workspace: string, _model: string, alias: string) =>
    alias === 'champion' ? 1 : null,
  runtime: async () => runtime,
})

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-batch-'))
  database = await migratedTestDatabase()
  platform = createPlatform({
    dataDir: folder,
    databaseUrl: database.url,
    host: '127.0.0.1',
    port: 0,
    gatewayUrl: 'http://127.0.0.1:0',
    login: false,
    allowedHosts: [],
    internalToken: 'test-internal-token-of-at-least-32-characters',
    logLevel: 'fatal',
    jobConcurrency: 1,
  })
  const blob = await platform.blobs.put(platform.db, 'default', readFileSync(new URL('champion.onnx', FIXTURES)))
  runtime = {
    kind: 'onnx',
    model: blob.digest,
    inputs: [
      { column: 'budget', tensor: 'budget', type: 'float32' },
      { column: 'running_time', tensor: 'running_time', type: 'float32' },
      { column: 'genre', tensor: 'genre', type: 'string' },
    ],
    output: 'variable',
  }
  data = createData(platform)
  batches = new Batches(platform, data.service, ports())
})
after(async () => {
  await batches.stop()
  await data.stop()
  await platform.database.close()
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** Films of the fixture over and over, as a Parquet file in the blob store. */
async function filmsFile(rows: number, budget = 'f.budget::double', genre = 'genre'): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const values = fixture.rows.map(
    ([budget, minutes, genre], place) =>
      `(${place}, ${budget ?? 'null'}, ${minutes ?? 'null'}, ${genre === null ? 'null' : `'${genre}'`})`,
  )
  const file = join(folder, 'films.parquet')
  await connection.run(`copy (
    select ${budget} as budget, f.minutes::double as running_time, f.genre as ${genre}
    from range(${rows}) r (n) join (values ${values.join(', ')}) f (place, budget, minutes, genre)
      on f.place = r.n % ${fixture.rows.length} order by r.n) to '${file}' (format parquet)`)
  connection.closeSync()
  instance.closeSync()
  return (await platform.blobs.put(platform.db, 'default', readFileSync(file))).digest
}

async function ended(id: string, seconds = 60): Promise<BatchView> {
  for (const until = Date.now() + seconds * 1000; Date.now() < until; await sleep(50)) {
    const view = await batches.byId('default', id)
    if (view.finishedAt !== null) return view
  }
  throw new Error(`It did not end: ${JSON.stringify(await batches.byId('default', id))}`)
}

const asked = (file: string, out: string) => ({
  model: 'films',
  data: { file, format: 'parquet' as const },
  out,
})

test('a file is predicted row for row as its model does in Python, killed twice on the way, without a row lost or doubled', async () => {
  const rows = 160_000
  const asking = await batches.request(actor, asked(await filmsFile(rows), 'scored'))
  const until = async (least: number) => {
    for (
      let view = await batches.byId('default', asking.id);
      view.rowsDone < least;
      view = await batches.byId('default', asking.id)
    ) {
      assert.equal(view.finishedAt, null, view.problem ?? view.state)
      await sleep(5)
    }
  }
  // Its process is killed; then the server that asked stops with it, and another begins.
  await until(50_000)
  // biome-ignore lint/complexity/useLiteralKeys: a test's way to the process
  batches['line'].kill(asking.id)
  await until(100_000)
  await batches.stop()
  const before = await batches.byId('default', asking.id)
  assert.ok(before.rowsDone < rows, 'it was not done when it was stopped')
  // As of a server that was killed while it stored: that, too, goes on.
  await sql`update batch_prediction set state = 'storing'`.execute(platform.db)
  batches = new Batches(platform, data.service, ports())
  batches.start()
  const done = await ended(asking.id)
  assert.deepEqual([done.state, done.problem, done.rowsDone, done.outVersion], ['done', null, rows, 1])
  const version = await data.service.version(platform.db, 'default', 'scored', 1)
  assert.equal(version.rows, rows)
  assert.match(version.source, /films\/1 over sha256:/)
  const page = await data.service.rows<{ row: number; prediction: number }>(actor, 'scored', 1, {
    offset: 0,
    limit: 1000,
    orderBy: 'row',
    direction: 'desc',
  })
  for (const { row, prediction } of page.rows) {
    const expected = fixture.expected[row % fixture.expected.length] ?? Number.NaN
    assert.ok(Math.abs(prediction - expected) < 1e-4, `row ${row}: ${prediction}, not ${expected}`)
  }
  const left = await readdir(platform.python.workFolder('batch'))
  assert.deepEqual(left, [])
  const events = await listEvents(platform.db, 'default', { after: 0, type: 'batch.predicted', limit: 10 })
  assert.match(events[0]?.sentence ?? '', /films\/1 predicted 160000 rows of sha256/)
})

test('a dataset version is predicted by its key, and the same again makes no other version', async () => {
  await data.service.define(actor, {
    ...(await import('@tidemark/contracts')).DatasetDefinition.parse({
      name: 'films',
      key: ['title'],
      columns: { title: 'string', budget: 'number', running_time: 'number', genre: 'string' },
    }),
  })
  const rows = fixture.rows.map(([budget, running_time, genre], place) => ({
    title: `film ${place}`,
    budget,
    running_time,
    genre,
  }))
  await data.service.append(actor, 'films', rows, 'test')
  const question = { model: 'films', data: { dataset: 'films' }, out: 'scored-films' }
  const first = await ended((await batches.request(actor, question)).id)
  assert.deepEqual([first.state, first.problem, first.input, first.outVersion], ['done', null, 'films@1', 1])
  const { rows: scored } = await data.service.rows<{ title: string; prediction: number }>(actor, 'scored-films', 1, {
    offset: 0,
    limit: 1000,
    orderBy: undefined,
    direction: 'asc',
  })
  assert.equal(scored.length, rows.length)
  for (const { title, prediction } of scored) {
    const expected = fixture.expected[Number(title.slice(5))] ?? Number.NaN
    assert.ok(Math.abs(prediction - expected) < 1e-4, title)
  }
  const again = await ended((await batches.request(actor, question)).id)
  assert.equal(again.outVersion, 1)
  const made = await listEvents(platform.db, 'default', { after: 0, type: 'data.version_created', limit: 10 })
  assert.equal(
    made.filter(({ subject }) => subject === 'dataset:scored-films/1').length,
    1,
    'and no second event of it',
  )
})

test('a wrong cell is named by its rows and column as in a request, a wrong file by what it is not, and nothing is stored', async () => {
  const infinite = await filmsFile(50, "case when r.n = 33 then 'inf'::double else f.budget::double end")
  const cell = await ended((await batches.request(actor, asked(infinite, 'never'))).id)
  assert.equal(cell.state, 'failed')
  assert.match(cell.problem ?? '', /^Rows 0 to 49: .*column "budget", row 33: it must be a finite number/)
  const noCsv = { model: 'films', data: { file: infinite, format: 'ndjson' as const }, out: 'never' }
  assert.equal((await ended((await batches.request(actor, noCsv)).id)).state, 'failed')
  const without = await ended(
    (await batches.request(actor, asked(await filmsFile(50, 'f.budget::double', 'kind'), 'never'))).id,
  )
  assert.match(without.problem ?? '', /missing inputs "genre"/)
  await assert.rejects(data.service.version(platform.db, 'default', 'never', 1), { code: 'DATASET_NOT_FOUND' })
})

test('one that is cancelled on its way ends, makes no version and leaves no file', async () => {
  const asking = await batches.request(actor, asked(await filmsFile(160_000), 'cancelled'))
  for (let view = asking; view.rowsDone === 0; view = await batches.byId('default', asking.id)) {
    assert.equal(view.finishedAt, null, view.problem ?? view.state)
    await sleep(5)
  }
  assert.equal((await batches.cancel(actor, asking.id)).state, 'cancelled')
  await assert.rejects(batches.cancel(actor, asking.id), { code: 'BATCH_ENDED' })
  const told = await listEvents(platform.db, 'default', { after: 0, type: 'batch.cancelled', limit: 2 })
  assert.deepEqual(
    told.map((event) => [event.payload.batch, event.actor.id]),
    [[asking.id, actor.id]],
  )
  const folder = platform.python.workFolder('batch')
  for (const until = Date.now() + 10_000; Date.now() < until && (await readdir(folder)).length > 0; ) await sleep(20)
  assert.deepEqual(await readdir(folder), [])
  assert.equal((await batches.byId('default', asking.id)).state, 'cancelled')
  await assert.rejects(data.service.version(platform.db, 'default', 'cancelled', 1), { code: 'DATASET_NOT_FOUND' })
})

test('what can be known to be wrong is said at once', async () => {
  const refusals: [Parameters<Batches['request']>[1], string][] = [
    [{ model: 'films', alias: 'nobody', data: { dataset: 'films' }, out: 'x' }, 'MODEL_VERSION_NOT_FOUND'],
    [{ model: 'films', data: { dataset: 'none' }, out: 'x' }, 'DATASET_NOT_FOUND'],
    [{ model: 'films', data: { dataset: 'films' }, out: 'films' }, 'BATCH_OUT_IS_INPUT'],
    [{ model: 'films', data: { dataset: 'scored-films' }, out: 'x' }, 'BATCH_COLUMNS_MISSING'],
    [{ model: 'films', data: { dataset: 'scored-films' }, out: 'films' }, 'BATCH_COLUMNS_MISSING'],
    [asked(`sha256:${'0'.repeat(64)}`, 'x'), 'BATCH_FILE_NOT_FOUND'],
  ]
  for (const [question, code] of refusals)
    await assert.rejects(
      batches.request(actor, question),
      (error) => error instanceof TidemarkError && error.code === code,
    )
})
