import { mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { Client } from 'pg'
import { migrations } from '../migrations.ts'
import { Blobs } from '../platform/blobs.ts'
import { openDatabase } from '../platform/db.ts'
import { firstBrokenPosition } from '../platform/events.ts'
import { Jobs } from '../platform/jobs.ts'
import { migrate } from '../platform/migrations.ts'
import { createLog } from '../platform/telemetry.ts'
import { isEmpty } from './catalog.ts'
import { BackupDamaged, BackupNewer, DataNotEmpty, NoBackup } from './errors.ts'
import { loadDatabase } from './load.ts'
import { backupsIn, type Manifest, readManifest } from './manifest.ts'
import { linesOf, verifyPart } from './parts.ts'
import { copyMeasured, Entry, Pool, syncFileSystem } from './pool.ts'

/** What a platform's start has put there before; everything else is somebody's data. */
const ALLOWED = new Set(['postgres', 'run', 'logs'])

export interface RestoreAsked {
  /** A backup, or a folder of backups, of which the newest complete one is meant. */
  readonly from: string
  readonly databaseUrl: string
  readonly dataDir: string
}

/**
 * Restores a backup into an empty data folder and an empty database. Everything is read and checked first; then the files are copied, and
 * the database is filled in one transaction.
 * @throws NoBackup, BackupNewer, BackupDamaged, DataNotEmpty
 */
export async function restore({
  from,
  databaseUrl,
  dataDir,
}: RestoreAsked): Promise<{ folder: string; manifest: Manifest }> {
  const folder = await chosen(from)
  const manifest = await readManifest(folder)
  const known = new Set(migrations.map(({ id }) => id))
  const strange = manifest.migrations.find((id) => !known.has(id))
  if (strange !== undefined) throw BackupNewer(`it has migration ${strange}`)
  const taken = (await readdir(dataDir).catch(() => [])).filter((name) => !ALLOWED.has(name))
  if (taken.length > 0) throw DataNotEmpty(`The data folder ${dataDir}`)
  const pool = new Pool(dirname(folder))
  await verify(folder, manifest, pool)
  await withClient(databaseUrl, async (client) => {
    if (!(await isEmpty(client))) throw DataNotEmpty('The database')
  })

  await copyOut(folder, manifest, pool, dataDir)
  await makeSchema(databaseUrl, manifest.migrations)
  await withClient(databaseUrl, (client) => loadDatabase(client, folder, manifest))
  await checkEvents(databaseUrl)
  await syncFileSystem(dataDir)
  return { folder, manifest }
}

async function chosen(from: string): Promise<string> {
  const itself = await stat(join(from, 'manifest.json')).catch(() => null)
  if (itself) return normalize(join(from, '.'))
  const newest = (await backupsIn(from)).findLast(({ complete }) => complete)
  if (!newest) throw NoBackup(from)
  return join(from, newest.name)
}

/** @throws BackupDamaged for the first file that is missing or is not what it was. */
async function verify(folder: string, manifest: Manifest, pool: Pool): Promise<void> {
  const { tables, jobs, blobs, files } = manifest
  for (const { part } of [...tables, jobs, blobs, files]) await verifyPart(folder, part)
  for (const { part, count } of [blobs, files]) {
    let found = 0
    for await (const line of linesOf(folder, part)) {
      const entry = Entry.parse(JSON.parse(line))
      if (!(await pool.isSound(entry))) throw BackupDamaged(pool.path(entry.digest), 'is missing or has been changed')
      found += 1
    }
    if (found !== count) throw BackupDamaged(part.file, `names ${found} files instead of ${count}`)
  }
}

async function copyOut(folder: string, manifest: Manifest, pool: Pool, dataDir: string): Promise<void> {
  const blobs = new Blobs(join(dataDir, 'blobs'))
  const copy = async (entry: Entry, target: string, mode: number, folderMode: number) => {
    await mkdir(dirname(target), { recursive: true, mode: folderMode })
    const copied = await copyMeasured(pool.path(entry.digest), target, mode)
    // Read a second time: the disk may have answered otherwise.
    if (copied.digest !== entry.digest) throw BackupDamaged(pool.path(entry.digest), 'has been changed')
  }
  for await (const line of linesOf(folder, manifest.blobs.part)) {
    const entry = Entry.parse(JSON.parse(line))
    await copy(entry, blobs.path(entry.digest), 0o640, 0o755)
  }
  for await (const line of linesOf(folder, manifest.files.part)) {
    const { path = '', ...entry } = Entry.parse(JSON.parse(line))
    const target = join(dataDir, path)
    if (path === '' || !target.startsWith(`${normalize(dataDir)}/`))
      throw BackupDamaged(manifest.files.part.file, `names a file outside the data folder`)
    await copy(entry, target, 0o600, 0o700)
  }
}

/** The schema as the backup's release had it; the next start brings it, with the rows in it, to this release's. */
async function makeSchema(databaseUrl: string, ids: readonly string[]): Promise<void> {
  const database = openDatabase(databaseUrl, 2)
  try {
    await new Jobs(database.pool, createLog('restore', 'warn')).migrate()
    const wanted = new Set(ids)
    await migrate(
      database.db,
      migrations.filter(({ id }) => wanted.has(id)),
    )
  } finally {
    await database.close()
  }
}

async function checkEvents(databaseUrl: string): Promise<void> {
  const database = openDatabase(databaseUrl, 2)
  try {
    const broken = await firstBrokenPosition(database.db)
    if (broken !== null)
      throw BackupDamaged('table.event.copy.zst', `has an event whose hash is wrong, at position ${broken}`)
  } finally {
    await database.close()
  }
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'tidemark-restore' })
  client.on('error', () => {})
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
