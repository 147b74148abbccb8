import { closeSync, existsSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresError } from './errors.ts'

/** A lock that the kernel drops when its holder ends, however it ends. */
export interface Lock {
  release(): void
}

/** `shared` may be held by many at once, `exclusive` by one and only while nobody shares it. */
export type LockMode = 'shared' | 'exclusive'

/**
 * Takes a lock on a file, or returns undefined when another process holds it.
 * An empty SQLite database stands for the file because Node offers no flock: its locks are fcntl locks of the kernel.
 */
export async function tryLock(file: string, mode: LockMode = 'exclusive'): Promise<Lock | undefined> {
  const { DatabaseSync } = await import('node:sqlite')
  // Private, because whoever may read the file may also hold a shared lock on it. Only when it is new: the kernel drops all locks that a
  // process has on a file when the process closes any descriptor of it.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600))
  const database = new DatabaseSync(file)
  try {
    database.exec('PRAGMA busy_timeout = 0')
    if (mode === 'exclusive') database.exec('BEGIN EXCLUSIVE')
    else {
      database.exec('BEGIN')
      database.prepare('SELECT count(*) FROM sqlite_schema').get()
    }
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined
    throw error
  }
}

/** Waits for a lock up to `timeoutSeconds`. @throws LOCKED */
export async function takeLock(file: string, mode: LockMode = 'exclusive', timeoutSeconds = 60): Promise<Lock> {
  const deadline = Date.now() + timeoutSeconds * 1000
  for (;;) {
    const lock = await tryLock(file, mode)
    if (lock) return lock
    if (Date.now() > deadline) throw postgresError('LOCKED', file)
    await sleep(25)
  }
}
