import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIdentity } from './index.ts'

const now = new Date('2026-01-01T00:00:00Z')
const identity = createIdentity('a secret of at least thirty-two characters', { now: () => now })
const token = (seconds: number, from = identity) =>
  from.issueRunToken({ id: 'run-1', workspace: 'default' }, new Date(now.getTime() + seconds * 1000))

test('a run token speaks for its pipeline run, with a worker’s rights alone', () => {
  const actor = identity.actorOf(`Bearer ${token(60)}`)
  assert.deepEqual(actor.ref, { kind: 'service', id: 'pipeline-run:run-1' })
  actor.require('experiments.write')
  for (const permission of ['governance.approve', 'deployments.write', 'data.write', 'governance.waive'] as const) {
    assert.throws(() => actor.require(permission), { code: 'PERMISSION_DENIED' })
  }
})

test('without a token it is the local person', () => {
  assert.deepEqual(identity.actorOf(undefined).ref, { kind: 'person', id: 'local' })
})

test('a token that is void, changed, of another server or no token at all is refused', () => {
  const good = token(60)
  const [head, version, body = '', signature = ''] = good.split('.')
  const other = Buffer.from(JSON.stringify({ run: 'run-2', workspace: 'default', expires: 9e9 })).toString('base64url')
  const stranger = createIdentity('another secret of at least thirty-two characters', { now: () => now })
  const wrong = [
    `Bearer ${token(0)}`,
    `Bearer ${token(-60)}`,
    `Bearer ${token(60, stranger)}`,
    `Bearer ${head}.${version}.${other}.${signature}`,
    `Bearer ${head}.${version}.${body}.`,
    `Bearer ${head}.${version}.${body}`,
    `Bearer ${good}.x`,
    `Bearer ${good.slice(0, -2)}`,
    'Bearer ',
    '',
    'Basic YWRtaW46cGFzc3dvcmQxMjM0',
  ]
  for (const header of wrong)
    assert.throws(() => identity.actorOf(header), { code: 'TOKEN_REFUSED', status: 401 }, header)
})
