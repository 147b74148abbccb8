import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Account, databaseAccount, spawnAs } from './account.ts'
import { type Binaries, unpackBinaries } from './binaries.ts'
import { DATABASE_ENVIRONMENT, ensureCluster, PRODUCT } from './cluster.ts'
import { postgresError } from './errors.ts'
import { takeLock } from './lock.ts'
import { choosePlace, makePassable, type Place } from './place.ts'
import { clearDead, decideLeftover, isPostmaster, type LockFile, readLockFile, stopPostmaster } from './postmaster.ts'
import { type Durability, serverArguments } from './settings.ts'

export interface StartOptions {
  /** Folder of this database alone (password, lock, cluster); created when missing. */
  readonly dataDir: string
  /** Where the server is unpacked once per version; `.local` of the clone by default. */
  readonly cacheDir?: string
  /** Receives what PostgreSQL writes; `postgres.log` in `dataDir` by default. */
  readonly logFile?: string
  /** `throwaway` is for tests only. */
  readonly durability?: Durability
}

export interface RunningPostgres {
  /** Connection string of the product's role and database, over a Unix socket. Contains the password: never log it. */
  readonly url: string
  readonly pid: number
  /** True when the server was already running, left by a process that was killed. */
  readonly adopted: boolean
  /** Resolves when the server has ended, for whatever reason. Waiting for it does not keep this process alive; `stop` does. */
  readonly exited: Promise<void>
  /** Ends the server cleanly. Whoever started or adopted it may call this; without it the server outlives this process. */
  stop(): Promise<void>
}

const READY_SECONDS = 60 // replaying a long log after a crash takes its time

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8).join('\n') : ''
}

/** Finds the server that an earlier process left running, and clears away what a dead one left. */
async function settle(place: Place, logFile: string): Promise<LockFile | undefined> {
  const deadline = Date.now() + READY_SECONDS * 1000
  for (;;) {
    const lock = readLockFile(place.cluster)
    const leftover = decideLeftover(lock, lock.kind === 'held' && isPostmaster(lock.pid, place.cluster))
    switch (leftover.kind) {
      case 'none':
        return undefined
      case 'clear':
        await clearDead(place)
        return undefined
      case 'adopt':
        return leftover.lock
      case 'wait':
        if (Date.now() > deadline) throw postgresError('NOT_READY', READY_SECONDS, logFile)
        await sleep(20)
    }
  }
}

/** Waits for our new server to say that it is ready; `ended` says that it is gone. */
async function waitReady(cluster: string, logFile: string, ended: () => boolean): Promise<LockFile> {
  const deadline = Date.now() + READY_SECONDS * 1000
  for (;;) {
    const lock = readLockFile(cluster)
    if (lock.kind === 'held' && lock.ready && isPostmaster(lock.pid, cluster)) return lock
    if (ended()) throw postgresError('SERVER_EXITED', logFile, lastLines(logFile))
    if (Date.now() > deadline) throw postgresError('NOT_READY', READY_SECONDS, logFile)
    await sleep(5)
  }
}

/** A server and the end of it. */
interface Watched {
  readonly lock: LockFile
  readonly exited: Promise<void>
  /** Makes this process live until `exited`; before, the server keeps no process alive. */
  hold(): void
}

async function launch(
  account: Account,
  binaries: Binaries,
  place: Place,
  logFile: string,
  durability: Durability,
): Promise<Watched> {
  const log = openSync(logFile, 'a', 0o600)
  // Detached: a Ctrl-C in the terminal reaches the supervisor alone, which ends things in order.
  const child = spawn(binaries.postgres, serverArguments(place, durability), {
    ...spawnAs(account),
    env: DATABASE_ENVIRONMENT,
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  let ended = false
  const exited = new Promise<void>((done) => {
    child.once('exit', () => done())
    child.once('error', () => done())
  }).then(() => {
    ended = true
  })
  const lock = await waitReady(place.cluster, logFile, () => ended)
  child.unref()
  return { lock, exited, hold: () => child.ref() }
}

/** Polls, because the server is another process's child. */
function watchAdopted(lock: LockFile, cluster: string): Watched {
  const gone = Promise.withResolvers<void>()
  const timer = setInterval(() => {
    if (isPostmaster(lock.pid, cluster)) return
    clearInterval(timer)
    gone.resolve()
  }, 100)
  timer.unref()
  return { lock, exited: gone.promise, hold: () => timer.ref() }
}

function urlOf(lock: LockFile, password: string): string {
  // "localhost" only makes it a URL that every parser accepts; the parameter names the socket and wins.
  return `postgres://${PRODUCT}:${password}@localhost/${PRODUCT}?host=${encodeURIComponent(lock.socketDir)}&port=${lock.port}`
}

/**
 * Starts the embedded PostgreSQL of a folder, or adopts the one that already runs there.
 * First start 0.9 s (unpacking, initdb), later ones 0.05 s. Several processes may call it for the same folder.
 * @throws PostgresError with a code and what to do
 */
export async function startPostgres(options: StartOptions): Promise<RunningPostgres> {
  const account = databaseAccount()
  const durability = options.durability ?? 'durable'
  const place = choosePlace(resolve(options.dataDir), account)
  const logFile = resolve(options.logFile ?? join(place.home, 'postgres.log'))
  makePassable(dirname(logFile))
  const starting = await takeLock(join(place.home, 'start.lock'))
  try {
    const running = await settle(place, logFile)
    const orphaned = running !== undefined && !existsSync(join(place.home, 'password'))
    if (orphaned) await stopPostmaster(running.pid, place.cluster)
    const binaries = unpackBinaries(account, options.cacheDir)
    const password = await ensureCluster(account, binaries, place, durability)
    const adopted = running !== undefined && !orphaned
    const { lock, exited, hold } = adopted
      ? watchAdopted(running, place.cluster)
      : await launch(account, binaries, place, logFile, durability)
    return {
      url: urlOf(lock, password),
      pid: lock.pid,
      adopted,
      exited,
      stop: async () => {
        hold()
        await stopPostmaster(lock.pid, place.cluster)
        await exited
      },
    }
  } finally {
    starting.release()
  }
}
