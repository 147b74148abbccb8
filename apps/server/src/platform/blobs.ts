import { randomUUID } from 'node:crypto'
import { chmodSync, createReadStream, existsSync } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { IncomingMessage } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { finished, Readable } from 'node:stream'
import { Digest } from '@tidemark/contracts'
import type { BlobColumns } from './blobColumns.ts'
import { BlobFile } from './blobFile.ts'
import { type Queryable, sql } from './db.ts'
import { BlobNotFound, BlobSwept, DiskFull } from './errors.ts'
import type { Migration } from './migrations.ts'

export const blobMigrations: readonly Migration[] = [
  {
    id: '0002-blobs',
    sql: `
      -- Bytes are stored once; a workspace reads only what it was granted.
      create table blob_grant (
        workspace text not null, digest text not null, bytes bigint not null, created_at timestamptz not null default now(),
        primary key (workspace, digest)
      );
    `,
  },
]

export const grantBlobColumns: BlobColumns = {
  'blob_grant.digest': { not: 'lets a workspace read what others own, and goes with the last owner' },
}

/** Read in one call; 1 MiB takes half of the CPU that 64 KiB takes. */
const READ_BYTES = 1024 * 1024
/** Model code has a user of its own, and is given copies of what it may read. */
const PRIVATE = 0o700

export interface Blob {
  readonly digest: string
  readonly bytes: number
}

/** A piece of a file that is not complete yet. */
export interface Part {
  /** Another one each time that a piece is written. */
  readonly tag: string
  readonly file: string
}

/** First number of the advisory locks of the store; any constant does. */
const LOCK = 7_301_554

/** Digests are locked in sixteen groups, by their first digit: a sweep stops uploads to one of them for as long as it deletes there. */
export const LOCK_GROUPS: readonly string[] = [...'0123456789abcdef']
export const lockKeys = (group: string) => sql`${LOCK}::int, ${Number.parseInt(group, 16)}::int`
/** Makes every sweep leave all blobs, until the session ends: what a backup has listed must be there when it comes to copy it. */
export const HOLD_SWEEPS = `select pg_advisory_lock_shared(${LOCK}, g) from generate_series(0, ${LOCK_GROUPS.length - 1}) g`
const hexOf = (digest: string) => Digest.parse(digest).slice('sha256:'.length)

/** Content-addressed store on disk. What it acknowledged is on the disk: file and folder are synced before the name appears. */
export class Blobs {
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
    // Made by a release that let the workers' user in.
    if (existsSync(folder)) chmodSync(folder, PRIVATE)
  }

  /** Stores a stream, a buffer or text, and grants it to the workspace in the caller's transaction. Storing the same bytes twice is free. */
  async put(tx: Queryable, workspace: string, content: Readable | Uint8Array | string): Promise<Blob> {
    const blob = await this.write(content)
    await this.grant(tx, workspace, blob)
    return blob
  }

  /**
   * Stores bytes without granting them; for work that must not hold a transaction open. Grant before anybody is told of it.
   * @throws DiskFull when there is no room; then, as after any error, nothing of it is left.
   */
  async write(content: Readable | Uint8Array | string): Promise<Blob> {
    const temporary = await this.newTemporary()
    try {
      const written = await writeFile(temporary, content, 'blob')
      const blob = { digest: written.digest(), bytes: written.bytes }
      await this.keep(temporary, blob.digest)
      return blob
    } catch (error) {
      throw told(error)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Keeps a piece of a later blob, without a name and unsynced: it does not outlive the server. */
  async writePart(content: Readable | Uint8Array): Promise<Part> {
    const file = await this.newTemporary()
    try {
      await writeFile(file, content, 'part')
      return { file, tag: basename(file) }
    } catch (error) {
      await rm(file, { force: true })
      throw told(error)
    }
  }

  /** The bytes of parts, one after the other. */
  readParts(parts: readonly Part[]): Readable {
    const bytes = async function* () {
      for (const { file } of parts) yield* createReadStream(file, { highWaterMark: READ_BYTES })
    }
    return Readable.from(bytes(), { objectMode: false, highWaterMark: READ_BYTES })
  }

  async dropPart(part: Part): Promise<void> {
    await rm(part.file, { force: true })
  }

  private async newTemporary(): Promise<string> {
    await mkdir(this.temporary(), { recursive: true, mode: PRIVATE })
    return join(this.temporary(), randomUUID())
  }

  /** Gives written bytes their name. A file that has it already is as good: its age counts anew, so that no sweep takes it for forgotten. */
  private async keep(temporary: string, digest: string): Promise<void> {
    const path = this.path(digest)
    const now = new Date()
    const known = await utimes(path, now, now).then(
      () => true,
      () => false,
    )
    if (!known) {
      const made = await mkdir(dirname(path), { recursive: true, mode: PRIVATE })
      if (made !== undefined) await syncFolder(this.folder)
      await rename(temporary, path)
    }
    // Also when the file was known: whoever wrote it at the same time may not have come so far.
    await syncFolder(dirname(path))
  }

  /**
   * Lets a workspace read a blob, in the caller's transaction. Until that ends no sweep deletes the blob.
   * @throws BlobSwept when a sweep took the bytes since they were written
   */
  async grant(tx: Queryable, workspace: string, blob: Blob): Promise<void> {
    // The lock is taken in the same statement, so that it also holds where the caller has no transaction.
    await sql`
      insert into blob_grant (workspace, digest, bytes)
      select ${workspace}, ${blob.digest}, ${blob.bytes}::bigint from (select pg_advisory_xact_lock_shared(${lockKeys(hexOf(blob.digest).charAt(0))})) held
      on conflict do nothing`.execute(tx)
    if (!(await exists(this.path(blob.digest)))) throw BlobSwept()
  }

  /** Removes what uploads left that broke off when the server ended. To be called before the first upload. */
  async clearTemporary(): Promise<void> {
    await rm(this.temporary(), { recursive: true, force: true })
  }

  /** Digests of all stored blobs whose first digit is `group`, a folder's worth at a time. */
  async *stored(group: string): AsyncGenerator<string[]> {
    for (const second of LOCK_GROUPS) {
      const names = await readdir(join(this.folder, group + second)).catch(() => [])
      yield names.map((name) => `sha256:${name}`)
    }
  }

  /** Size and time of last writing of a stored file; null when there is none. */
  async look(digest: string): Promise<{ bytes: number; writtenAt: Date } | null> {
    const found = await stat(this.path(digest)).catch(() => null)
    return found && { bytes: found.size, writtenAt: found.mtime }
  }

  /** Deletes the bytes, for good. Only a sweep may, under the lock of the digest's group. */
  async delete(digest: string): Promise<void> {
    await rm(this.path(digest), { force: true })
  }

  /** Size of a blob of the workspace. @throws BlobNotFound when the workspace has no grant. */
  async stat(db: Queryable, workspace: string, digest: string): Promise<Blob> {
    const { rows } = await sql<{
      bytes: number
    }>`select bytes from blob_grant where workspace = ${workspace} and digest = ${digest}`.execute(db)
    if (!rows[0]) throw BlobNotFound(digest)
    return { digest, bytes: rows[0].bytes }
  }

  /** Opens the file of a blob of the workspace; who calls closes it. @throws BlobNotFound without a grant, or when the bytes are gone. */
  async openFile(db: Queryable, workspace: string, digest: string): Promise<FileHandle> {
    await this.stat(db, workspace, digest)
    return open(this.path(digest)).catch(() => {
      throw BlobNotFound(digest)
    })
  }

  /** Opens a blob of the workspace; `range` is inclusive, in bytes. @throws BlobNotFound without a grant, or when the bytes are gone. */
  async open(
    db: Queryable,
    workspace: string,
    digest: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<{ stream: Readable; bytes: number }> {
    const { bytes } = await this.stat(db, workspace, digest)
    // Opened before the stream is handed out: what is missing is an error of the caller's, not of a reply that has begun.
    const file = await this.openFile(db, workspace, digest)
    return { stream: file.createReadStream({ ...range, highWaterMark: READ_BYTES }), bytes }
  }

  /** Removes every blob there is. Nothing may be writing. */
  async clear(): Promise<void> {
    const entries = await readdir(this.folder).catch(() => [])
    await Promise.all(entries.map((entry) => rm(join(this.folder, entry), { recursive: true, force: true })))
  }

  /** Where the bytes lie; for trusted processes of this machine. Only a checked digest becomes a path. */
  path(digest: string): string {
    const hex = hexOf(digest)
    return join(this.folder, hex.slice(0, 2), hex)
  }

  private temporary(): string {
    return join(this.folder, 'tmp')
  }
}

const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** What the caller is told of an error of the disk. */
function told(error: unknown): unknown {
  return NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '') ? DiskFull() : error
}

/** Writes a new file. A blob is hashed and synced; a part is neither: both are done once, when parts become one file. */
async function writeFile(
  path: string,
  content: Readable | Uint8Array | string,
  what: 'blob' | 'part',
): Promise<BlobFile> {
  const file = await open(path, 'wx', 0o640)
  // Of a request nobody else has the pieces; what others give may be in use elsewhere.
  const pieces = content instanceof IncomingMessage ? 'own' : 'others'
  const end = new BlobFile(file, what === 'blob' ? 'hashed' : 'unhashed', pieces)
  try {
    const source =
      content instanceof Readable
        ? content
        : Readable.from([typeof content === 'string' ? Buffer.from(content) : content])
    await pour(source, end)
    if (what === 'blob') await end.sync()
    return end
  } finally {
    await end.settle()
    await file.close()
  }
}

/**
 * Pours a stream into a file. When the disk refuses, a request is left as it is: were it destroyed, as `pipeline` does, its sender would see a
 * broken line in place of the answer.
 */
function pour(source: Readable, end: BlobFile): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      source.unpipe(end)
      if (!(source instanceof IncomingMessage)) source.destroy()
      end.destroy(error)
    }
    finished(source, { writable: false }, (error) => error && fail(error))
    end.once('error', fail)
    end.once('close', () => (end.writableFinished ? resolve() : reject(end.errored)))
    source.pipe(end)
  })
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
