import type { IncomingHttpHeaders } from 'node:http'
import { HEADERS } from '@tidemark/contracts'
import { InvalidInput, WrongCharset, WrongContentType } from './errors.ts'
import { isPlainText, MAX_KEY_LENGTH } from './values.ts'

/** What the headers of a scoring request say. */
export interface ScoringHeaders {
  readonly caller: string | null
  /** Text of the entity header; it names rows once their number is known. */
  readonly entity: string | null
  /** Milliseconds since 1970; null: the arrival. */
  readonly eventTime: number | null
}

/** @throws WrongContentType, WrongCharset as MLflow's server does. */
export function checkContentType(contentType: string | undefined): void {
  const [type, ...parameters] = (contentType ?? '').split(';').map((part) => part.trim())
  for (const parameter of parameters) {
    if (parameter.toLowerCase().replaceAll('"', '') !== 'charset=utf-8') throw WrongCharset()
  }
  if (type?.toLowerCase() !== 'application/json') throw WrongContentType()
}

/** @throws InvalidInput naming the header. */
export function readHeaders(headers: IncomingHttpHeaders, replay: boolean): ScoringHeaders {
  const caller = single(headers, HEADERS.caller)
  if (caller !== null && caller.length > MAX_KEY_LENGTH) {
    throw InvalidInput(`The header ${HEADERS.caller} has more than ${MAX_KEY_LENGTH} characters.`)
  }
  const time = single(headers, HEADERS.eventTime)
  if (time !== null && !replay) {
    throw InvalidInput(
      `The header ${HEADERS.eventTime} is accepted only by endpoints in replay mode; here the time of a prediction is its arrival.`,
    )
  }
  return { caller, entity: single(headers, HEADERS.entity), eventTime: time === null ? null : readTime(time) }
}

/**
 * Business keys of the rows from the header: the whole text for one row, else separated by commas. A key is percent-decoded, so that it may have
 * characters that headers cannot carry; an empty one is null. @throws InvalidInput
 */
export function entitiesOfHeader(text: string | null, rows: number): (string | null)[] {
  if (text === null) return new Array<null>(rows).fill(null)
  const parts = rows === 1 ? [text] : text.split(',')
  if (parts.length !== rows) {
    throw InvalidInput(`The header ${HEADERS.entity} must name ${rows} keys, one for each row, separated by commas.`)
  }
  return parts.map((part) => {
    const key = decode(part.trim())
    if (key.length > MAX_KEY_LENGTH || !isPlainText(key)) {
      throw InvalidInput(
        `The header ${HEADERS.entity} must have keys of at most ${MAX_KEY_LENGTH} characters, without NUL.`,
      )
    }
    return key === '' ? null : key
  })
}

function single(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name]
  if (value === undefined || value === '') return null
  return Array.isArray(value) ? value.join(',') : value
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw InvalidInput(`The header ${HEADERS.entity} is not percent-encoded UTF-8.`)
  }
}

// What the readers of the log take: beyond it, calendars and PostgreSQL no longer agree.
const FIRST_TIME = Date.parse('1000-01-02T00:00:00Z')
const LAST_TIME = Date.parse('9998-12-31T23:59:59Z')
// Not fewer digits: "2001" is meant as a year.
const MILLISECONDS = /^-?\d{5,15}$/
const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/

function readTime(text: string): number {
  const milliseconds = MILLISECONDS.test(text) ? Number(text) : ISO.test(text) ? Date.parse(text) : Number.NaN
  if (!(milliseconds >= FIRST_TIME && milliseconds <= LAST_TIME)) {
    throw InvalidInput(
      `The header ${HEADERS.eventTime} must be an ISO 8601 instant as in 2001-05-25T00:00:00Z, or milliseconds since 1970.`,
    )
  }
  return milliseconds
}
