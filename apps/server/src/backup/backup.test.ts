import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { eraseDatabase, startPostgres, type TestDatabase, testDatabase } from '@tidemark/postgres'
import { Client } from 'pg'
import { HOLD_SWEEPS } from '../platform/blobs.ts'
import { sql } from '../platform/db.ts'
import { createPlatform } from '../platform/platform.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { startServer } from '../server.ts'
import { type BackupMade, backup } from './backup.ts'
import { readManifest } from './manifest.ts'
import { restore } from './restore.ts'

let server: TestServer
let root: string
let made: BackupMade
const databases: TestDatabase[] = []

const HEADER = `${JSON.stringify({ format: 1, gateway: 'gw', segment: 1, openedAt: '2026-01-01T00:00:00.000Z' })}\n`
const HARD = 'tab\t newline\n backslash\\ \\N \\. quote" emoji 🌊 carriage\r'

async function call(url: string, method: string, path: string, body?: unknown): Promise<Record<string, never>> {
  const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as Record<string, never>
}

async function createRun(url: string): Promise<string> {
  const { run } = (await call(url, 'POST', 'runs/create', { experiment_id: '0' })) as never as {
    run: { info: { run_id: string } }
  }
  return run.info.run_id
}

async function upload(url: string, path: string, content: string): Promise<void> {
  const response = await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body: content })
  assert.equal(response.status, 200)
}

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await testDatabase().empty()
  databases.push(database)
  return database
}

function take(target: string): Promise<BackupMade> {
  const { databaseUrl, dataDir } = server.platform.config
  return backup({ databaseUrl, dataDir, target, release: '0.0.0-test', now: () => new Date() })
}

/** Every constraint and index, as the database writes them down. */
async function schemaOf(url: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(`
    select conrelid::regclass::text as of, conname as name, pg_get_constraintdef(oid) as text from pg_constraint
    where connamespace = 'public'::regnamespace
    union all select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2, 3`)
  await client.end()
  assert.ok(rows.length > 100)
  return rows
}

/** What each table held, by its name. */
function contents({ manifest }: { manifest: BackupMade['manifest'] }): [string, number, string][] {
  return manifest.tables.map(({ name, rows, part }) => [name, rows, part.contentSha256])
}

let run = ''
before(async () => {
  server = await startTestServer()
  root = await mkdtemp(join(tmpdir(), 'tidemark-backup-'))
  run = await createRun(server.url)
  const at = { run_id: run, timestamp: 5 }
  await call(server.url, 'POST', 'runs/log-metric', { ...at, key: 'a', value: 0.1 + 0.2, step: 1 })
  await call(server.url, 'POST', 'runs/log-metric', { ...at, key: 'a', value: 'NaN', step: 2 })
  await call(server.url, 'POST', 'runs/set-tag', { run_id: run, key: 'hard', value: HARD })
  // Longer than a piece of COPY.
  await call(server.url, 'POST', 'runs/set-tag', { run_id: run, key: 'long', value: 'ü\\'.repeat(2000) })
  await call(server.url, 'POST', 'registered-models/create', { name: 'films' })
  await upload(server.url, `0/${run}/artifacts/model/MLmodel`, 'flavors: {}\n')
  await call(server.url, 'POST', 'model-versions/create', {
    name: 'films',
    source: `runs:/${run}/model`,
    run_id: run,
  })
  await call(server.url, 'POST', 'registered-models/alias', { name: 'films', alias: 'champion', version: '1' })
  await mkdir(join(server.dataDir, 'log', 'gw'), { recursive: true })
  await writeFile(join(server.dataDir, 'log', 'gw', '00000001.ndjson'), HEADER)
  for (const gateway of ['gateway', 'gateway-5002']) {
    await mkdir(join(server.dataDir, gateway, 'blobs'), { recursive: true })
    await writeFile(join(server.dataDir, gateway, 'blobs', 'abc'), 'had again from the server')
    await writeFile(join(server.dataDir, gateway, 'snapshot.json'), '{}')
  }
  await mkdir(join(server.dataDir, 'run'))
  await writeFile(join(server.dataDir, 'run', 'internal-token'), 'of this machine alone')
  made = await take(join(root, 'backups'))
})
after(async () => {
  await server.close()
  for (const database of databases) await database.drop()
  await rm(root, { recursive: true, force: true })
})

test('a restored platform holds every row, file and name of the one that was backed up, and works on', async () => {
  const database = await emptyDatabase()
  const dataDir = join(root, 'restored')
  await restore({ from: join(root, 'backups'), databaseUrl: database.url, dataDir })
  const again = await backup({
    databaseUrl: database.url,
    dataDir,
    target: join(root, 'of-the-restored'),
    release: '0.0.0-test',
    now: () => new Date(),
  })
  assert.deepEqual(contents(again), contents(made))
  assert.deepEqual(again.manifest.sequences, made.manifest.sequences)
  assert.deepEqual(again.manifest.migrations, made.manifest.migrations)
  assert.equal(again.manifest.lastPosition, made.manifest.lastPosition)
  assert.equal(again.manifest.blobs.part.contentSha256, made.manifest.blobs.part.contentSha256)
  assert.equal(again.manifest.files.part.contentSha256, made.manifest.files.part.contentSha256)
  assert.equal(await readFile(join(dataDir, 'log', 'gw', '00000001.ndjson'), 'utf8'), HEADER)
  assert.equal(existsSync(join(dataDir, 'run')), false)
  for (const gateway of ['gateway', 'gateway-5002'])
    assert.deepEqual(await readdir(join(dataDir, gateway)), ['snapshot.json'])
  assert.deepEqual(await schemaOf(database.url), await schemaOf(server.platform.config.databaseUrl))

  const platform = createPlatform({ ...server.platform.config, databaseUrl: database.url, dataDir, port: 0 })
  const restored = await startServer(platform)
  try {
    const { url } = restored
    const found = (await call(url, 'GET', `runs/get?run_id=${run}`)) as never as {
      run: { data: { tags: { key: string; value: string }[]; metrics: { value: number | string }[] } }
    }
    assert.equal(found.run.data.tags.find(({ key }) => key === 'hard')?.value, HARD)
    const history = (await call(url, 'GET', `metrics/get-history?run_id=${run}&metric_key=a`)) as never as {
      metrics: { value: number | string; step: number }[]
    }
    assert.deepEqual(
      history.metrics.map(({ value }) => String(value)),
      ['0.30000000000000004', 'NaN'],
    )
    const file = await fetch(`${url}/model-versions/get-artifact?name=films&version=1&path=MLmodel`)
    assert.equal(await file.text(), 'flavors: {}\n')
    // Numbers that the database gives out go on after those that are taken.
    await call(url, 'POST', 'runs/log-metric', { run_id: run, key: 'a', value: 3, step: 3, timestamp: 6 })
    const next = await createRun(url)
    await call(url, 'POST', 'runs/log-metric', { run_id: next, key: 'b', value: 3, step: 3, timestamp: 6 })
    await call(url, 'POST', 'experiments/create', { name: 'after' })
    await call(url, 'DELETE', 'registered-models/alias', { name: 'films', alias: 'champion' })
    const { rows } = await sql<{ position: number }>`select position from event_head`.execute(platform.db)
    assert.equal(rows[0]?.position, made.manifest.lastPosition + 1)
  } finally {
    await restored.stop()
  }
})

const elsewhere = process.env.TIDEMARK_TEST_DATABASE_URL
  ? false
  : 'needs a second PostgreSQL: TIDEMARK_TEST_DATABASE_URL'
test('a backup of one PostgreSQL is restored to another of another release, and back', {
  skip: elsewhere,
}, async () => {
  const embedded = await startPostgres({ dataDir: join(root, 'embedded'), durability: 'throwaway' })
  try {
    const there = { databaseUrl: embedded.url, dataDir: join(root, 'there') }
    await restore({ from: made.folder, ...there })
    const target = join(root, 'from-there')
    const moved = await backup({ ...there, target, release: '0.0.0-test', now: () => new Date() })
    assert.notEqual(moved.manifest.postgres, made.manifest.postgres)
    assert.deepEqual(contents(moved), contents(made))
    const back = { databaseUrl: (await emptyDatabase()).url, dataDir: join(root, 'back') }
    await restore({ from: moved.folder, ...back })
    const again = await backup({ ...back, target, release: '0.0.0-test', now: () => new Date() })
    assert.deepEqual(contents(again), contents(made))
  } finally {
    await embedded.stop()
    eraseDatabase(join(root, 'embedded'))
  }
})

test('jobs that waited are queued again in their order, with their keys, times and failures', async () => {
  const { jobs, db } = server.platform
  const runAt = new Date(Date.now() + 3_600_000)
  await jobs.add(db, 'later', { hard: HARD }, { key: 'once', runAt, maxAttempts: 3, queue: 'q' })
  await jobs.add(db, 'sooner', {}, { runAt })
  await sql`update graphile_worker._private_jobs set attempts = 3, last_error = 'gave up' where key = 'once'`.execute(
    db,
  )
  const one = await take(join(root, 'jobs'))
  const database = await emptyDatabase()
  const dataDir = join(root, 'jobs-restored')
  await restore({ from: one.folder, databaseUrl: database.url, dataDir })
  const platform = createPlatform({ ...server.platform.config, databaseUrl: database.url, dataDir })
  const question = sql<object>`
    select t.identifier, j.payload, q.queue_name, j.run_at, j.max_attempts, j.key, j.attempts, j.last_error
    from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      left join graphile_worker._private_job_queues q on q.id = j.job_queue_id order by j.id`
  try {
    const [before, now] = [await question.execute(db), await question.execute(platform.db)]
    assert.deepEqual(now.rows, before.rows)
    assert.equal(now.rows.length, 2)
  } finally {
    await platform.database.close()
    await sql`delete from graphile_worker._private_jobs`.execute(db)
  }
})

test('a second backup to the same folder copies only what is new, and the first stays whole', async () => {
  await upload(server.url, '0/new.txt', 'only this is new')
  const second = await take(join(root, 'backups'))
  assert.deepEqual(second.copied, { count: 1, bytes: 'only this is new'.length })
  assert.equal(second.manifest.blobs.count, made.manifest.blobs.count + 1)
  const database = await emptyDatabase()
  const { manifest } = await restore({ from: made.folder, databaseUrl: database.url, dataDir: join(root, 'first') })
  assert.equal(manifest.blobs.count, made.manifest.blobs.count)
})

test('a backup without its manifest is not restored, and the next backup takes it away', async () => {
  const target = join(root, 'killed')
  const { folder } = await take(target)
  await rm(join(folder, 'manifest.json'))
  await assert.rejects(restore({ from: folder, databaseUrl: 'postgres://nowhere', dataDir: join(root, 'x') }), {
    code: 'NO_BACKUP',
  })
  await assert.rejects(restore({ from: target, databaseUrl: 'postgres://nowhere', dataDir: join(root, 'x') }), {
    code: 'NO_BACKUP',
  })
  const again = await take(target)
  assert.equal(existsSync(folder), false)
  assert.equal(existsSync(again.folder), true)
})

test('a damaged backup is refused before anything is written', async () => {
  const target = join(root, 'damaged')
  const { folder, manifest } = await take(target)
  const from = { from: folder, databaseUrl: (await emptyDatabase()).url, dataDir: join(root, 'untouched') }
  const table = join(folder, manifest.tables.find(({ name }) => name === 'run_tag')?.part.file ?? '')
  const bytes = await readFile(table)
  await appendFile(table, 'x')
  await assert.rejects(restore(from), { code: 'BACKUP_DAMAGED', message: /run_tag.* has been changed/ })
  await writeFile(table, bytes)

  const [shelf = ''] = (await readdir(join(target, 'files'))).filter((name) => name !== 'tmp')
  const [name = ''] = await readdir(join(target, 'files', shelf))
  const blob = join(target, 'files', shelf, name)
  const whole = await readFile(blob)
  await truncate(blob, 1)
  await assert.rejects(restore(from), { code: 'BACKUP_DAMAGED' })
  await rm(blob)
  await assert.rejects(restore(from), { code: 'BACKUP_DAMAGED' })
  await writeFile(blob, whole)

  await rm(table)
  await assert.rejects(restore(from), { code: 'BACKUP_DAMAGED', message: /is missing/ })
  assert.equal(existsSync(from.dataDir), false)
  await writeFile(table, bytes)
  await restore(from)
})

test('what a newer release wrote is refused by name', async () => {
  const { folder, manifest } = await take(join(root, 'newer'))
  const file = join(folder, 'manifest.json')
  const from = { from: folder, databaseUrl: (await emptyDatabase()).url, dataDir: join(root, 'y') }
  await writeFile(file, JSON.stringify({ ...manifest, format: 2 }))
  await assert.rejects(restore(from), { code: 'BACKUP_NEWER', message: /format 2/ })
  await writeFile(file, JSON.stringify({ ...manifest, migrations: [...manifest.migrations, '9999-later'] }))
  await assert.rejects(restore(from), { code: 'BACKUP_NEWER', message: /9999-later/ })
  await writeFile(file, JSON.stringify(manifest))
  await assert.doesNotReject(readManifest(folder))
})

test('nothing is restored over a database or a folder that holds something', async () => {
  const { databaseUrl, dataDir } = server.platform.config
  await assert.rejects(restore({ from: made.folder, databaseUrl, dataDir: join(root, 'z') }), {
    code: 'DATA_NOT_EMPTY',
  })
  await assert.rejects(restore({ from: made.folder, databaseUrl: (await emptyDatabase()).url, dataDir }), {
    code: 'DATA_NOT_EMPTY',
  })
})

test('a blob that is gone, or is not what it was, ends the backup without a manifest', async () => {
  const { blobs } = server.platform
  const { digest } = await blobs.put(server.platform.db, 'default', 'to be lost')
  const path = blobs.path(digest)
  const content = await text((await blobs.open(server.platform.db, 'default', digest)).stream)
  await rm(path)
  await assert.rejects(take(join(root, 'lost')), { code: 'BLOB_MISSING', message: /is missing/ })
  await writeFile(path, `${content}!`)
  await assert.rejects(take(join(root, 'lost')), { code: 'BLOB_MISSING', message: /has been changed/ })
  await assert.rejects(restore({ from: join(root, 'lost'), databaseUrl: '', dataDir: join(root, 'z') }), {
    code: 'NO_BACKUP',
  })
  await writeFile(path, content)
})

test('what loses its owner while a backup is made is not swept before it is copied', async () => {
  const { client, platform } = server
  const { databaseUrl } = platform.config
  const { digest } = await platform.blobs.put(platform.db, 'default', 'nobody owns this')
  const holder = new Client({ connectionString: databaseUrl })
  await holder.connect()
  try {
    await holder.query(HOLD_SWEEPS)
    const held = await client.platform.sweepBlobs({ body: { graceSeconds: 0 } })
    assert.equal(held.swept, 0)
    assert.ok(held.busy > 0)
    assert.ok(existsSync(platform.blobs.path(digest)))
  } finally {
    await holder.end()
  }
  await client.platform.sweepBlobs({ body: { graceSeconds: 0 } })
  assert.equal(existsSync(platform.blobs.path(digest)), false)
})
