import { join } from 'node:path'
import { startPostgres } from '@tidemark/postgres'
import { addressOf } from '@tidemark/process'
import type { PlatformSettings } from '../settings.ts'
import { type Program, programPart } from './child.ts'
import {
  claim,
  clearLeftovers,
  type DataFolder,
  openDataFolder,
  type PartName,
  type Processes,
  readRecord,
  removeRecord,
  self,
  writeRecord,
} from './data-folder.ts'
import { type Journal, openJournal } from './journal.ts'
import { type Kept, keepRunning, type Part } from './keep.ts'
import { requirePort } from './ports.ts'
import { identify } from './process-table.ts'
import { describePrograms, gatewayHost, type Overrides } from './programs.ts'

/** What `up` may be told beside the settings. */
export interface UpOptions extends Overrides {
  /** Ends a start that is under way. */
  readonly giveUp?: AbortSignal
  /** Hears of the token for the first admin, which nothing writes down: show it. After a crash before its first use comes another. */
  readonly onAdminToken?: (token: string) => void
}

/** A platform that runs under this process. */
export interface Platform {
  readonly url: string
  readonly gatewayUrl: string
  readonly dataDir: string
  readonly startedInMs: number
  /** Ends gateway, server and database, in this order, within 10 s. */
  stop(): Promise<void>
  /** Resolves when the platform was stopped. */
  wait(): Promise<void>
  /** The running process of each part; a part that is down, or that is not ours, has none. */
  pids(): { readonly [Name in PartName]?: number | undefined }
  /** Kills at once what still runs; the next start recovers. */
  kill(): void
}

/** The embedded database as a part; the address it gets never changes, so the server only has to connect again. */
function databasePart(folder: DataFolder, journal: Journal, onStart: (url: string, pid: number) => void): Part {
  return {
    name: 'database',
    start: async () => {
      const server = await startPostgres({
        dataDir: join(folder.path, 'postgres'),
        logFile: join(folder.logsDir, 'postgres.log'),
      })
      if (server.adopted) journal.write('adopted', { part: 'database', pid: server.pid })
      onStart(server.url, server.pid)
      return { pid: server.pid, exited: server.exited.then(() => 'ended'), stop: server.stop }
    },
  }
}

/**
 * Starts the platform: database, server and gateway, each started again when it ends.
 * @throws CliError: DATA_IN_USE, DATA_UNFINISHED, DATA_NOT_WRITABLE, PORT_TAKEN, PORT_REFUSED, NOT_STARTED; PostgresError
 */
export async function up(settings: PlatformSettings, options: UpOptions = {}): Promise<Platform> {
  const begun = performance.now()
  const folder = openDataFolder(settings.dataDir)
  const lock = await claim(folder)
  const journal = openJournal(folder.logsDir)
  const giveUp = options.giveUp ?? new AbortController().signal
  // In the order of starting; stopped in the reverse order.
  const parts: { database?: Kept; server?: Kept; gateway?: Kept } = {}
  const done = Promise.withResolvers<void>()
  const url = addressOf(settings.host, settings.port)
  const gatewayUrl = addressOf(gatewayHost(settings), settings.gatewayPort)
  let processes: Processes = {}
  // Written at the spawn, not when ready: a supervisor killed in between must not leave a process that nobody knows.
  const onSpawn = (name: PartName, pid: number): void => {
    const identity = identify(pid)
    if (identity) processes = { ...processes, [name]: identity }
    writeRecord(folder, { supervisor: self(), url, gatewayUrl, processes, embedded: !settings.databaseUrl })
  }

  async function startDatabase(): Promise<string> {
    let address = ''
    const part = databasePart(folder, journal, (url, pid) => {
      address = url
      onSpawn('database', pid)
    })
    parts.database = await keepRunning(part, journal, giveUp)
    return address
  }

  async function startProgram(program: Program<'server' | 'gateway'>, either: AbortSignal): Promise<void> {
    const part = programPart({
      ...program,
      onSpawn: (pid) => onSpawn(program.name, pid),
      ...(options.onAdminToken ? { onAdminToken: options.onAdminToken } : {}),
    })
    parts[program.name] = await keepRunning(part, journal, either)
  }

  async function stopAll(): Promise<void> {
    await parts.gateway?.stop()
    await parts.server?.stop()
    await parts.database?.stop()
    if (Object.keys(processes).length > 0) removeRecord(folder)
    lock.release()
    journal.write('stopped', {})
    done.resolve()
  }

  try {
    const cleared = await clearLeftovers(folder)
    if (cleared > 0)
      journal.write('cleared', { processes: cleared }, `${cleared} processes of a killed start have ended`)
    const patienceMs = readRecord(folder) ? 2000 : 0
    await requirePort(settings.host, settings.port, '--port', patienceMs)
    await requirePort(gatewayHost(settings), settings.gatewayPort, '--gateway-port', patienceMs)
    const abandon = new AbortController()
    const either = AbortSignal.any([giveUp, abandon.signal])
    const databaseUrl = settings.databaseUrl ? Promise.resolve(settings.databaseUrl) : startDatabase()
    const [server, gateway] = describePrograms(settings, folder, databaseUrl, options)
    // The server reads its code while the database starts. The gateway, which needs the server, comes when a processor is free.
    const starts = [databaseUrl, startProgram(server, either), databaseUrl.then(() => startProgram(gateway, either))]
    // One that fails is reason enough not to wait for the others, but all must be settled before anything is stopped.
    await Promise.all(starts).catch(async (error: unknown) => {
      abandon.abort()
      await Promise.allSettled(starts)
      throw error
    })
  } catch (error) {
    journal.write('start-failed', { reason: error instanceof Error ? error.message : String(error) })
    await stopAll()
    throw error
  }

  const startedInMs = Math.round(performance.now() - begun)
  journal.write('ready', { url, gatewayUrl, ms: startedInMs })
  let stopping: Promise<void> | undefined
  return {
    url,
    gatewayUrl,
    dataDir: folder.path,
    startedInMs,
    stop: () => (stopping ??= stopAll()),
    wait: () => done.promise,
    pids: () => ({ database: parts.database?.pid(), server: parts.server?.pid(), gateway: parts.gateway?.pid() }),
    kill: () => {
      for (const name of ['gateway', 'server', 'database'] as const) {
        const pid = parts[name]?.pid()
        // SIGQUIT is PostgreSQL's own emergency stop; SIGKILL would leave its children to find out.
        if (pid !== undefined) process.kill(pid, name === 'database' ? 'SIGQUIT' : 'SIGKILL')
      }
    },
  }
}
