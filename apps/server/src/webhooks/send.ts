import { createHmac } from 'node:crypto'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { AddressRefused, type AddressRules, addressesOf, readUrl } from './address.ts'
import type { Attempt } from './types.ts'

const TIMEOUT_MILLISECONDS = 30_000
const MOST_BODY_BYTES = 64 * 1024

/** What is sent, and how it is signed. */
export interface Letter {
  readonly url: string
  readonly delivery: string
  readonly body: string
  /** In the clear; null for a webhook without one. */
  readonly secret: string | null
}

/**
 * MLflow's signature: `v1,` and the base64 of HMAC-SHA256 over `delivery.timestamp.body`.
 * @param timestamp seconds since 1970, as text
 */
export function signature(secret: string, delivery: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${delivery}.${timestamp}.${body}`).digest('base64')}`
}

/**
 * Sends a letter once. The addresses that were checked are the ones connected to, no redirect is followed, no proxy used, at most 64 KiB of the
 * answer are read, and all of it may take 30 s.
 */
export async function send(letter: Letter, rules: AddressRules, now: Date, signal: AbortSignal): Promise<Attempt> {
  const timestamp = String(Math.floor(now.getTime() / 1000))
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(letter.body),
    'User-Agent': 'tidemark-webhooks',
    'X-MLflow-Delivery-Id': letter.delivery,
    'X-MLflow-Timestamp': timestamp,
    ...(letter.secret === null
      ? {}
      : { 'X-MLflow-Signature': signature(letter.secret, letter.delivery, timestamp, letter.body) }),
  }
  try {
    const url = readUrl(letter.url, rules)
    const addresses = await addressesOf(url, rules)
    const checked: LookupFunction = (_name, options, found) => {
      const first = addresses[0]
      if (options.all) found(null, [...addresses])
      else found(null, first?.address ?? '', first?.family)
    }
    const response = await answerOf(
      url,
      headers,
      letter.body,
      checked,
      AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MILLISECONDS)]),
    )
    return {
      kind: 'answered',
      status: response.statusCode ?? 0,
      body: await readSome(response),
      retryAfterSeconds: secondsOf(response.headers['retry-after'], now),
    }
  } catch (error) {
    const name = (error as Error).name
    if (error instanceof AddressRefused || name === 'MlflowError') {
      return { kind: 'refused', reason: (error as Error).message }
    }
    if (name === 'TimeoutError' || name === 'AbortError') return { kind: 'unreachable', reason: 'No answer in 30 s' }
    return { kind: 'unreachable', reason: (error as Error).message || String((error as { code?: unknown }).code) }
  }
}

function answerOf(
  url: URL,
  headers: Readonly<Record<string, string | number>>,
  body: string,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // An agent of its own: the shared one may be told by the environment to use a proxy, whose address would be the one connected to.
    const call =
      url.protocol === 'http:'
        ? httpRequest(url, { method: 'POST', headers, lookup, signal, agent: new HttpAgent() })
        : httpsRequest(url, { method: 'POST', headers, lookup, signal, agent: new HttpsAgent() })
    call.on('response', resolve)
    call.on('error', reject)
    call.end(body)
  })
}

/** The beginning of a body; the rest is never read. */
async function readSome(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, MOST_BODY_BYTES - bytes))
    bytes += chunk.length
    if (bytes >= MOST_BODY_BYTES) break
  }
  return Buffer.concat(chunks).toString('utf8').replaceAll('\u0000', '')
}

/** Retry-After: seconds, or a date (RFC 9110, 10.2.3). */
function secondsOf(header: string | undefined, now: Date): number | null {
  if (header === undefined) return null
  if (/^\d{1,9}$/.test(header.trim())) return Number(header)
  const at = Date.parse(header)
  return Number.isNaN(at) ? null : Math.max(0, (at - now.getTime()) / 1000)
}
