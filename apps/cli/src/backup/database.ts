import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { startPostgres } from '@tidemark/postgres'
import { cliError } from '../errors.ts'
import type { PlatformSettings } from '../settings.ts'
import { type DataFolder, openDataFolder, readRecord, tryClaim } from '../up/data-folder.ts'

const PROGRAM = resolve(import.meta.dirname, '../../../server/src/backup/main.ts')

/**
 * Runs `work` with the database that belongs to a data folder: that of the platform that runs on it, or the embedded one, started for
 * the time of the work on a folder that is claimed, so that no platform starts beside it.
 * @throws NO_DATABASE, OTHER_DATABASE, DATA_NOT_WRITABLE, PostgresError
 */
export async function withDatabase<Result>(
  settings: PlatformSettings,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const { dataDir, databaseUrl } = settings
  if (!databaseUrl && !hasDatabase(dataDir)) throw cliError('NO_DATABASE', dataDir)
  const folder = openDataFolder(dataDir)
  const lock = await tryClaim(folder)
  try {
    if (!lock) requireSame(folder, databaseUrl)
    return await (databaseUrl ? work(databaseUrl) : withEmbedded(folder, lock === undefined, work))
  } finally {
    lock?.release()
  }
}

function hasDatabase(dataDir: string): boolean {
  return existsSync(join(dataDir, 'postgres', 'password'))
}

/** A backup of the wrong database would look like a good one. @throws OTHER_DATABASE */
function requireSame(folder: DataFolder, databaseUrl: string | undefined): void {
  const embedded = readRecord(folder)?.embedded
  if (embedded === false && !databaseUrl)
    throw cliError('OTHER_DATABASE', folder.path, 'a PostgreSQL of its own', 'Name it with --database-url.')
  if (embedded === true && databaseUrl)
    throw cliError(
      'OTHER_DATABASE',
      folder.path,
      'the embedded PostgreSQL',
      'Leave --database-url and DATABASE_URL out.',
    )
}

/** Starts the embedded database of the folder, or uses the one that a running platform has. */
export async function withEmbedded<Result>(
  folder: DataFolder,
  inUse: boolean,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const server = await startPostgres({
    dataDir: join(folder.path, 'postgres'),
    logFile: join(folder.logsDir, 'postgres.log'),
  })
  try {
    return await work(server.url)
  } finally {
    if (!inUse) await server.stop()
  }
}

/** Runs the program that reads and writes backups. @returns its exit code */
export function runBackup(
  verb: 'backup' | 'restore',
  place: string,
  dataDir: string,
  databaseUrl: string,
): Promise<number> {
  const flags = ['--disable-warning=ExperimentalWarning', '-C', '@tidemark/source']
  const environment = { ...process.env, TIDEMARK_DATA: dataDir, TIDEMARK_DATABASE_URL: databaseUrl }
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [...flags, PROGRAM, verb, place], { env: environment, stdio: 'inherit' })
    child.on('error', failed)
    child.on('close', (code) => done(code ?? 1))
  })
}
