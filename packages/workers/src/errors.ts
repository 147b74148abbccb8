/** Every way in which Python environments and workers fail, with what to do about it. */
const MESSAGES = {
  NO_PYTHON: (tried: string) =>
    `No Python from 3.11 on that the workers' user may run (tried ${tried}). Install one (Debian: apt-get install python3), or name one in TIDEMARK_PYTHON.`,
  UV_UNSUPPORTED: (platform: string) => `uv is not pinned for ${platform}: Linux on x86-64 and arm64 is.`,
  UV_NOT_FETCHED: (reason: string) =>
    `uv, which builds Python environments, could not be fetched from the machine's package index: ${reason}`,
  UV_DIGEST: (file: string) => `${file} is not the pinned file of uv: its SHA-256 differs.`,
  WHEEL_UNREADABLE: (file: string, reason: string) => `${file} cannot be unpacked: ${reason}.`,
  FOREIGN_FOLDER: (folder: string) =>
    `${folder} belongs to another user and is not trusted to hold Python environments. Remove it, or move the clone where other users can reach it.`,
  CANNOT_DROP_ROOT: (reason: string) =>
    `Model code must not run as root, and this machine does not let root become another user (${reason}). Start Tidemark as an ordinary user.`,
  ENVIRONMENT_FAILED: (lockFile: string, log: string, lines: string) =>
    `The Python environment of ${lockFile} could not be built; ${log} ends with:\n${lines}`,
  WORKER_NOT_STARTED: (lines: string) => `The Python worker ended while starting:\n${lines}`,
  WORKER_DIED: (cause: string) => `The Python worker that held this task ended (${cause}). Run the task again.`,
  TASK_TIMED_OUT: (seconds: number) => `The task took longer than its ${seconds} s and was ended.`,
  TASK_CANCELLED: () => 'The task was cancelled.',
  TASK_KILLED: (cause: string) =>
    `The task's process ended without an answer (${cause}). SIGKILL without a cancellation usually means: out of memory; SIGXCPU: out of its CPU seconds.`,
  TASK_FAILED: (type: string, message: string) => `${type}: ${message}`,
  MODEL_NOT_LOADED: (reason: string) => `The model could not be loaded: ${reason}`,
  WORK_UNREACHABLE: (folder: string) =>
    `The workers' user cannot enter ${folder}. Choose a data folder whose parents other users may pass (chmod o+x), or cacheFolder().`,
  POOL_CLOSED: () => 'The pool of Python workers is closed.',
} as const

export type WorkerErrorCode = keyof typeof MESSAGES

/** An error whose code is stable and whose message says what happened and what to do. */
export class WorkerError extends Error {
  readonly code: WorkerErrorCode
  /** Python's traceback, where there is one. */
  readonly traceback: string | undefined

  constructor(code: WorkerErrorCode, message: string, traceback?: string) {
    super(message)
    this.name = 'WorkerError'
    this.code = code
    this.traceback = traceback
  }
}

/** @returns the error of that code; the arguments are those of its message. */
export function workerError<Code extends WorkerErrorCode>(
  code: Code,
  ...details: Parameters<(typeof MESSAGES)[Code]>
): WorkerError {
  const message = MESSAGES[code] as (...values: (string | number)[]) => string
  return new WorkerError(code, message(...details))
}
