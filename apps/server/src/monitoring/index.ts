import { join } from 'node:path'
import type { LoggedPrediction } from '@tidemark/contracts'
import type { Actor, HttpServer, Platform, Queryable } from '../platform/index.ts'
import { openFaults } from './faults/store.ts'
import { monitoringMetrics } from './health/metrics.ts'
import { thingsPerDay } from './health/store.ts'
import { currentValues, type LabelValue } from './labels/store.ts'
import { Archive } from './log/archive/archive.ts'
import { Erasure } from './log/archive/erasure.ts'
import { eraseMonitored } from './log/archive/erasureStore.ts'
import { LogList } from './log/list.ts'
import { LogLookup } from './log/lookup.ts'
import { LogReader } from './log/reader.ts'
import { logRoutes } from './log/routes.ts'
import { answerReports, pairedLosses } from './performance/store.ts'
import { adoptReference } from './reference/adopt.ts'
import { monitoringRoutes } from './routes.ts'
import type { MonitoringPorts } from './types.ts'
import { assessWindow } from './windows/assess.ts'
import { closeDueWindows } from './windows/close.ts'
import { windowFold } from './windows/fold.ts'
import { eventTimeOf, openEndpoints } from './windows/store.ts'

export type { MonitoredEndpoint, MonitoringPorts } from './types.ts'

const CLOSE_EVERY_MILLISECONDS = 30_000
const RECENT_WINDOWS = 12

/** Monitoring as other modules and the composition root see it. */
export interface Monitoring {
  /** Follows the prediction log; what was due before a stop is closed first. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Bytes of the prediction log whose meaning is not known yet. */
  unreadBytes(): Promise<number>
  /** Reaction to a closed window. */
  assess(actor: Actor, window: string): Promise<void>
  /** Reaction to a new endpoint and to a promotion. */
  adoptReference(actor: Actor, endpoint: string, model: string, version: number): Promise<void>
  /** Reaction to the end, without a new champion, of what a report of lost performance caused: the report may be made again. */
  rearm(actor: Actor, endpoint: string): Promise<void>
  readonly predictions: { find(workspace: string, id: string): Promise<LoggedPrediction | null> }
  /** Event time that the endpoint's requests have come to. */
  eventTime(db: Queryable, workspace: string, endpoint: string): Promise<Date | null>
  /** Features whose values arrive wrong now. */
  openFaults(db: Queryable, workspace: string, endpoint: string): Promise<readonly string[]>
  /** Things per day over the newest windows; null before one has closed. */
  thingsPerDay(db: Queryable, workspace: string, endpoint: string): Promise<number | null>
  /** Mean realised losses of two versions on the things that both predicted and that have labels. */
  pairedLosses(
    db: Queryable,
    workspace: string,
    endpoint: string,
    first: number,
    second: number,
  ): Promise<{ n: number; first: number; second: number }>
  /** Writes the answers of an endpoint whose event time lies in [from, to) as a Parquet file of the archive's columns, by prediction and row. */
  writeAnswers(
    db: Queryable,
    workspace: string,
    endpoint: string,
    from: Date | null,
    to: Date,
    path: string,
  ): Promise<void>
  /** The label that holds for each of these things that has one. */
  labels(
    db: Queryable,
    workspace: string,
    endpoint: string,
    things: readonly string[],
  ): Promise<ReadonlyMap<string, LabelValue>>
  /** Older predictions as Parquet files. */
  readonly archive: { run(): Promise<void> }
  routes(app: HttpServer): void
}

/** Puts monitoring together. Folds of other modules run in the reader's transaction, after its own. */
export function createMonitoring(platform: Platform, ports: MonitoringPorts): Monitoring {
  const folder = join(platform.config.dataDir, 'log')
  // How far the log's files were read: without it they would be counted once more.
  platform.resets.keep('log_segment', 'log_seen')
  const archive = new Archive(
    platform,
    {
      columns: async (on, workspace, endpoint) => (await ports.endpoint(on, workspace, endpoint))?.columns ?? null,
      retentionDays: async (on, workspace, endpoint) =>
        (await ports.endpoint(on, workspace, endpoint))?.logging.retentionDays ?? null,
    },
    folder,
  )
  const erasure = new Erasure(platform, {
    archive,
    segments: folder,
    logKey: ports.logKey,
    stored: [eraseMonitored, ...ports.eraseStored],
    rotate: ports.endSegments,
  })
  archive.withErasure(erasure)
  const lookup = new LogLookup(folder, archive, erasure)
  const list = new LogList(folder, archive, erasure)
  const reader = new LogReader(platform, folder, [windowFold(platform, ports), ...ports.predictionFolds])
  const { db } = platform
  let timer: NodeJS.Timeout | undefined
  monitoringMetrics(platform)

  const closeAllDue = async (): Promise<void> => {
    for (const key of await openEndpoints(db)) await closeDueWindows(platform, ports, key)
  }
  return {
    async start() {
      await closeAllDue()
      reader.start()
      archive.start()
      timer = setInterval(() => {
        closeAllDue().catch((error: unknown) => platform.log.warn({ err: error }, 'windows could not be closed'))
      }, CLOSE_EVERY_MILLISECONDS)
    },
    async stop() {
      clearInterval(timer)
      await reader.stop()
      await archive.stop()
    },
    unreadBytes: () => reader.unreadBytes(),
    assess: (actor, window) => assessWindow(platform, ports, lookup, actor, window),
    adoptReference: (actor, endpoint, model, version) =>
      adoptReference(platform, ports, actor, endpoint, model, version),
    rearm: (actor, endpoint) => answerReports(db, { workspace: actor.workspace, endpoint }),
    predictions: { find: (workspace, id) => lookup.find(db, workspace, id) },
    eventTime: (queryable, workspace, endpoint) => eventTimeOf(queryable, { workspace, endpoint }),
    openFaults: async (queryable, workspace, endpoint) =>
      (await openFaults(queryable, { workspace, endpoint })).map((fault) => fault.feature),
    thingsPerDay: (queryable, workspace, endpoint) => thingsPerDay(queryable, { workspace, endpoint }, RECENT_WINDOWS),
    pairedLosses: (queryable, workspace, endpoint, first, second) =>
      pairedLosses(queryable, { workspace, endpoint }, first, second),
    writeAnswers: (queryable, workspace, endpoint, from, to, path) =>
      list.write(
        queryable,
        { workspace, endpoint },
        { ...(from === null ? {} : { from: from.getTime() }), to: to.getTime(), where: [] },
        path,
      ),
    labels: (queryable, workspace, endpoint, things) => currentValues(queryable, { workspace, endpoint }, things),
    archive,
    routes: (app) => {
      monitoringRoutes(app, platform, ports, lookup)
      logRoutes(app, platform, { lookup, list, erasure, archive, logKey: ports.logKey, endpoint: ports.endpoint })
    },
  }
}
