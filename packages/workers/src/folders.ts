import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { workerError } from './errors.ts'
import { type Account, CLONE, canReach } from './place.ts'

/** What workers import beside their environment: the worker itself and the SDK. */
const SOURCES = ['python/worker/tidemark_worker', 'python/sdk/src/tidemark']

/**
 * A copy of the worker's and the SDK's code below `cache`, named for its content, which the workers' user may read wherever the
 * clone lies; the value for PYTHONPATH.
 */
export function stageSources(cache: string): string {
  const hash = createHash('sha256')
  for (const source of SOURCES)
    for (const file of pythonFiles(join(CLONE, source)))
      hash.update(file.slice(CLONE.length)).update(readFileSync(file))
  const staged = join(cache, 'python', hash.digest('hex').slice(0, 16))
  if (lstatSync(staged, { throwIfNoEntry: false })) return staged
  mkdirSync(join(cache, 'python'), { recursive: true, mode: 0o755 })
  const scratch = mkdtempSync(join(cache, 'python', 'new-'))
  for (const source of SOURCES) {
    const from = join(CLONE, source)
    cpSync(from, join(scratch, from.slice(from.lastIndexOf('/') + 1)), {
      recursive: true,
      filter: (path) => !path.endsWith('__pycache__'),
    })
  }
  openForReading(scratch)
  try {
    renameSync(scratch, staged)
  } catch {
    // Another process staged the same files first.
    rmSync(scratch, { recursive: true, force: true })
  }
  return staged
}

function pythonFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.py'))
    .sort()
    .map((name) => join(folder, name))
}

function openForReading(path: string): void {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return
  chmodSync(path, found.isDirectory() ? 0o755 : 0o644)
  if (found.isDirectory()) for (const name of readdirSync(path)) openForReading(join(path, name))
}

/**
 * Gives a folder and what lies in it to the workers' user. A file with a second name elsewhere keeps its owner: it may be the blob
 * store's.
 */
export function giveToWorkers(account: Account, path: string): void {
  if (!account.drop) return
  const found = lstatSync(path)
  if (found.isFile() && found.nlink > 1) return
  if (found.isSymbolicLink()) lchownSync(path, account.drop.uid, account.drop.gid)
  else chownSync(path, account.drop.uid, account.drop.gid)
  if (found.isDirectory()) for (const name of readdirSync(path)) giveToWorkers(account, join(path, name))
}

/** A new folder of the workers' user, named for the process whose task it is for. */
export function workerFolder(account: Account, parent: string): string {
  const folder = mkdtempSync(join(parent, `${process.pid}-`))
  giveToWorkers(account, folder)
  return folder
}

/** The folder for tasks, without what processes left in it that were killed. */
export function taskFolder(cache: string): string {
  const folder = join(cache, 'tasks')
  mkdirSync(folder, { recursive: true, mode: 0o711 })
  chmodSync(folder, 0o711)
  for (const name of readdirSync(folder))
    if (!lstatSync(`/proc/${Number.parseInt(name, 10)}`, { throwIfNoEntry: false }))
      rmSync(join(folder, name), { recursive: true, force: true })
  return folder
}

/** Copies a file or folder to where the workers' user owns it, so that it can read it whatever its modes were. */
export function copyForWorkers(account: Account, from: string, to: string): string {
  cpSync(from, to, { recursive: true, dereference: true })
  giveToWorkers(account, to)
  return to
}

/** @throws WORK_UNREACHABLE when the workers' user cannot enter the folder. */
export function requireReach(account: Account, folder: string): void {
  if (account.drop && !canReach(account, folder)) throw workerError('WORK_UNREACHABLE', folder)
}
