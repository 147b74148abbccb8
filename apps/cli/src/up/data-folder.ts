import { randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Lock, makePassable, tryLock } from '@tidemark/postgres'
import { cliError } from '../errors.ts'
import { identify, isAlive, type ProcessIdentity } from './process-table.ts'

/** The parts of the state folder that the supervisor itself uses. */
export interface DataFolder {
  readonly path: string
  /** Private: pids, the internal token. */
  readonly runDir: string
  readonly logsDir: string
}

export type PartName = 'database' | 'server' | 'gateway'
export type Processes = { readonly [Name in PartName]?: ProcessIdentity }

/** What `run/platform.json` says of a running platform, for other commands. */
export interface PlatformRecord {
  readonly supervisor: ProcessIdentity
  readonly url: string
  readonly gatewayUrl: string
  /** The latest process of each part: what a killed supervisor leaves. */
  readonly processes: Processes
  /** Whether the platform's database is the embedded one; absent in records of older releases, where it is not known. */
  readonly embedded?: boolean
}

function layout(path: string): DataFolder {
  return { path, runDir: join(path, 'run'), logsDir: join(path, 'logs') }
}

/** Creates what is missing. Others may pass through the folder to what they own in it, but not list it. @throws DATA_NOT_WRITABLE */
export function openDataFolder(path: string): DataFolder {
  const folder = layout(path)
  try {
    makePassable(path)
    accessSync(path, constants.W_OK | constants.X_OK)
    for (const own of [folder.runDir, folder.logsDir]) {
      mkdirSync(own, { recursive: true })
      chmodSync(own, 0o700)
    }
  } catch (error) {
    throw cliError('DATA_NOT_WRITABLE', path, error instanceof Error ? error.message : String(error))
  }
  return folder
}

const recordFile = (folder: DataFolder): string => join(folder.runDir, 'platform.json')

function isRecord(value: unknown): value is PlatformRecord {
  return typeof value === 'object' && value !== null && 'supervisor' in value && 'url' in value && 'processes' in value
}

/** The record of the platform that runs, or ran last, in this folder. */
export function readRecord(folder: DataFolder): PlatformRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(recordFile(folder), 'utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The same for a folder that may not exist; creates nothing. */
export function openRecord(path: string): PlatformRecord | undefined {
  return readRecord(layout(path))
}

/** Written beside and renamed, so that a reader sees all of it or the one before. */
export function writeRecord(folder: DataFolder, record: PlatformRecord): void {
  const file = recordFile(folder)
  writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Forgets the platform that ran on the folder; nothing when there was none. */
export function removeRecord(folder: DataFolder): void {
  rmSync(recordFile(folder), { force: true })
}

/** Stands in a folder from the beginning of a restore to its end. */
export const UNFINISHED = 'restore-unfinished'

/** The folder's lock, when no platform runs on it. */
export function tryClaim(folder: DataFolder): Promise<Lock | undefined> {
  return tryLock(join(folder.runDir, 'supervisor.lock'))
}

/** Makes this process the folder's only supervisor until it ends. @throws DATA_IN_USE, DATA_UNFINISHED */
export async function claim(folder: DataFolder): Promise<Lock> {
  if (existsSync(join(folder.runDir, UNFINISHED))) throw cliError('DATA_UNFINISHED', folder.path)
  const lock = await tryClaim(folder)
  if (lock) return lock
  const record = readRecord(folder)
  const by =
    record && isAlive(record.supervisor)
      ? `pid ${record.supervisor.pid} (${record.url})`
      : 'a platform that is starting'
  throw cliError('DATA_IN_USE', folder.path, by)
}

/**
 * Waits for the server and the gateway of a supervisor that was killed: they end by themselves when they notice, and are made to
 * when they do not. Two servers over one folder must never be.
 */
export async function clearLeftovers(folder: DataFolder): Promise<number> {
  const { server, gateway } = readRecord(folder)?.processes ?? {}
  const left = [server, gateway].filter((found) => found !== undefined).filter(isAlive)
  const started = Date.now()
  for (let waiting = left; waiting.length > 0; waiting = waiting.filter(isAlive)) {
    const waited = Date.now() - started
    const signal = waited > 6000 ? 'SIGKILL' : waited > 3000 ? 'SIGTERM' : undefined
    for (const { pid } of signal ? waiting.filter(isAlive) : []) process.kill(pid, signal)
    if (waited > 15_000)
      throw cliError('DATA_IN_USE', folder.path, `pid ${waiting[0]?.pid}, left by an earlier start and not ending`)
    await sleep(20)
  }
  return left.length
}

/** The secret that server and gateway share: 256 bits, made once per data folder. */
export function internalToken(folder: DataFolder): string {
  const file = join(folder.runDir, 'internal-token')
  if (!existsSync(file)) {
    writeFileSync(`${file}.new`, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
  return readFileSync(file, 'utf8').trim()
}

/** This process, for the record. */
export function self(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, startTicks: '' }
}
