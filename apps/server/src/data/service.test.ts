import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { datasetVersionCreated, rowsQuarantined, type TidemarkError } from '@tidemark/contracts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { Data } from './service.ts'

type Film = Record<string, string | number | boolean | null>
const FILMS: Film[] = JSON.parse(
  readFileSync(new URL('../../../../node_modules/vega-datasets/data/movies.json', import.meta.url), 'utf8'),
)

const FILM_COLUMNS: Record<string, 'string' | 'number' | 'integer'> = {
  Title: 'string',
  'US Gross': 'integer',
  'Worldwide Gross': 'integer',
  'US DVD Sales': 'integer',
  'Production Budget': 'number',
  'MPAA Rating': 'string',
  'Running Time min': 'number',
  Distributor: 'string',
  Source: 'string',
  'Major Genre': 'string',
  'Creative Type': 'string',
  Director: 'string',
  'Rotten Tomatoes Rating': 'integer',
  'IMDB Rating': 'number',
  'IMDB Votes': 'integer',
}

function films(name: string) {
  return {
    name,
    key: ['Title', 'Release Date'],
    eventTime: 'Release Date',
    target: 'IMDB Rating',
    snapshotEnd: '2010-12-31',
    columns: { ...FILM_COLUMNS, 'Release Date': { type: 'date' as const, format: '%b %d %Y' } },
    quality: { units: [{ column: 'Production Budget', factors: [1000] }] },
  }
}

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

async function events(type: string, subjectPrefix: string) {
  const { events: all } = await server.client.platform.listEvents({ query: { type, after: 0, limit: 1000 } })
  return all.filter((event) => event.subject.startsWith(subjectPrefix))
}

test('the 24 films dated after the snapshot are quarantined with a reason that names two-digit years', async () => {
  await server.client.data.defineDataset({ body: films('films') })
  const result = await server.client.data.appendRows({
    params: { dataset: 'films' },
    body: { rows: FILMS, source: 'movies.json of vega-datasets 3.2.1' },
  })
  assert.equal(result.created, true)
  const byRule = Object.fromEntries(result.quarantine.map((each) => [each.rule, each.rows]))
  assert.deepEqual(byRule, { after_snapshot_end: 24, missing_key: 1 })
  assert.equal(result.version?.rows, 3201 - 25)
  assert.equal(result.version?.to?.slice(0, 10), '2010-12-17')

  const kept = await server.client.data.listQuarantine({
    params: { dataset: 'films' },
    query: { rule: 'after_snapshot_end' },
  })
  assert.equal(kept.total, 24)
  assert.match(kept.rows[0]?.reason ?? '', /after the snapshot's end 2010-12-31.*two-digit year.*19\d\d/)
  const materialized = await server.client.data.listRows({
    params: { dataset: 'films', version: 'latest' },
    query: { orderBy: 'Release Date', direction: 'desc', limit: 1 },
  })
  assert.equal(materialized.rows[0]?.['Release Date'], '2010-12-17')
  const told = await events(rowsQuarantined.type, 'dataset:films/')
  assert.deepEqual(told.map((event) => event.payload.rows).sort(), [1, 24])
  assert.equal((await events(datasetVersionCreated.type, 'dataset:films/')).length, 1)
})

test('the same rows again make no new version and store nothing', async () => {
  const before = await server.client.data.getDataset({ params: { dataset: 'films' } })
  const again = await server.client.data.appendRows({ params: { dataset: 'films' }, body: { rows: FILMS } })
  assert.equal(again.created, false)
  assert.match(again.message, /Nothing new: version 1 of films has these rows already/)
  assert.equal(again.version?.digest, before.latest?.digest)
  const dataset = await server.client.data.getDataset({ params: { dataset: 'films' } })
  assert.equal(dataset.versions, 1)
  assert.equal(dataset.quarantinedRows, 25)
  assert.equal((await events(rowsQuarantined.type, 'dataset:films/')).length, 2)
})

test('a later batch stores only what is new, and the same rows in other batches give the same digest and the same bytes', async () => {
  await server.client.data.defineDataset({ body: films('films-in-parts') })
  const append = (rows: Film[]) =>
    server.client.data.appendRows({ params: { dataset: 'films-in-parts' }, body: { rows } })
  const first = await append(FILMS.slice(0, 3000))
  const second = await append(FILMS.slice(2900))
  assert.equal(second.newRows, 201 - countDatedLate(FILMS.slice(3000)))
  assert.equal(second.knownRows, 100 - countDatedLate(FILMS.slice(2900, 3000)))
  assert.ok((second.version?.newBytes ?? 0) < (first.version?.newBytes ?? 0) / 5)
  assert.equal(second.version?.parent, 1)

  const folder = await mkdtemp(join(tmpdir(), 'tidemark-data-'))
  const data = new Data(server.platform)
  const whole = await data.materialize('default', 'films', 'latest', join(folder, 'whole'))
  const parts = await data.materialize('default', 'films-in-parts', 'latest', join(folder, 'parts'))
  assert.equal(whole.digest, parts.digest)
  assert.equal(await sha256(whole.file), await sha256(parts.file))
  await data.stop()
  await rm(folder, { recursive: true })
})

test('a changed row replaces the earlier one, an old version keeps it, and changing back gives the old digest', async () => {
  const dataset = 'prices'
  await server.client.data.defineDataset({
    body: { name: dataset, key: ['id'], columns: { id: 'string', price: 'number' } },
  })
  const append = (rows: Film[]) => server.client.data.appendRows({ params: { dataset }, body: { rows } })
  const one = await append([
    { id: 'a', price: 1 },
    { id: 'b', price: 2 },
  ])
  const two = await append([{ id: 'a', price: 5 }])
  assert.equal(two.replacedRows, 1)
  assert.equal(two.version?.rows, 2)
  const rows = async (version: number) =>
    (await server.client.data.listRows({ params: { dataset, version }, query: {} })).rows
  assert.deepEqual(await rows(2), [
    { id: 'a', price: 5 },
    { id: 'b', price: 2 },
  ])
  assert.deepEqual(await rows(1), [
    { id: 'a', price: 1 },
    { id: 'b', price: 2 },
  ])
  const three = await append([{ id: 'a', price: 1 }])
  assert.equal(three.version?.version, 3)
  assert.equal(three.version?.digest, one.version?.digest)
  assert.deepEqual(await rows(3), await rows(1))
})

test('budgets in thousands are quarantined with column, factor and since when; films of before and without budget pass', async () => {
  const dataset = 'films-with-fault'
  await server.client.data.defineDataset({ body: films(dataset) })
  const dated = FILMS.map((film) => ({ film, month: monthOf(film) })).filter(({ month }) => month <= '2010-12')
  const append = (rows: Film[]) => server.client.data.appendRows({ params: { dataset }, body: { rows } })
  await append(dated.filter(({ month }) => month < '2006-01').map(({ film }) => film))
  const healthy = await append(
    dated.filter(({ month }) => month >= '2006-01' && month < '2007-01').map(({ film }) => film),
  )
  assert.deepEqual(
    healthy.quarantine.map((each) => each.rule),
    ['missing_key'],
  )

  const faulty = dated
    .filter(({ month }) => month >= '2007-01' && month < '2008-01')
    .map(({ film, month }) => {
      const budget = film['Production Budget']
      return month >= '2007-06' && typeof budget === 'number' ? { ...film, 'Production Budget': budget / 1000 } : film
    })
  const hit = faulty.filter((film) => monthOf(film) >= '2007-06' && typeof film['Production Budget'] === 'number')
  const result = await append(faulty)
  assert.equal(result.quarantinedRows, hit.length)
  assert.equal(result.quarantine[0]?.rule, 'unit')
  assert.match(
    result.quarantine[0]?.reason ?? '',
    /"Production Budget" arrived 1000 times smaller.*thousands.*since 2007-06/,
  )
  const kept = await server.client.data.listQuarantine({ params: { dataset }, query: { rule: 'unit', limit: 1000 } })
  assert.ok(kept.rows.every(({ row }) => monthOf(row as Film) >= '2007-06'))
})

test('rows that cannot be read by their type, or lie out of a declared range, are kept out, each with its reason', async () => {
  const dataset = 'sensors'
  await server.client.data.defineDataset({
    body: {
      name: dataset,
      key: ['id'],
      columns: { id: 'string', celsius: 'number', at: 'timestamp' },
      quality: { ranges: [{ column: 'celsius', min: -90, max: 60, unit: '°C' }] },
    },
  })
  const result = await server.client.data.appendRows({
    params: { dataset },
    body: {
      rows: [
        { id: 'a', celsius: 21.5, at: '2020-01-01T00:00:00Z' },
        { id: 'b', celsius: '21', at: null },
        { id: 'c', celsius: 300, at: null },
        { id: 'd', celsius: 1, at: '2020-02-30' },
      ],
    },
  })
  assert.equal(result.newRows, 1)
  const { rows } = await server.client.data.listQuarantine({ params: { dataset }, query: {} })
  assert.deepEqual(
    rows.map((row) => [row.rule, row.reason]),
    [
      ['type', '"celsius" is "21", which is not a number.'],
      ['range', '"celsius" is 300 °C, above 60.'],
      ['type', '"at" is "2020-02-30", which is not a timestamp of the format "iso".'],
    ],
  )

  const released = await server.client.data.settleQuarantine({
    params: { dataset },
    body: { ids: [rows[1]?.id ?? 0], decision: 'release', reason: 'an oven, not the weather' },
  })
  assert.equal(released.version?.rows, 2)
  await assert.rejects(
    server.client.data.settleQuarantine({
      params: { dataset },
      body: { ids: [rows[1]?.id ?? 0], decision: 'discard', reason: 'again' },
    }),
    (error: TidemarkError) => error.code === 'QUARANTINED_ROWS_NOT_FOUND',
  )
})

test('a batch with an undeclared column is refused whole, and a declaration that would change stored rows too', async () => {
  await assert.rejects(
    server.client.data.appendRows({ params: { dataset: 'prices' }, body: { rows: [{ id: 'x', colour: 'red' }] } }),
    (error: TidemarkError) => error.code === 'UNKNOWN_COLUMNS' && error.message.includes('colour'),
  )
  await assert.rejects(
    server.client.data.defineDataset({
      body: { name: 'prices', key: ['id'], columns: { id: 'string', price: 'string' } },
    }),
    (error: TidemarkError) => error.code === 'DEFINITION_INCOMPATIBLE',
  )
})

test('a column declared later is empty in rows of before, and does not make them new', async () => {
  await server.client.data.defineDataset({
    body: { name: 'prices', key: ['id'], columns: { id: 'string', price: 'number', currency: 'string' } },
  })
  const same = await server.client.data.appendRows({
    params: { dataset: 'prices' },
    body: { rows: [{ id: 'b', price: 2 }] },
  })
  assert.equal(same.created, false)
  await server.client.data.appendRows({
    params: { dataset: 'prices' },
    body: { rows: [{ id: 'c', price: 3, currency: 'EUR' }] },
  })
  const { rows } = await server.client.data.listRows({ params: { dataset: 'prices', version: 'latest' }, query: {} })
  assert.deepEqual(
    rows.map((row) => row.currency),
    [null, null, 'EUR'],
  )
})

test('a version is profiled: types, missing, distinct, quantiles, histogram, frequent values', async () => {
  const profile = await server.client.data.getProfile({ params: { dataset: 'films', version: 1 } })
  const column = (name: string) => profile.columns.find((each) => each.column === name)
  const rating = column('IMDB Rating')
  const present = (rating?.rows ?? 0) - (rating?.missing ?? 0)
  assert.equal(
    rating?.numeric?.histogram.reduce((sum, bin) => sum + bin.rows, 0),
    present,
  )
  assert.ok((rating?.numeric?.quantiles.p05 ?? 0) < (rating?.numeric?.quantiles.p95 ?? 0))
  assert.equal(column('MPAA Rating')?.top[0]?.value, 'R')
  assert.equal(column('Release Date')?.time?.to.slice(0, 10), '2010-12-17')
})

test('two batches at the same moment become two versions, none lost', async () => {
  await server.client.data.defineDataset({ body: { name: 'busy', key: ['id'], columns: { id: 'integer' } } })
  await Promise.all(
    [1, 2, 3, 4].map((id) => server.client.data.appendRows({ params: { dataset: 'busy' }, body: { rows: [{ id }] } })),
  )
  const { latest } = await server.client.data.getDataset({ params: { dataset: 'busy' } })
  assert.deepEqual([latest?.version, latest?.rows], [4, 4])
})

test('a version is downloaded as Parquet, CSV or JSON lines', async () => {
  const get = (format: string) => fetch(`${server.url}/api/v1/datasets/busy/versions/latest/download?format=${format}`)
  assert.equal(await (await get('csv')).text(), 'id\n1\n2\n3\n4\n')
  assert.equal((await (await get('ndjson')).text()).split('\n')[0], '{"id":1}')
  const parquet = Buffer.from(await (await get('parquet')).arrayBuffer())
  assert.equal(parquet.subarray(0, 4).toString(), 'PAR1')
})

function monthOf(film: Film): string {
  return new Date(`${film['Release Date']} UTC`).toISOString().slice(0, 7)
}

function countDatedLate(films: Film[]): number {
  return films.filter((film) => film.Title === null || monthOf(film) > '2010-12').length
}

async function sha256(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
