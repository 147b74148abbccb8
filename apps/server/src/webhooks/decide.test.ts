import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterAttempt, hasRoom } from './decide.ts'
import type { Attempt } from './types.ts'

const answered = (status: number, retryAfterSeconds: number | null = null): Attempt => ({
  kind: 'answered',
  status,
  body: '',
  retryAfterSeconds,
})

test('what is worth another try is tried again, with a growing pause and jitter, three times', () => {
  for (const status of [429, 500, 502, 503, 504]) {
    const pauses = [1, 2, 3].map((attempts) => afterAttempt(answered(status), attempts, 0.5))
    assert.deepEqual(
      pauses.map((next) => next.kind === 'retry' && next.afterSeconds),
      [1.5, 2.5, 4.5],
    )
    assert.equal(afterAttempt(answered(status), 4, 0).kind, 'failed')
  }
  assert.equal(afterAttempt({ kind: 'unreachable', reason: 'x' }, 1, 0).kind, 'retry')
  assert.equal(afterAttempt({ kind: 'unreachable', reason: 'x' }, 4, 0).kind, 'failed')
})

test('a receiver says itself when to come again, within bounds', () => {
  const wait = (seconds: number) => afterAttempt(answered(429, seconds), 1, 0.5)
  assert.deepEqual(wait(7), { kind: 'retry', afterSeconds: 7, reason: 'The receiver answered 429' })
  assert.equal((wait(1e9) as { afterSeconds: number }).afterSeconds, 300)
})

test('what another try would not change fails at once', () => {
  for (const status of [301, 302, 307, 400, 401, 404, 410, 501]) {
    assert.equal(afterAttempt(answered(status), 1, 0).kind, 'failed', String(status))
  }
  assert.match((afterAttempt(answered(302), 1, 0) as { reason: string }).reason, /redirects are not followed/)
  assert.equal(afterAttempt({ kind: 'refused', reason: 'private' }, 1, 0).kind, 'failed')
  assert.equal(afterAttempt(answered(204), 1, 0).kind, 'delivered')
})

test('one slow receiver leaves room for others', () => {
  const slow = Array.from({ length: 4 }, () => ({ webhook: 'slow' }))
  assert.equal(hasRoom(slow, 'slow'), false)
  assert.equal(hasRoom(slow, 'other'), true)
  assert.equal(
    hasRoom(
      Array.from({ length: 16 }, (_, index) => ({ webhook: String(index) })),
      'other',
    ),
    false,
  )
})
