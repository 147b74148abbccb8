import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { Blobs, HOLD_SWEEPS } from '../platform/blobs.ts'
import { dumpDatabase, lines } from './dump.ts'
import { BlobMissing } from './errors.ts'
import { backupsIn, FORMAT, type Manifest, writeManifest } from './manifest.ts'
import { linesOf, writePart } from './parts.ts'
import { Entry, Pool, sizeOf, syncFileSystem } from './pool.ts'

/** What of the data folder is not state: it is made anew, or is of this machine alone. */
const LEFT_OUT =
  /^(postgres|blobs|run|work|data-work|gateway(-\d+)?\/(blobs|models)|logs\/[^/]+\.log|tidemark\.config\.json)(\/|$)/

export interface BackupAsked {
  readonly databaseUrl: string
  readonly dataDir: string
  /** Holds all backups; created when missing. Nobody else writes to it meanwhile. */
  readonly target: string
  readonly release: string
  readonly now: () => Date
}

export interface BackupMade {
  readonly folder: string
  readonly manifest: Manifest
  /** Of blobs and files, what was not there from an earlier backup. */
  readonly copied: { readonly count: number; readonly bytes: number }
}

/**
 * Backs a platform up while it works: the database as at one instant, every blob that was granted then, and the files that only grow, which
 * hold at least what the database has read of them.
 * @throws BlobMissing and whatever the disk and the database throw; the backup is then without a manifest
 */
export async function backup(asked: BackupAsked): Promise<BackupMade> {
  const { dataDir, target, databaseUrl, now } = asked
  await mkdir(target, { recursive: true, mode: 0o700 })
  const killed = (await backupsIn(target)).filter(({ complete }) => !complete)
  for (const { name } of killed) await rm(join(target, name), { recursive: true })
  const pool = new Pool(target, killed.length > 0)
  await pool.tidy()
  const startedAt = now()
  const folder = join(target, startedAt.toISOString().replaceAll(/[-:.]/g, ''))
  await mkdir(folder, { mode: 0o700 })

  const client = new Client({ connectionString: databaseUrl, application_name: 'tidemark-backup' })
  client.on('error', () => {})
  await client.connect()
  try {
    // To the end: what the snapshot owns may lose its owner meanwhile, and must not be swept before it is copied.
    await client.query(HOLD_SWEEPS)
    const dumped = await dumpDatabase(client, folder)
    const copied = { count: 0, bytes: 0 }
    await copyBlobs(new Blobs(join(dataDir, 'blobs')), dataDir, folder, dumped.blobs.part, pool, copied)
    const files = { count: 0, bytes: 0 }
    const part = await writePart(folder, 'files.jsonl.zst', lines(copyFiles(dataDir, pool, files, copied)))
    await syncFileSystem(target)
    const manifest: Manifest = {
      format: FORMAT,
      tidemark: asked.release,
      startedAt: startedAt.toISOString(),
      endedAt: now().toISOString(),
      ...dumped,
      files: { ...files, part },
    }
    await writeManifest(folder, manifest)
    await syncFileSystem(target)
    return { folder, manifest, copied }
  } finally {
    await client.end()
  }
}

interface Count {
  count: number
  bytes: number
}

async function copyBlobs(
  blobs: Blobs,
  dataDir: string,
  folder: string,
  list: Manifest['blobs']['part'],
  pool: Pool,
  copied: Count,
): Promise<void> {
  for await (const line of linesOf(folder, list)) {
    const entry = Entry.parse(JSON.parse(line))
    if (await pool.has(entry)) continue
    const source = blobs.path(entry.digest)
    if ((await sizeOf(source)) === null) throw BlobMissing(entry.digest, dataDir, 'is missing')
    const taken = await pool.take(source)
    if (taken.digest !== entry.digest) throw BlobMissing(entry.digest, dataDir, 'has been changed')
    copied.count += 1
    copied.bytes += taken.bytes
  }
}

/** Copies what else is state, and names it. */
async function* copyFiles(dataDir: string, pool: Pool, files: Count, copied: Count): AsyncGenerator<Entry> {
  for await (const path of pathsBelow(dataDir, '')) {
    const size = await sizeOf(join(dataDir, path))
    // Ended between the look and the copy, as a file that is replaced by its next version is.
    if (size === null) continue
    const before = await pool.tell(join(dataDir, path), size)
    const known = await pool.has(before)
    const entry = known ? before : await pool.take(join(dataDir, path), size)
    if (!known) {
      copied.count += 1
      copied.bytes += entry.bytes
    }
    files.count += 1
    files.bytes += entry.bytes
    yield { ...entry, path }
  }
}

async function* pathsBelow(root: string, folder: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (LEFT_OUT.test(path)) continue
    if (entry.isDirectory()) yield* pathsBelow(root, path)
    else if (entry.isFile()) yield path
  }
}
