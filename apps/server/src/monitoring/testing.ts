import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AnswerRecord,
  api,
  type Cell,
  type Client,
  createClient,
  type EventRecord,
  type InputColumn,
  LoggingPolicy,
  type LogRecord,
  MonitoringPolicy,
  performanceLost,
  retrainingDeclined,
  uuidv7,
  windowClosed,
} from '@tidemark/contracts'
import { type Names, serverNames } from '@tidemark/process'
import { seededUniform } from '@tidemark/statistics'
import { z } from 'zod'
import { type AutomationPorts, createAutomation } from '../automation/index.ts'
import { systemActor } from '../platform/actor.ts'
import { findEvent, listEvents } from '../platform/events.ts'
import { createHttp } from '../platform/http.ts'
import { createPlatform, type Platform } from '../platform/platform.ts'
import { migratedTestDatabase } from '../platform/testing.ts'
import { createMonitoring, type MonitoredEndpoint, type Monitoring, type MonitoringPorts } from './index.ts'
import { segmentPath } from './log/segments.ts'
import type { ReferenceFiles } from './types.ts'

/** Columns of a film as it is known on its release day. */
export const FILM_COLUMNS: readonly InputColumn[] = [
  { name: 'budget', type: 'double', required: false },
  { name: 'minutes', type: 'double', required: false },
  { name: 'genre', type: 'string', required: false },
  { name: 'director', type: 'string', required: false },
]

export interface Film {
  readonly budget: number | null
  readonly minutes: number | null
  readonly genre: string | null
  readonly director: string | null
}

const GENRES = ['Drama', 'Comedy', 'Action', 'Thriller/Suspense', 'Horror', 'Adventure', 'Musical', 'Western']

/** Films as the demo's: skewed budgets, many of them unknown, a few genres, a thousand directors most of whom made one film. */
export function filmMaker(seed: number): () => Film {
  const uniform = seededUniform(seed)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
  return () => ({
    budget: uniform() < 0.15 ? null : Math.round(Math.exp(16.8 + 1.2 * normal()) / 1e5) * 1e5 + 1e4,
    minutes: uniform() < 0.4 ? null : Math.round(108 + 18 * normal()),
    genre: uniform() < 0.08 ? null : (GENRES[Math.floor(uniform() ** 2 * GENRES.length)] ?? null),
    director: uniform() < 0.4 ? null : `Director ${Math.floor(uniform() ** 2 * 1000)}`,
  })
}

export const filmCells = (film: Film): Cell[] => [film.budget, film.minutes, film.genre, film.director]

/** Writes segments as a gateway does. */
export class SegmentWriter {
  private readonly path: string
  private readonly file: number

  constructor(folder: string, gateway: string, segment: number) {
    this.path = segmentPath(folder, { gateway, segment })
    mkdirSync(join(folder, gateway), { recursive: true })
    this.file = openSync(this.path, 'a')
    this.text(`${JSON.stringify({ format: 1, gateway, segment, openedAt: new Date().toISOString() })}\n`)
  }

  append(records: readonly LogRecord[]): void {
    this.text(records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  }

  /** Bytes as they are: a torn line. */
  text(text: string): void {
    writeSync(this.file, text)
  }

  close(): void {
    fsyncSync(this.file)
    closeSync(this.file)
  }
}

/** An answer of films/1 about one film. */
export function answerOf(
  entity: string | null,
  at: Date,
  film: Film,
  prediction: number | null,
  fields: Partial<AnswerRecord> = {},
): AnswerRecord {
  const id = uuidv7()
  return {
    kind: 'answer',
    id,
    workspace: 'default',
    endpoint: 'films',
    arrivedAt: Date.now(),
    eventTime: at.getTime(),
    requestId: id,
    caller: null,
    entities: [entity],
    version: 'films/1',
    runtime: 'onnx',
    rollout: null,
    columns: FILM_COLUMNS.map((column) => column.name),
    rows: [filmCells(film)],
    predictions: prediction === null ? null : [prediction],
    error: prediction === null ? 'failed' : null,
    milliseconds: 1,
    ...fields,
  }
}

export const month = (count: number, day = 1): Date => new Date(Date.UTC(2000, count, day))

/** What the endpoint's owner and the other modules would say; tests change it as they go. */
export interface World {
  endpoint: MonitoredEndpoint
  automation: Awaited<ReturnType<AutomationPorts['endpoint']>>
  referenceFiles: ReferenceFiles | null
  holdout: { losses: number[]; predictions: number[] } | null
  rolloutOpen: boolean
}

export interface MonitoringTest {
  readonly platform: Platform
  readonly monitoring: Monitoring
  readonly automation: ReturnType<typeof createAutomation>
  readonly client: Client<typeof api>
  readonly url: string
  readonly dataDir: string
  readonly databaseUrl: string
  readonly logFolder: string
  readonly world: World
  /** Waits until the log is read and no job is left. */
  settled(): Promise<void>
  events(type: string): Promise<EventRecord[]>
  /** Stops reader and jobs as a killed server would leave them, and makes a new server on the same database and folder. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Writes rows to a parquet file of the serving columns. */
export async function writeReference(file: string, films: readonly Film[]): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run('create table film (budget double, minutes double, genre varchar, director varchar)')
  for (let from = 0; from < films.length; from += 500) {
    const values = films
      .slice(from, from + 500)
      .map(
        ({ budget, minutes, genre, director }) =>
          `(${budget ?? 'null'}, ${minutes ?? 'null'}, ${genre === null ? 'null' : `'${genre}'`}, ${director === null ? 'null' : `'${director}'`})`,
      )
    await connection.run(`insert into film values ${values.join(', ')}`)
  }
  await connection.run(`copy film to '${file}' (format parquet)`)
  connection.closeSync()
  instance.closeSync()
}

/** An endpoint `films` in replay mode whose champion has no reference yet. */
export function worldOf(policy: z.input<typeof MonitoringPolicy>): World {
  return {
    endpoint: {
      name: 'films',
      model: 'films',
      championVersion: 1,
      replay: true,
      columns: FILM_COLUMNS,
      policy: MonitoringPolicy.parse(policy),
      logging: LoggingPolicy.parse({}),
      gateLoss: 'absolute_error',
    },
    automation: { championVersion: 1, policy: null },
    referenceFiles: null,
    holdout: null,
    rolloutOpen: false,
  }
}

/** Monitoring and automation on a real database, log folder and HTTP server; the endpoint and its versions are plain facts. */
export async function startMonitoringTest(policy: z.input<typeof MonitoringPolicy> = {}): Promise<MonitoringTest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-monitoring-'))
  const database = await migratedTestDatabase()
  const world = worldOf(policy)
  const make = () => assemble(dataDir, database.url, world)
  let parts = await make()
  return {
    get platform() {
      return parts.platform
    },
    get monitoring() {
      return parts.monitoring
    },
    get automation() {
      return parts.automation
    },
    get client() {
      return parts.client
    },
    get url() {
      return parts.url
    },
    dataDir,
    databaseUrl: database.url,
    logFolder: join(dataDir, 'log'),
    world,
    settled: () => settle(parts),
    events: async (type) =>
      (await listEvents(parts.platform.db, 'default', { after: 0, type, limit: 1000 })).map((event) => event),
    restart: async () => {
      await parts.stop()
      parts = await make()
    },
    close: async () => {
      await parts.stop()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

interface Parts {
  readonly platform: Platform
  readonly monitoring: Monitoring
  readonly automation: ReturnType<typeof createAutomation>
  readonly client: Client<typeof api>
  readonly url: string
  stop(): Promise<void>
}

/** Puts a server of monitoring and automation together and starts it. */
export async function assemble(dataDir: string, databaseUrl: string, world: World): Promise<Parts> {
  const platform = createPlatform({
    dataDir,
    databaseUrl,
    host: '127.0.0.1',
    port: 0,
    gatewayUrl: 'http://127.0.0.1:0',
    login: false,
    allowedHosts: [],
    internalToken: 'test-internal-token-of-at-least-32-characters',
    logLevel: 'error',
    jobConcurrency: 4,
  })
  const ports: MonitoringPorts = {
    endpoint: async (_db, _workspace, name) => (name === world.endpoint.name ? world.endpoint : null),
    endpoints: async () => [world.endpoint],
    referenceFiles: async () => world.referenceFiles,
    holdout: async () => world.holdout,
    runtimeSwitch: async () => null,
    predictionFolds: [],
    labelFolds: [],
    eraseStored: [],
    logKey: () => '00'.repeat(32),
    endSegments: async () => {},
  }
  const monitoring = createMonitoring(platform, ports)
  const automation = createAutomation(platform, {
    endpoint: async () => world.automation,
    openRollout: async () => world.rolloutOpen,
    monitoring,
  })
  const { events, jobs } = platform
  const windowPayload = z.object({ window: z.uuid() })
  events.on({
    name: 'monitoring.assess',
    event: windowClosed,
    run: (event, actor) => monitoring.assess(actor, windowPayload.parse(event.payload).window),
  })
  events.on({
    name: 'automation.consider',
    event: performanceLost,
    run: (event, actor) => automation.consider(actor, event),
  })
  events.on({
    name: 'monitoring.rearm',
    event: retrainingDeclined,
    run: (event, actor) => automation.declined(actor, event),
  })
  jobs.register('reaction', z.object({ event: z.uuid(), type: z.string(), reaction: z.string() }), async (payload) => {
    const event = await findEvent(platform.db, 'default', payload.event)
    if (!event) throw new Error('no event')
    const actor = systemActor('test', 'default').because([event.id], event.correlation)
    await events.reaction(payload.type, payload.reaction)?.run(event, actor)
  })
  let names: Names = { hosts: new Set(), named: new Set() }
  const app = createHttp({ log: platform.log, metrics: platform.metrics, names: () => names })
  monitoring.routes(app)
  automation.routes(app)
  app.get('/metrics', { config: { access: 'everybody' } }, async (_request, reply) =>
    reply.type('text/plain').send(await platform.metrics.metrics()),
  )
  await jobs.start(4)
  await monitoring.start()
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  names = serverNames('127.0.0.1', port)
  const url = `http://127.0.0.1:${port}`
  return {
    platform,
    monitoring,
    automation,
    client: createClient(api, { baseUrl: url }),
    url,
    stop: async () => {
      await app.close()
      await monitoring.stop()
      await jobs.stop()
      await platform.database.close()
    },
  }
}

async function settle({ platform, monitoring }: Parts): Promise<void> {
  for (let quiet = 0; quiet < 2; ) {
    const busy = (await monitoring.unreadBytes()) > 0 || (await platform.jobs.pending(platform.db)) > 0
    quiet = busy ? 0 : quiet + 1
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
