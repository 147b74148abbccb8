import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { api, type Client, createClient } from '@tidemark/contracts'
import { testDatabase } from '@tidemark/postgres'
import { migrations } from '../migrations.ts'
import { type RunningServer, startServer } from '../server.ts'
import { openDatabase } from './db.ts'
import { Jobs } from './jobs.ts'
import { migrate } from './migrations.ts'
import { createPlatform, type Platform } from './platform.ts'
import { createLog } from './telemetry.ts'

/** A whole server for one test file: real PostgreSQL (a clone of the migrated template), real HTTP on a free port, a folder of its own. */
export interface TestServer {
  readonly platform: Platform
  readonly server: RunningServer
  readonly url: string
  /** With login on it speaks for the first admin. */
  readonly client: Client<typeof api>
  readonly dataDir: string
  readonly internalToken: string
  close(): Promise<void>
}

async function applyMigrations(url: string): Promise<void> {
  const database = openDatabase(url, 2)
  await new Jobs(database.pool, createLog('test', 'fatal')).migrate()
  await migrate(database.db, migrations)
  await database.close()
}

/** A clone of the migrated template: for tests that put a part of the server together themselves. */
export function migratedTestDatabase(): ReturnType<ReturnType<typeof testDatabase>['withTemplate']> {
  const key = migrations.map((migration) => migration.id + migration.sql).join('\n')
  return testDatabase().withTemplate(key, applyMigrations)
}

export async function startTestServer(
  environment: {
    logLevel?: 'fatal' | 'error' | 'warn' | 'info' | 'debug'
    devReset?: boolean
    devLoopbackWebhooks?: boolean
    login?: boolean
    allowedHosts?: readonly string[]
    /** Where a gateway is, or will be. */
    gatewayUrl?: string
  } = {},
): Promise<TestServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-test-'))
  const database = await migratedTestDatabase()
  const internalToken = 'test-internal-token-of-at-least-32-characters'
  const platform = createPlatform({
    dataDir,
    databaseUrl: database.url,
    host: '127.0.0.1',
    port: 0,
    gatewayUrl: environment.gatewayUrl ?? 'http://127.0.0.1:0',
    login: environment.login ?? false,
    allowedHosts: environment.allowedHosts ?? [],
    internalToken,
    logLevel: environment.logLevel ?? 'error',
    jobConcurrency: 4,
    devReset: environment.devReset ?? false,
    devLoopbackWebhooks: environment.devLoopbackWebhooks ?? false,
  })
  const server = await startServer(platform)
  return {
    platform,
    server,
    url: server.url,
    client: createClient(api, {
      baseUrl: server.url,
      headers: server.adminToken === null ? {} : { authorization: `Bearer ${server.adminToken}` },
    }),
    dataDir,
    internalToken,
    close: async () => {
      await server.stop()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
