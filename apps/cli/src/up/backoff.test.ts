import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countEnd, restartDelayMs } from './backoff.ts'

test('pauses between starts double from 100 ms to 5 s', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 50].map(restartDelayMs), [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
})

test('a process that ran for 10 s begins a new row of failures', () => {
  assert.equal(countEnd(6, 9_999), 7)
  assert.equal(countEnd(6, 10_000), 1)
})
