import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { tryLock } from '@tidemark/postgres'
import { runBackup, withDatabase } from '../backup/database.ts'
import type { Command } from '../command.ts'
import { cliError } from '../errors.ts'
import { readSettings } from '../settings.ts'

const help = `usage: tidemark backup DIR [--data DIR] [--database-url URL]

Copies the whole platform to a new folder in DIR, while it works or while it is stopped: the database as at one instant, the blobs it
owned then, the prediction log. Backups in one DIR share the files that they have in common, so each brings only what is new.
A backup is complete when it has its manifest.json, which is written last.

  --data DIR          the platform's data folder (default .local/data) [TIDEMARK_DATA]
  --database-url URL  its database, when that is not the embedded one [DATABASE_URL]`

async function run([target, ...flags]: string[]): Promise<number> {
  if (target === undefined || target.startsWith('-')) throw cliError('USAGE', 'Name the folder to write to.', 'backup')
  const settings = readSettings('backup', flags)
  const folder = resolve(target)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const lock = await tryLock(join(folder, 'backup.lock'))
  if (!lock) throw cliError('BACKUP_BUSY', folder)
  try {
    return await withDatabase(settings, (url) => runBackup('backup', folder, settings.dataDir, url))
  } finally {
    lock.release()
  }
}

export default { help, run } satisfies Command
