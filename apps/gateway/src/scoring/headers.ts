import type { IncomingHttpHeaders } from 'node:http'
import { HEADERS } from '@tidemark/contracts'
import { InvalidInput, WrongCharset, WrongParameter } from './errors.ts'
import { isPlainText, MAX_KEY_LENGTH } from './values.ts'

/** What the headers of a scoring request say. */
export interface ScoringHeaders {
  readonly caller: string | null
  /** Text of the entity header; it names rows once their number is known. */
  readonly entity: string | null
  /** Milliseconds since 1970; null: the arrival. */
  readonly eventTime: number | null
  /** Milliseconds that the caller waits; null: as long as the endpoint allows. */
  readonly timeoutMs: number | null
}

/** The type of a body in lower case, without its parameters, of which only the charset UTF-8 is known. @throws WrongCharset, WrongParameter */
export function contentTypeOf(header: string | undefined): string {
  // What nearly every request has, without taking it apart.
  if (header === 'application/json') return header
  const [type, ...parameters] = (header ?? '').split(';').map((part) => part.trim().toLowerCase())
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=')
    if (name !== 'charset') throw WrongParameter()
    if (value.replaceAll('"', '') !== 'utf-8') throw WrongCharset()
  }
  return type ?? ''
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
  const timeout = single(headers, HEADERS.timeout)
  if (timeout !== null && !/^[1-9]\d{0,8}$/.test(timeout)) {
    throw InvalidInput(`The header ${HEADERS.timeout} must be a whole number of milliseconds above zero.`)
  }
  return {
    caller,
    entity: single(headers, HEADERS.entity),
    eventTime: time === null ? null : readTime(time),
    timeoutMs: timeout === null ? null : Number(timeout),
  }
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
