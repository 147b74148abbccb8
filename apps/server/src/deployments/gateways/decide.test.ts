import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isConfirmed, isLive } from './decide.ts'
import { type GatewayState, LEASE_SECONDS } from './types.ts'

const now = new Date('2026-01-01T00:00:00Z')
const gateway = (id: string, confirmedVersion: number | null, live = true): GatewayState => ({
  id,
  lastSeen: now,
  live,
  confirmedVersion,
  failed: [],
})

test('a gateway counts as live as long as its lease may still run', () => {
  assert.equal(isLive(new Date(now.getTime() - LEASE_SECONDS * 1000), now), true)
  assert.equal(isLive(new Date(now.getTime() - (LEASE_SECONDS + 3) * 1000), now), false)
})

const table: [string, GatewayState[], boolean][] = [
  ['no gateway', [], true],
  ['one that serves it', [gateway('a', 7)], true],
  ['one that serves a later one', [gateway('a', 8)], true],
  ['one that serves an older one', [gateway('a', 6)], false],
  ['one that confirmed nothing yet', [gateway('a', null)], false],
  ['one of two behind', [gateway('a', 7), gateway('b', 6)], false],
  ['one behind, which is dead', [gateway('a', 7), gateway('b', 6, false)], true],
]
for (const [name, gateways, expected] of table) {
  test(`version 7 is ${expected ? '' : 'not '}confirmed with ${name}`, () => {
    assert.equal(isConfirmed(gateways, 7), expected)
  })
}
