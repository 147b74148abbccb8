import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { BackupDamaged, BackupNewer, NoBackup } from './errors.ts'

/** Raised when a release writes what an older one cannot read. */
export const FORMAT = 1
const FILE = 'manifest.json'

/** A compressed file of the backup. `sha256` is of the file, `contentSha256` of what it holds. */
const Part = z.object({
  file: z.string().regex(/^[\w.-]+$/),
  bytes: z.int(),
  sha256: z.string(),
  contentSha256: z.string(),
})
export type Part = z.infer<typeof Part>

const Manifest = z.object({
  format: z.literal(FORMAT),
  /** The release that made it. */
  tidemark: z.string(),
  postgres: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
  /** The newest event that is in it: everything up to there is, nothing after. */
  lastPosition: z.int(),
  /** Migrations of the database, in the order of their application. */
  migrations: z.array(z.string()),
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()), rows: z.int(), part: Part })),
  sequences: z.array(z.object({ name: z.string(), lastValue: z.string().regex(/^-?\d+$/), called: z.boolean() })),
  jobs: z.object({ count: z.int(), part: Part }),
  /** `Entry` lines of the content-addressed store. */
  blobs: z.object({ count: z.int(), bytes: z.int(), part: Part }),
  /** `Entry` lines of other files of the data folder, with their paths. */
  files: z.object({ count: z.int(), bytes: z.int(), part: Part }),
})
export type Manifest = z.infer<typeof Manifest>

/** Written last, beside and renamed: a folder without it is a backup that did not end. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, FILE)
  await writeFile(`${path}.new`, `${JSON.stringify(manifest, null, 1)}\n`, { mode: 0o600, flush: true })
  await rename(`${path}.new`, path)
}

/** @throws NoBackup, BackupNewer, BackupDamaged */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, FILE), 'utf8').catch(() => null)
  if (text === null) throw NoBackup(folder)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw BackupDamaged(join(folder, FILE), 'is not JSON')
  }
  const format = z.object({ format: z.number() }).safeParse(value)
  if (format.data && format.data.format > FORMAT) throw BackupNewer(`format ${format.data.format}`)
  const parsed = Manifest.safeParse(value)
  if (!parsed.success) throw BackupDamaged(join(folder, FILE), 'does not have the form of a manifest')
  return parsed.data
}

/** Folders of backups below a folder, the newest last. Their names are the times of their start, in UTC. */
export async function backupsIn(folder: string): Promise<{ name: string; complete: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries
    .filter((entry) => entry.isDirectory() && /^\d{8}T\d{9}Z$/.test(entry.name))
    .map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => ({ name, complete: (await readdir(join(folder, name))).includes(FILE) })),
  )
}
