import { createHash } from 'node:crypto'
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { type Account, canReach, databaseAccount } from './account.ts'
import { postgresError } from './errors.ts'

/** The folder of the clone or release that this code runs from. */
export const CLONE = resolve(import.meta.dirname, '../../..')

/** Where one database keeps its files. */
export interface Place {
  /** Given by the caller; holds the password and the lock, which only the caller's user reads. */
  readonly home: string
  /** PostgreSQL's own data, owned by the database account, mode 700. */
  readonly cluster: string
  /** Holds the Unix socket; short enough for the kernel's limit of 107 bytes. */
  readonly socketDir: string
  /** First part of the title of every process of this cluster, as `ps` shows it. */
  readonly clusterName: string
}

/** The first digits of the SHA-256 of a path: names what belongs to that path elsewhere. */
export function pathHash(path: string, digits = 8): string {
  return createHash('sha256').update(path).digest('hex').slice(0, digits)
}

/** Creates a folder and its missing parents so that other users may pass through, whatever the umask says. */
export function makePassable(folder: string): void {
  if (existsSync(folder)) return
  makePassable(dirname(folder))
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o711)
}

/** A folder of the current user in a place where anyone may create one. @throws FOREIGN_FOLDER */
function ownedFolder(folder: string, mode: number): string {
  mkdirSync(folder, { recursive: true, mode })
  const found = lstatSync(folder)
  if (!found.isDirectory() || found.uid !== process.getuid?.()) throw postgresError('FOREIGN_FOLDER', folder)
  chmodSync(folder, mode)
  return folder
}

/** Where the database of `home` lives when its account cannot enter that folder. */
function outsideOf(home: string): string {
  return `/var/tmp/tidemark-${pathHash(CLONE)}/database-${pathHash(home)}`
}

/** Where files live that another account must read when it cannot enter the clone (root below a mode-700 home). */
export function reachableFallback(): string {
  return ownedFolder(`/var/tmp/tidemark-${pathHash(CLONE)}`, 0o755)
}

/** Decides where the cluster and its socket live, and creates the folders around them. */
export function choosePlace(home: string, account: Account): Place {
  makePassable(home)
  const outside = !canReach(account, home)
  const base = outside ? ownedFolder(join(reachableFallback(), basename(outsideOf(home))), 0o711) : home
  // The socket's full name, with "/.s.PGSQL.5432.lock", must fit into sockaddr_un.
  const inside = join(base, 'socket')
  const short = `/tmp/tidemark-${pathHash(base)}/socket`
  const socketDir = Buffer.byteLength(inside) <= 80 ? inside : short
  if (socketDir === short) ownedFolder(dirname(short), 0o711)
  mkdirSync(socketDir, { recursive: true, mode: 0o700 })
  if (account.drop) chownSync(socketDir, account.drop.uid, account.drop.gid)
  return {
    home,
    cluster: join(base, 'cluster'),
    socketDir,
    clusterName: `tidemark-${pathHash(join(base, 'cluster'), 12)}`,
  }
}

/**
 * Removes everything of the database of `dataDir`, also what lies outside of it because the database account could not enter.
 * The database must be stopped.
 */
export function eraseDatabase(dataDir: string): void {
  const home = resolve(dataDir)
  const outside = outsideOf(home)
  if (existsSync(outside) && lstatSync(outside).uid === process.getuid?.())
    rmSync(outside, { recursive: true, force: true })
  rmSync(home, { recursive: true, force: true })
}

/** What `startPostgres` would use, found out without creating anything. */
export interface DatabasePlan {
  /** The user of the database's processes. */
  readonly uid: number
  /** The folder that holds the database; outside of `dataDir` when that user cannot enter it. */
  readonly folder: string
  readonly outside: boolean
}

/** @throws NO_DATABASE_ACCOUNT, CANNOT_DROP_ROOT */
export function planDatabase(dataDir: string): DatabasePlan {
  const home = resolve(dataDir)
  const account = databaseAccount()
  let existing = home
  while (!existsSync(existing)) existing = dirname(existing)
  const outside = !canReach(account, existing)
  return { uid: account.uid, folder: outside ? outsideOf(home) : home, outside }
}
