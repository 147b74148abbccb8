import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { databaseAccount } from './account.ts'
import { createDatabase, withClient, withDatabase } from './database.ts'
import { CLONE, choosePlace, eraseDatabase } from './place.ts'
import { isPostmaster, processesOf } from './postmaster.ts'
import { startPostgres } from './start.ts'

const root = mkdtempSync('/tmp/tidemark-pg-')
after(() => rmSync(root, { recursive: true, force: true }))

async function scalar(url: string, sql: string): Promise<unknown> {
  const { rows } = await withClient(url, (client) => client.query(sql))
  return Object.values(rows[0] ?? {})[0]
}

test('acknowledged rows survive kill -9 of the database, again and again', async () => {
  const dataDir = join(root, 'killed')
  let acknowledged = 0
  for (let round = 0; round < 4; round++) {
    const server = await startPostgres({ dataDir })
    assert.equal(server.adopted, false)
    const client = new Client({ connectionString: server.url })
    client.on('error', () => {})
    await client.connect()
    await client.query('CREATE TABLE IF NOT EXISTS film (id int PRIMARY KEY)')
    assert.equal(await scalar(server.url, 'SELECT count(*)::int FROM film'), acknowledged)
    const killed = setTimeout(() => process.kill(server.pid, 'SIGKILL'), 60)
    try {
      for (;;) {
        await client.query('INSERT INTO film VALUES ($1)', [acknowledged])
        acknowledged += 1
      }
    } catch {
      // The server is gone; the statement in flight was never acknowledged, but it may have been committed.
    }
    clearTimeout(killed)
    await server.exited
    const again = await startPostgres({ dataDir })
    const stored = Number(await scalar(again.url, 'SELECT count(*)::int FROM film'))
    assert.ok(stored === acknowledged || stored === acknowledged + 1, `${acknowledged} acknowledged, ${stored} stored`)
    acknowledged = stored
    await again.stop()
  }
  assert.ok(acknowledged > 0)
})

test('a server left by a killed process is adopted, with its data and its password', async () => {
  const dataDir = join(root, 'adopted')
  const program = `import { startPostgres } from '@tidemark/postgres'
    const server = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    console.log(server.pid)
    setInterval(() => {}, 1000)`
  const file = join(CLONE, 'packages/postgres/src', `.adopt-${process.pid}.ts`)
  writeFileSync(file, program)
  const child = spawn(process.execPath, ['-C', '@tidemark/source', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const pid = await new Promise<number>((done) => child.stdout.once('data', (text) => done(Number(text))))
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
    const server = await startPostgres({ dataDir })
    assert.deepEqual([server.adopted, server.pid], [true, pid])
    assert.equal(await scalar(server.url, 'SELECT 1'), 1)
    await server.stop()
    await server.exited
    assert.equal(isPostmaster(pid, choosePlace(dataDir, databaseAccount()).cluster), false)
  } finally {
    child.kill('SIGKILL')
    rmSync(file)
  }
})

test('a program that stops its database and does nothing else ends with 0', async () => {
  const dataDir = join(root, 'alone')
  const program = `import { startPostgres } from '@tidemark/postgres'
    const server = await startPostgres({ dataDir: ${JSON.stringify(dataDir)} })
    await server.stop()
    await server.exited`
  const file = join(CLONE, 'packages/postgres/src', `.alone-${process.pid}.ts`)
  writeFileSync(file, program)
  try {
    for (let start = 0; start < 3; start++) {
      const child = spawn(process.execPath, ['-C', '@tidemark/source', file], { stdio: 'ignore' })
      assert.equal(await new Promise((done) => child.once('exit', done)), 0)
    }
  } finally {
    rmSync(file)
  }
})

test('several processes that start the same folder at once share one server', async () => {
  const dataDir = join(root, 'together')
  const servers = await Promise.all([1, 2, 3, 4].map(() => startPostgres({ dataDir })))
  assert.equal(new Set(servers.map((server) => server.pid)).size, 1)
  assert.equal(servers.filter((server) => !server.adopted).length, 1)
  await servers[0]?.stop()
})

test('a lock file of a pid that another process has now, or that is half-written, does not keep the database down', async () => {
  const dataDir = join(root, 'stale')
  const first = await startPostgres({ dataDir })
  await first.stop()
  const { cluster } = choosePlace(dataDir, databaseAccount())
  for (const text of [`${process.pid}\n${cluster}\n1\n5432\n${dataDir}\n\n\nready\n`, '']) {
    writeFileSync(join(cluster, 'postmaster.pid'), text)
    const server = await startPostgres({ dataDir })
    assert.equal(server.adopted, false)
    await server.stop()
  }
})

test('a half-made cluster of a first start that was killed is made anew', async () => {
  const dataDir = join(root, 'half')
  const place = choosePlace(dataDir, databaseAccount())
  mkdirSync(join(`${place.cluster}.new`, 'base'), { recursive: true })
  const server = await startPostgres({ dataDir })
  assert.equal(await scalar(server.url, 'SELECT current_user::text'), 'tidemark')
  await server.stop()
  assert.deepEqual(processesOf(place), [])
})

test('nobody connects without the password, and the server runs neither as root nor on a TCP port', async () => {
  const dataDir = join(root, 'closed')
  const server = await startPostgres({ dataDir })
  try {
    for (const [user, password] of [
      ['tidemark', 'wrong'],
      ['postgres', ''],
      ['postgres', 'postgres'],
    ] as const) {
      const url = new URL(server.url)
      url.username = user
      url.password = password
      await assert.rejects(withClient(url.href, (client) => client.query('SELECT 1')))
    }
    const { cluster } = choosePlace(dataDir, databaseAccount())
    assert.notEqual(statSync(`/proc/${server.pid}`).uid, 0)
    assert.equal(statSync(cluster).mode & 0o777, 0o700)
    assert.equal(statSync(join(dataDir, 'password')).mode & 0o777, 0o600)
    assert.equal(await scalar(server.url, 'SHOW listen_addresses'), '')
    assert.equal(await scalar(server.url, 'SHOW synchronous_commit'), 'on')
    assert.equal(await scalar(server.url, 'SHOW fsync'), 'on')
    assert.equal(await scalar(server.url, 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user'), false)
  } finally {
    await server.stop()
  }
})

test('a database is created once, whatever its name', async () => {
  const dataDir = join(root, 'named')
  const server = await startPostgres({ dataDir })
  try {
    const url = await createDatabase(server.url, 'films "2010"')
    assert.equal(await createDatabase(server.url, 'films "2010"'), url)
    assert.equal(await scalar(url, 'SELECT current_database()::text'), 'films "2010"')
    assert.equal(withDatabase(url, 'tidemark'), server.url)
  } finally {
    await server.stop()
  }
})

test('root below a folder that others cannot enter gets a database all the same', {
  skip: process.getuid?.() !== 0,
}, async () => {
  const closed = join(root, 'closed-home')
  mkdirSync(closed, { mode: 0o700 })
  const dataDir = join(closed, 'data')
  const server = await startPostgres({ dataDir })
  assert.equal(await scalar(server.url, 'SELECT 1'), 1)
  const place = choosePlace(dataDir, databaseAccount())
  assert.match(place.cluster, /^\/var\/tmp\/tidemark-/)
  await server.stop()
  eraseDatabase(dataDir)
  assert.throws(() => statSync(place.cluster), /ENOENT/)
})
