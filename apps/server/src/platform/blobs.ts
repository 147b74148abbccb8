import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Digest } from '@tidemark/contracts'
import { type Queryable, sql } from './db.ts'
import { BlobNotFound } from './errors.ts'
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

export interface Blob {
  readonly digest: string
  readonly bytes: number
}

/** Content-addressed store on disk. What it acknowledged is on the disk: file and folder are synced before the name appears. */
export class Blobs {
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Stores a stream, a buffer or text, and grants it to the workspace in the caller's transaction. Storing the same bytes twice is free. */
  async put(tx: Queryable, workspace: string, content: Readable | Uint8Array | string): Promise<Blob> {
    const blob = await this.write(content)
    await this.grant(tx, workspace, blob)
    return blob
  }

  /** Stores bytes without granting them; for work that must not hold a transaction open. Grant before anybody is told of it. */
  async write(content: Readable | Uint8Array | string): Promise<Blob> {
    const temporary = join(this.folder, 'tmp', randomUUID())
    await mkdir(dirname(temporary), { recursive: true })
    const hash = createHash('sha256')
    let bytes = 0
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        bytes += chunk.length
        done(null, chunk)
      },
    })
    const source =
      content instanceof Readable
        ? content
        : Readable.from([typeof content === 'string' ? Buffer.from(content) : content])
    try {
      await pipeline(source, measure, createWriteStream(temporary, { flush: true, mode: 0o640 }))
      const digest = `sha256:${hash.digest('hex')}`
      const path = this.path(digest)
      if (!(await exists(path))) {
        await mkdir(dirname(path), { recursive: true })
        await rename(temporary, path)
        await syncFolder(dirname(path))
      }
      return { digest, bytes }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async grant(tx: Queryable, workspace: string, blob: Blob): Promise<void> {
    await sql`insert into blob_grant (workspace, digest, bytes) values (${workspace}, ${blob.digest}, ${blob.bytes}) on conflict do nothing`.execute(
      tx,
    )
  }

  /** Size of a blob of the workspace. @throws BlobNotFound when the workspace has no grant. */
  async stat(db: Queryable, workspace: string, digest: string): Promise<Blob> {
    const { rows } = await sql<{
      bytes: number
    }>`select bytes from blob_grant where workspace = ${workspace} and digest = ${digest}`.execute(db)
    if (!rows[0]) throw BlobNotFound(digest)
    return { digest, bytes: rows[0].bytes }
  }

  /** Opens a blob of the workspace; `range` is inclusive, in bytes. */
  async open(
    db: Queryable,
    workspace: string,
    digest: string,
    range?: { start: number; end: number },
  ): Promise<{ stream: Readable; bytes: number }> {
    const { bytes } = await this.stat(db, workspace, digest)
    return { stream: createReadStream(this.path(digest), range ?? {}), bytes }
  }

  /** Removes every blob there is. Nothing may be writing. */
  async clear(): Promise<void> {
    const entries = await readdir(this.folder).catch(() => [])
    await Promise.all(entries.map((entry) => rm(join(this.folder, entry), { recursive: true, force: true })))
  }

  /** Where the bytes lie; for trusted processes of this machine. Only a checked digest becomes a path. */
  path(digest: string): string {
    const hex = Digest.parse(digest).slice('sha256:'.length)
    return join(this.folder, hex.slice(0, 2), hex)
  }
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
