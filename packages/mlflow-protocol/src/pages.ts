import { invalid } from './errors.ts'
import { pythonText, pythonValue } from './python.ts'

/** The offset that a page token stands for; 0 without one. MLflow's tokens are base64 of `{"offset": n}`. */
export function offsetOf(token: string | undefined): number {
  if (!token) return 0
  const { text, value } = decodeToken(token)
  const offset = (value as { offset?: unknown } | null)?.offset
  if (!offset) throw invalid(`Invalid page token, parsed value=${shown(value, text)}`)
  const number = typeof offset === 'string' && /^\s*[+-]?\d+\s*$/.test(offset) ? Number(offset) : offset
  if (typeof number !== 'number') throw invalid(`Invalid page token, not stringable ${shown(offset, String(offset))}`)
  if (!Number.isSafeInteger(number) || number < 1) {
    throw invalid(`Invalid page token, parsed value=${shown(value, text)}`)
  }
  return number
}

/** What a page token holds. @throws MlflowError when it is not base64 of JSON. */
export function decodeToken(token: string): { text: string; value: unknown } {
  // As Python's b64decode: other characters are passed over, the rest must come in fours.
  const letters = token.replace(/[^A-Za-z0-9+/=]/g, '')
  if (letters.length % 4 !== 0) throw invalid('Invalid page token, could not base64-decode')
  const text = Buffer.from(letters, 'base64').toString('utf8')
  try {
    return { text, value: JSON.parse(text) }
  } catch {
    throw invalid(`Invalid page token, decoded value=b${pythonText(text.slice(0, 100))}`)
  }
}

function shown(value: unknown, text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : typeof value === 'string' ? value : pythonValue(value)
}

/** The token of the page that begins at an offset, as MLflow's own server writes it. */
export function tokenOf(offset: number): string {
  return Buffer.from(`{"offset": ${offset}}`).toString('base64')
}

/** What a search of logged models was asked: its page tokens are good for the same question alone. */
export interface LoggedModelQuestion {
  readonly experiment_ids: readonly string[]
  readonly filter_string: string | null
  readonly order_by: readonly LoggedModelOrder[] | null
}

export interface LoggedModelOrder {
  readonly field_name: string
  readonly ascending: boolean
  readonly dataset_name: string | null
  readonly dataset_digest: string | null
}

export function loggedModelToken(question: LoggedModelQuestion, offset: number): string {
  return Buffer.from(JSON.stringify({ ...question, offset })).toString('base64')
}

/** The offset of a token of `loggedModelToken`. @throws MlflowError when it belongs to another question. */
export function loggedModelOffset(token: string | undefined, question: LoggedModelQuestion): number {
  if (!token) return 0
  const { text, value } = decodeToken(token)
  const found = (value ?? {}) as Partial<Record<keyof LoggedModelQuestion | 'offset', unknown>>
  const same = (key: keyof LoggedModelQuestion, what: string, asked: string) => {
    const [expected, given] = [question[key], found[key] ?? null]
    if (JSON.stringify(expected) === JSON.stringify(given)) return
    throw invalid(
      `${what} in the page token ${what.endsWith('s') ? 'do' : 'does'} not match the requested ${asked}. Expected: ${shown(expected, '')}. Found: ${shown(given, '')}`,
    )
  }
  same('experiment_ids', 'Experiment IDs', 'experiment IDs')
  same('filter_string', 'Filter string', 'filter string')
  same('order_by', 'Order by', 'order by')
  const offset = found.offset ?? 0
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) {
    throw invalid(`Invalid page token, parsed value=${shown(value, text)}`)
  }
  return offset
}
