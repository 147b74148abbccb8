import type { Attempt } from './types.ts'

/** Tries beside the first, and the statuses that are worth one: as MLflow has it. */
const MOST_RETRIES = 3
const RETRIED: readonly number[] = [429, 500, 502, 503, 504]
const LONGEST_BACKOFF_SECONDS = 60
const LONGEST_RETRY_AFTER_SECONDS = 300

export type AfterAttempt =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'retry'; readonly afterSeconds: number; readonly reason: string }

/**
 * What becomes of a delivery. Backs off 1, 2, 4 … seconds, at most 60, and up to one second of jitter; a receiver's Retry-After counts instead.
 * @param attempts how many were made, this one included
 * @param random uniform in [0, 1)
 */
export function afterAttempt(attempt: Attempt, attempts: number, random: number): AfterAttempt {
  if (attempt.kind === 'refused') return { kind: 'failed', reason: attempt.reason }
  if (attempt.kind === 'answered') {
    if (attempt.status >= 200 && attempt.status < 300) return { kind: 'delivered' }
    const reason = reasonOf(attempt.status)
    if (!RETRIED.includes(attempt.status)) return { kind: 'failed', reason }
    if (attempts > MOST_RETRIES) return { kind: 'failed', reason: `${reason}, given up after ${attempts} tries` }
    const asked = attempt.retryAfterSeconds
    if (asked !== null) return { kind: 'retry', afterSeconds: Math.min(asked, LONGEST_RETRY_AFTER_SECONDS), reason }
    return { kind: 'retry', afterSeconds: backoff(attempts, random), reason }
  }
  if (attempts > MOST_RETRIES) {
    return { kind: 'failed', reason: `${attempt.reason}, given up after ${attempts} tries` }
  }
  return { kind: 'retry', afterSeconds: backoff(attempts, random), reason: attempt.reason }
}

function reasonOf(status: number): string {
  return status >= 300 && status < 400
    ? `The receiver answered ${status}: redirects are not followed`
    : `The receiver answered ${status}`
}

function backoff(attempts: number, random: number): number {
  return Math.min(2 ** (attempts - 1), LONGEST_BACKOFF_SECONDS) + random
}

/** Deliveries under way, of one webhook and in all: a slow receiver must not keep others from being told. */
export const MOST_AT_ONCE = { perWebhook: 4, inAll: 16 } as const

export function hasRoom(underWay: readonly { readonly webhook: string }[], webhook: string): boolean {
  if (underWay.length >= MOST_AT_ONCE.inAll) return false
  return underWay.filter((delivery) => delivery.webhook === webhook).length < MOST_AT_ONCE.perWebhook
}
