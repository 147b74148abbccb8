import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { workerError } from './errors.ts'

/** The folder of the clone or release that this code runs from. */
export const CLONE = resolve(import.meta.dirname, '../../..')

/** As root, model code runs under this uid: unassigned on Debian, unequal to the database's. It needs no passwd entry. */
const WORKER_UID = 64_101

/** The user that Python workers run as. `drop` is absent when that is the current user: then nothing is contained. */
export interface Account {
  readonly uid: number
  readonly drop?: { readonly uid: number; readonly gid: number }
}

/** As root: a uid of the workers' own. Otherwise: the current user. */
export function workerAccount(): Account {
  const uid = process.getuid?.() ?? WORKER_UID
  return uid === 0 ? { uid: WORKER_UID, drop: { uid: WORKER_UID, gid: WORKER_UID } } : { uid }
}

/**
 * Whether the account may run the file or enter the folder: asked of the kernel, since mode bits do not tell of parents,
 * access lists and mounts.
 * @throws CANNOT_DROP_ROOT
 */
export function canReach(account: Account, path: string): boolean {
  const probe = spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { ...account.drop, cwd: '/', stdio: 'ignore' })
  if (probe.error) throw workerError('CANNOT_DROP_ROOT', probe.error.message)
  return probe.status === 0
}

/**
 * The folder that holds what workers read: `.local` of the clone, or one in /var/tmp when the workers' user cannot enter the
 * clone (root below a home of mode 700).
 * @throws FOREIGN_FOLDER
 */
export function cacheFolder(account: Account = workerAccount(), clone: string = CLONE): string {
  const inside = join(clone, '.local')
  mkdirSync(inside, { recursive: true, mode: 0o755 })
  if (canReach(account, inside)) return inside
  return ownedFolder(join('/var/tmp', `tidemark-${createHash('sha256').update(clone).digest('hex').slice(0, 8)}`))
}

/** A folder of the current user's in a place where anyone may create one. */
function ownedFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== process.getuid?.()) throw workerError('FOREIGN_FOLDER', folder)
  chmodSync(folder, 0o755)
  return folder
}
