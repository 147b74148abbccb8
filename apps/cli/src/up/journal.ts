import { chmodSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const KEEP_BYTES = 20_000_000

/** Opens a log file of the data folder for appending; a long one becomes `NAME.1` first, so that logs stay bounded. */
export function openLog(logsDir: string, name: string): { fd: number; path: string } {
  const path = join(logsDir, name)
  if (existsSync(path) && statSync(path).size > KEEP_BYTES) renameSync(path, `${path}.1`)
  return { fd: openSync(path, 'a', 0o600), path }
}

/** What the supervisor does, for machines (a JSON line in `logs/supervisor.log`) and for people (a line on stderr). */
export interface Journal {
  /** @param human shown to the person at the terminal; absent when it is of no interest there */
  write(event: string, fields: Record<string, unknown>, human?: string): void
}

/** Opens the supervisor's log, one JSON object a line; what a person should see goes to stderr as well. */
export function openJournal(logsDir: string): Journal {
  mkdirSync(logsDir, { recursive: true })
  chmodSync(logsDir, 0o700)
  const { fd } = openLog(logsDir, 'supervisor.log')
  return {
    write: (event, fields, human) => {
      writeSync(fd, `${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`)
      if (human !== undefined) process.stderr.write(`tidemark: ${human}\n`)
    },
  }
}
