import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { profileParquet } from './parquet.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-parquet-'))
})
after(() => rm(folder, { recursive: true }))

async function write(name: string, query: string): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const file = join(folder, name)
  await connection.run(`copy (${query}) to '${file}' (format parquet)`)
  connection.closeSync()
  instance.closeSync()
  return file
}

const columns = [
  { name: 'Budget "raw"', type: 'double', required: false },
  { name: 'month', type: 'long', required: true },
  { name: 'genre', type: 'string', required: false },
  { name: 'absent', type: 'string', required: false },
] as const

test('columns are profiled by the type the model declares; the month of a monthly window follows the calendar', async () => {
  const rows = (from: string, n: number) =>
    `select d as event_time, case when i % 10 = 0 then null else (i * 1000)::varchar end as "Budget ""raw""", month(d)::int as month,
       case i % 3 when 0 then 'Drama' when 1 then 'Comedy' else '' end as genre
     from (select i, date '${from}' + (i * 3)::int as d from range(${n}) r(i))`
  const training = await write('training', rows('1980-01-01', 1000))
  const holdout = await write('holdout', rows('1996-01-01', 240))
  const profile = await profileParquet({ training, holdout }, columns, 'month', [5, 6, 7])
  assert.deepEqual(
    profile.features.map(({ name, kind, missing, followsCalendar }) => [name, kind, missing, followsCalendar]),
    [
      ['Budget "raw"', 'numeric', 100, false],
      ['month', 'numeric', 0, true],
      ['genre', 'category', 333, false],
    ],
  )
  assert.equal(profile.rows, 1000)
  assert.deepEqual(profile.predictions?.counts, [1, 1, 1])
  // By the year each window holds every month.
  const byQuarter = await profileParquet({ training, holdout }, columns, 'quarter', null)
  assert.ok(byQuarter.features.every(({ followsCalendar }) => !followsCalendar))
  const without = await profileParquet({ training, holdout: null }, columns, 'month', null)
  assert.ok(without.features.every(({ followsCalendar }) => !followsCalendar))
})
