import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eraseDatabase } from '@tidemark/postgres'
import { runBackup, withEmbedded } from '../backup/database.ts'
import type { Command } from '../command.ts'
import { cliError } from '../errors.ts'
import { readSettings } from '../settings.ts'
import { claim, openDataFolder, UNFINISHED } from '../up/data-folder.ts'

const help = `usage: tidemark restore FROM --data DIR [--database-url URL]

Brings a backup into an empty folder, and an empty database. FROM is a backup, or a folder of backups, of which the newest complete
one is taken. Everything is read and checked before anything is written. Afterwards "tidemark up --data DIR" starts the platform.

  --data DIR          the new data folder; absent or empty [TIDEMARK_DATA]
  --database-url URL  an empty database to use instead of the embedded one [DATABASE_URL]`

async function run([from, ...flags]: string[]): Promise<number> {
  if (from === undefined || from.startsWith('-')) throw cliError('USAGE', 'Name the backup to restore.', 'restore')
  const { dataDir, databaseUrl } = readSettings('restore', flags)
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) throw cliError('DATA_NOT_EMPTY', dataDir)
  const folder = openDataFolder(dataDir)
  const lock = await claim(folder)
  const unfinished = join(folder.runDir, UNFINISHED)
  writeFileSync(unfinished, '')
  try {
    const work = (url: string) => runBackup('restore', from, dataDir, url)
    const code = await (databaseUrl ? work(databaseUrl) : withEmbedded(folder, false, work))
    if (code === 0) rmSync(unfinished)
    else empty(dataDir)
    return code
  } finally {
    lock.release()
  }
}

/** The folder as it was given, so that another backup may be tried. */
function empty(dataDir: string): void {
  eraseDatabase(join(dataDir, 'postgres'))
  for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true, force: true })
}

export default { help, run } satisfies Command
