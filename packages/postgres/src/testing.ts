import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { databaseAccount } from './account.ts'
import { withClient, withDatabase } from './database.ts'
import { type Lock, takeLock, tryLock } from './lock.ts'
import { CLONE, choosePlace, makePassable } from './place.ts'
import { readLockFile, stopPostmaster } from './postmaster.ts'
import { startPostgres } from './start.ts'

/** A database for one test file. */
export interface TestDatabase {
  readonly url: string
  /** Drops it, cutting off connections that are still open; the last test file to do so stops the test server. */
  drop(): Promise<void>
}

const HOME = join(CLONE, '.local', 'test-postgres')
const MAX_TEMPLATES = 8
const TEMPLATE_PREFIX = 'template_'
const CLONE_PREFIX = 'test_'

/** One test process's share in the test server. */
interface TestServer {
  readonly url: string
  leave(): Promise<void>
}

/** Drops what test processes that were killed left behind; only called while no other test process is there. */
async function tidy(url: string): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database')
    const names = rows.map((row) => row.datname)
    const templates = names.filter((name) => name.startsWith(TEMPLATE_PREFIX))
    const outdated = templates.length > MAX_TEMPLATES ? templates : []
    for (const name of [...outdated, ...names.filter((name) => name.startsWith(CLONE_PREFIX))]) {
      if (name.startsWith(TEMPLATE_PREFIX)) await client.query(`ALTER DATABASE "${name}" IS_TEMPLATE false`)
      await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
    }
  })
}

/**
 * Joins the one test server of the clone, starting it when nobody runs it. Test processes share a lock; the one that gets it
 * alone is the first or the last, and tidies or stops. A killed test process frees its share by itself.
 */
async function joinServer(): Promise<TestServer> {
  const given = process.env.TIDEMARK_TEST_DATABASE_URL
  if (given) return { url: given, leave: async () => {} }
  makePassable(HOME)
  const users = join(HOME, 'users.lock')
  const gate = await takeLock(join(HOME, 'gate.lock'))
  try {
    const alone = await tryLock(users)
    const server = await startPostgres({ dataDir: HOME, durability: 'throwaway' })
    if (alone) await tidy(server.url)
    alone?.release()
    const share = await takeLock(users, 'shared')
    return { url: server.url, leave: () => leaveServer(share, users) }
  } finally {
    gate.release()
  }
}

async function leaveServer(share: Lock, users: string): Promise<void> {
  const gate = await takeLock(join(HOME, 'gate.lock'))
  try {
    share.release()
    const last = await tryLock(users)
    if (!last) return
    const place = choosePlace(HOME, databaseAccount())
    const lock = readLockFile(place.cluster)
    if (lock.kind === 'held') await stopPostmaster(lock.pid, place.cluster)
    last.release()
  } finally {
    gate.release()
  }
}

/** PostgreSQL copies a template only when nobody is connected, and a closed connection lingers for a moment. */
async function whenUnused(work: () => Promise<unknown>): Promise<void> {
  // In use by a connection; by an autovacuum, whose process is not ours to end.
  const IN_USE: readonly unknown[] = ['55006', '42501']
  for (let attempt = 1; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      const inUse = error instanceof Error && 'code' in error && IN_USE.includes(error.code)
      if (!inUse || attempt === 200) throw error
      await sleep(25)
    }
  }
}

async function ensureTemplate(
  client: Client,
  url: string,
  name: string,
  migrate: (url: string) => Promise<void>,
): Promise<void> {
  const { rows } = await client.query<{ datistemplate: boolean }>(
    'SELECT datistemplate FROM pg_database WHERE datname = $1',
    [name],
  )
  // The mark is set last, so a database without it is one whose migration did not finish.
  if (rows[0]?.datistemplate) return
  await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
  await client.query(`CREATE DATABASE "${name}" TEMPLATE template0`)
  await migrate(withDatabase(url, name))
  await client.query(`ALTER DATABASE "${name}" IS_TEMPLATE true`)
}

async function cloneTemplate(
  server: TestServer,
  key: string,
  migrate: (url: string) => Promise<void>,
): Promise<TestDatabase> {
  const hash = createHash('sha256').update(key).digest()
  const template = TEMPLATE_PREFIX + hash.toString('hex').slice(0, 16)
  const name = CLONE_PREFIX + randomUUID().replaceAll('-', '')
  await withClient(server.url, async (client) => {
    // Held by the session: parallel test files wait for the first one's migration, then all copy at once.
    await client.query('SELECT pg_advisory_lock($1)', [hash.readInt32BE(0)])
    await ensureTemplate(client, server.url, template, migrate)
    await client.query('SELECT pg_advisory_unlock($1)', [hash.readInt32BE(0)])
    await whenUnused(() => client.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`))
  })
  let dropped: Promise<void> | undefined
  const drop = async (): Promise<void> => {
    await whenUnused(() =>
      withClient(server.url, (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)),
    )
    await server.leave()
  }
  return { url: withDatabase(server.url, name), drop: () => (dropped ??= drop()) }
}

/** Databases for tests, on a real PostgreSQL. */
export interface TestDatabases {
  /**
   * A database of its own for a test file, copied from a template that `migrate` filled once per `key` (25–60 ms).
   * @param key anything that changes when the schema does, the migrations' text for instance
   * @param migrate fills the database of that URL and closes its connections
   */
  withTemplate(key: string, migrate: (url: string) => Promise<void>): Promise<TestDatabase>
  /** An empty database of its own. */
  empty(): Promise<TestDatabase>
}

/**
 * Test databases on the clone's shared test server (`.local/test-postgres`, without fsync), which the first test process starts and
 * the last one stops; or on the server that TIDEMARK_TEST_DATABASE_URL names, for a role that may create databases.
 */
export function testDatabase(): TestDatabases {
  const withTemplate: TestDatabases['withTemplate'] = async (key, migrate) => {
    const server = await joinServer()
    try {
      return await cloneTemplate(server, key, migrate)
    } catch (error) {
      await server.leave()
      throw error
    }
  }
  return { withTemplate, empty: () => withTemplate('', async () => {}) }
}
