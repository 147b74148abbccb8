import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashedCaller } from './subject.ts'

test('a caller is looked for in the form that gateways write', () => {
  // The gateway's test of what it writes has the same value.
  const written = 'hmac:eed4d58d08f57c8b8132015d7d0b2dbd'
  assert.equal(hashedCaller('0f'.repeat(32), 'default', 'ann@example.org'), written)
  assert.notEqual(hashedCaller('0f'.repeat(32), 'other', 'ann@example.org'), written)
})
