import { join } from 'node:path'
import type { Registry } from 'prom-client'
import { Blobs } from './blobs.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { type Database, type Db, openDatabase } from './db.ts'
import { beginChain, Events } from './events.ts'
import { Jobs } from './jobs.ts'
import { Live } from './live.ts'
import { PythonPools } from './python.ts'
import { Resets } from './reset.ts'
import { Secrets } from './secrets.ts'
import { createLog, createMetrics, type Log } from './telemetry.ts'

/** What every module is given: the database, the record of events, the queue, the blob store and the like. */
export interface Platform {
  readonly config: Config
  readonly db: Db
  readonly database: Database
  readonly events: Events
  readonly jobs: Jobs
  readonly blobs: Blobs
  readonly live: Live
  readonly resets: Resets
  readonly secrets: Secrets
  readonly python: PythonPools
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Registry
}

/** Makes the platform's parts; nothing is started and nothing connects yet. */
export function createPlatform(config: Config, clock: Clock = systemClock): Platform {
  const log = createLog('server', config.logLevel)
  const database = openDatabase(config.databaseUrl)
  const jobs = new Jobs(database.pool, log)
  const resets = new Resets()
  resets.onReset(beginChain)
  return {
    config,
    db: database.db,
    database,
    events: new Events(jobs),
    jobs,
    blobs: new Blobs(join(config.dataDir, 'blobs')),
    live: new Live(config.databaseUrl, log),
    resets,
    secrets: new Secrets(join(config.dataDir, 'secrets.key'), config.secretsKey),
    python: new PythonPools(config.dataDir),
    clock,
    log,
    metrics: createMetrics(),
  }
}
