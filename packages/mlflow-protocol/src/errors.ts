/** MLflow's error codes that this server answers with: HTTP status and class, as `mlflow.exceptions` of 3.17 maps them. */
const CODES = {
  ABORTED: { status: 409, sqlstate: null, errorClass: null },
  ALREADY_EXISTS: { status: 409, sqlstate: null, errorClass: null },
  CANCELLED: { status: 499, sqlstate: null, errorClass: null },
  DATA_LOSS: { status: 500, sqlstate: null, errorClass: null },
  DEADLINE_EXCEEDED: { status: 504, sqlstate: null, errorClass: null },
  REQUEST_LIMIT_EXCEEDED: { status: 429, sqlstate: null, errorClass: null },
  INTERNAL_ERROR: { status: 500, sqlstate: 'XXM00', errorClass: 'CLIENT_INTERNAL_ERROR' },
  INVALID_STATE: { status: 500, sqlstate: 'XXM00', errorClass: 'CLIENT_INTERNAL_ERROR' },
  NOT_IMPLEMENTED: { status: 501, sqlstate: null, errorClass: null },
  TEMPORARILY_UNAVAILABLE: { status: 503, sqlstate: 'XXM00', errorClass: 'CLIENT_INTERNAL_ERROR' },
  // MLflow has 429 for it, which its client sends again for minutes; a full disk stays full.
  RESOURCE_EXHAUSTED: { status: 507, sqlstate: null, errorClass: null },
  RESOURCE_CONFLICT: { status: 409, sqlstate: null, errorClass: null },
  RESOURCE_DOES_NOT_EXIST: { status: 404, sqlstate: 'KAM00', errorClass: 'RESOURCE_NOT_FOUND' },
  NOT_FOUND: { status: 404, sqlstate: 'KAM00', errorClass: 'RESOURCE_NOT_FOUND' },
  ENDPOINT_NOT_FOUND: { status: 404, sqlstate: 'KAM00', errorClass: 'RESOURCE_NOT_FOUND' },
  PERMISSION_DENIED: { status: 403, sqlstate: 'KAM00', errorClass: 'PERMISSION_DENIED' },
  UNAUTHENTICATED: { status: 401, sqlstate: null, errorClass: null },
  BAD_REQUEST: { status: 400, sqlstate: 'KAM00', errorClass: 'INVALID_PARAMETER_VALUE' },
  RESOURCE_ALREADY_EXISTS: { status: 400, sqlstate: 'KAM00', errorClass: 'RESOURCE_ALREADY_EXISTS' },
  INVALID_PARAMETER_VALUE: { status: 400, sqlstate: 'KAM00', errorClass: 'INVALID_PARAMETER_VALUE' },
} as const

export type MlflowErrorCode = keyof typeof CODES

/** An error in MLflow's own shape: what its unmodified client parses. */
export class MlflowError extends Error {
  readonly code: MlflowErrorCode

  constructor(code: MlflowErrorCode, message: string) {
    super(message)
    this.name = 'MlflowError'
    this.code = code
  }

  get status(): number {
    return CODES[this.code].status
  }

  /** The body of the answer. */
  toJSON(): Record<string, string> {
    const { sqlstate, errorClass } = CODES[this.code]
    return {
      error_code: this.code,
      message: this.message,
      ...(sqlstate ? { sqlstate } : {}),
      ...(errorClass ? { error_class: errorClass } : {}),
    }
  }
}

export const invalid = (message: string) => new MlflowError('INVALID_PARAMETER_VALUE', message)
export const missing = (message: string) => new MlflowError('RESOURCE_DOES_NOT_EXIST', message)
export const exists = (message: string) => new MlflowError('RESOURCE_ALREADY_EXISTS', message)
export const conflict = (message: string) => new MlflowError('RESOURCE_CONFLICT', message)

/** MLflow's text for a value that may not be; `hint` says why. */
export function invalidValue(path: string, value: unknown, hint = ''): MlflowError {
  return invalid(`Invalid value ${shown(value)} for parameter '${path}' supplied${hint ? `: ${hint}` : '.'}`)
}

const SEE_DOCS = ' See the API docs for more information about request parameters.'

/** MLflow's text for a value of the wrong JSON type, with Python's name of the type. */
export function wrongType(path: string, value: unknown): MlflowError {
  return invalid(
    `Invalid value ${shown(value)} for parameter '${path}' supplied:  Hint: Value was of type '${pythonType(value)}'.${SEE_DOCS}`,
  )
}

export function missingValue(path: string): MlflowError {
  return invalid(`Missing value for required parameter '${path}'.${SEE_DOCS}`)
}

// More than this would only send an attacker's megabytes back.
const SHOWN_CHARACTERS = 10_000

/** A value as an error shows it. One that is nested too deeply to be written again is not shown. */
function shown(value: unknown): string {
  try {
    const text = JSON.stringify(value) ?? 'null'
    return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
  } catch {
    return '…'
  }
}

function pythonType(value: unknown): string {
  if (value === null) return 'NoneType'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return { string: 'str', boolean: 'bool', object: 'dict' }[typeof value as string] ?? 'object'
}
