/** Every error that a person at the terminal can cause or mend: what is wrong, and what to do. */
const MESSAGES = {
  UNKNOWN_COMMAND: (name: string, known: string) => `There is no command "${name}". The commands are: ${known}.`,
  USAGE: (problem: string, command: string) => `${problem}\nRun "tidemark ${command} --help" to see what it accepts.`,
  WRONG_SETTING: (source: string, must: string) => `${source} ${must}.`,
  WRONG_FILE: (file: string, problem: string) => `The settings file ${file} ${problem}.`,
  HOST_WITHOUT_LOGIN: (host: string) =>
    `Other machines would reach ${host}, and without login everybody may do everything. Add --login, or leave --host out.`,
  HOST_WITH_RESET: (host: string) =>
    `Other machines would reach ${host}, and --dev-reset lets whoever gets in erase everything. Leave one of them out.`,
  PORT_TAKEN: (port: number, by: string, flag: string) =>
    `Port ${port} is taken${by}. End that process, or choose another port with ${flag}.`,
  PORT_REFUSED: (port: number, reason: string, flag: string) =>
    `This user may not listen on port ${port} (${reason}). Choose another with ${flag}.`,
  DATA_IN_USE: (folder: string, by: string) =>
    `The data folder ${folder} is in use by ${by}. Stop that platform, or choose another folder with --data.`,
  DATA_NOT_WRITABLE: (folder: string, reason: string) =>
    `The data folder ${folder} cannot be used (${reason}). Give it to this user, or choose another with --data.`,
  DATA_UNFINISHED: (folder: string) => `A restore into ${folder} did not end. Remove the folder and restore again.`,
  DATA_NOT_EMPTY: (folder: string) =>
    `${folder} is not empty, and a backup is only restored into an empty folder. Choose another with --data.`,
  NO_DATABASE: (folder: string) =>
    `${folder} has no embedded database. Name the platform's folder with --data, or its database with --database-url.`,
  OTHER_DATABASE: (folder: string, which: string, what: string) =>
    `The platform that runs on ${folder} uses ${which}. ${what}`,
  BACKUP_BUSY: (folder: string) =>
    `Another backup to ${folder} is under way. Wait for its end, or choose another folder.`,
  NOT_STARTED: (name: string, how: string, log: string, lines: string) =>
    `The ${name} ${how}. The last lines of ${log}:\n${lines}`,
  NO_PLATFORM: (url: string, reason: string) =>
    `Nothing answers at ${url} (${reason}). Start the platform with "tidemark up", or name another with --url.`,
  NO_PLATFORM_HERE: (folder: string) =>
    `No platform runs on ${folder}. Start it with "tidemark up --data ${folder}", or name the folder of one that runs with --data.`,
  NO_PASSWORD: () => 'No password was given. Type it, or send it as the first line of standard input.',
  REFUSED: (answer: string) => `The platform refused: ${answer}`,
  WRONG_DEFINITION: (file: string, problems: string) => `${file} is not usable:\n${problems}`,
  WRONG_SOURCE: (source: string, problem: string) => `${source} cannot be imported from: ${problem}.`,
  FILE_UNREADABLE: (file: string, reason: string) => `${file} cannot be read: ${reason}`,
} as const

export type CliErrorCode = keyof typeof MESSAGES

/** An error to print without a stack; its code is stable. */
export class CliError extends Error {
  readonly code: CliErrorCode

  constructor(code: CliErrorCode, message: string) {
    super(message)
    this.name = 'CliError'
    this.code = code
  }
}

type Messages = { readonly [Code in CliErrorCode]: (...details: Parameters<(typeof MESSAGES)[Code]>) => string }

/** @returns the error of that code; the arguments are those of its message. */
export function cliError<Code extends CliErrorCode>(
  code: Code,
  ...details: Parameters<(typeof MESSAGES)[Code]>
): CliError {
  const messages: Messages = MESSAGES
  return new CliError(code, messages[code](...details))
}
