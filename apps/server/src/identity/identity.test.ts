import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { PERMISSIONS, type Role } from '@tidemark/contracts'
import { LoginLimits } from './credentials/limits.ts'
import { hashPassword, isPassword } from './credentials/passwords.ts'
import { createRunTokens } from './credentials/runToken.ts'
import { hashSecret, keyedDigest, looksLikeToken, makeToken } from './credentials/secrets.ts'
import {
  askedByOwnPage,
  notGivable,
  PERMISSIONS_OF,
  permissionsIn,
  sessionIsOver,
  waitSeconds,
  workspaceNameProblem,
} from './decide.ts'

const now = new Date('2026-01-01T00:00:00Z')
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)

describe('roles', () => {
  test('each role may do all that the one before may, and more', () => {
    const order: readonly Role[] = ['viewer', 'editor', 'owner', 'admin']
    for (const [index, role] of order.entries()) {
      const before = order[index - 1]
      if (!before) continue
      assert.deepEqual(notGivable(new Set(PERMISSIONS_OF[role]), PERMISSIONS_OF[before]), [])
      assert.ok(PERMISSIONS_OF[role].length > PERMISSIONS_OF[before].length, role)
    }
    assert.deepEqual([...PERMISSIONS_OF.admin].sort(), [...PERMISSIONS].sort())
  })

  test('a viewer changes nothing, an editor deletes and decides nothing, an owner manages one workspace and not the platform', () => {
    assert.ok(PERMISSIONS_OF.viewer.every((permission) => permission.endsWith('.read')))
    for (const permission of ['identity.read', 'users.read'] as const)
      assert.ok(!PERMISSIONS_OF.editor.includes(permission), permission)
    for (const permission of [
      'experiments.delete',
      'registry.delete',
      'governance.approve',
      'governance.waive',
      'identity.manage',
    ] as const) {
      assert.ok(!PERMISSIONS_OF.editor.includes(permission), permission)
      assert.ok(PERMISSIONS_OF.owner.includes(permission), permission)
    }
    for (const permission of ['users.read', 'users.manage', 'workspaces.manage'] as const)
      assert.ok(!PERMISSIONS_OF.owner.includes(permission), permission)
  })

  test('a role holds in its own workspace alone, an admin’s in all, and never more than what a token says', () => {
    const memberships = [{ workspace: 'a', role: 'editor' as const }]
    assert.equal(permissionsIn('b', memberships).size, 0)
    assert.equal(permissionsIn('*', memberships).size, 0)
    assert.ok(permissionsIn('a', memberships).has('registry.write'))
    assert.deepEqual(
      [...permissionsIn('a', memberships, new Set(['data.read', 'users.manage'] as const))],
      ['data.read'],
    )
    assert.ok(permissionsIn('b', [{ workspace: '*', role: 'admin' }]).has('users.manage'))
  })
})

describe('passwords', () => {
  test('a password is known again by its hash alone, and no two hashes of it are equal', async () => {
    const [one, two] = await Promise.all([hashPassword('correct horse battery'), hashPassword('correct horse battery')])
    assert.notEqual(one, two)
    assert.ok(!one.includes('correct'))
    assert.ok(await isPassword('correct horse battery', one))
    assert.ok(!(await isPassword('correct horse batterz', one)))
    assert.ok(!(await isPassword('', one)))
    assert.ok(await isPassword('caf\u00e9 au lait, dix', await hashPassword('cafe\u0301 au lait, dix')))
  })

  test('a name that is not there takes as long as a wrong password', async () => {
    const stored = await hashPassword('correct horse battery')
    const time = async (hash: string | undefined) => {
      const begun = performance.now()
      assert.equal(await isPassword('anything at all', hash), false)
      return performance.now() - begun
    }
    const [there, nobody] = [[] as number[], [] as number[]]
    for (let round = 0; round < 5; round++) {
      there.push(await time(stored))
      nobody.push(await time(undefined))
    }
    const ratio = Math.min(...nobody) / Math.min(...there)
    assert.ok(ratio > 0.7 && ratio < 1.4, `ratio ${ratio.toFixed(2)}`)
    assert.ok(Math.min(...there) > 30, 'scrypt costs something')
  })
})

describe('failed logins', () => {
  test('the first ones are free, then each waits twice as long, at most 15 minutes', () => {
    const waits = [1, 4, 5, 6, 7, 14, 15, 40, 5000].map((failures) => waitSeconds('user', failures))
    assert.deepEqual(waits, [0, 0, 1, 2, 4, 512, 900, 900, 900])
    assert.deepEqual([waitSeconds('address', 19), waitSeconds('address', 20)], [0, 1])
  })

  test('a name waits wherever it is tried from, an address whatever name it tries', () => {
    let at = now
    const limits = new LoginLimits({ now: () => at })
    for (let times = 0; times < 7; times++) limits.tried('ann', `10.0.0.${times}`)
    assert.equal(limits.wait('ann', '10.9.9.9'), 4)
    assert.equal(limits.wait('bob', '10.9.9.9'), 0)
    at = later(4)
    assert.equal(limits.wait('ann', '10.9.9.9'), 0)
    for (let times = 0; times < 22; times++) limits.tried(`invented-${times}`, '10.0.0.66')
    assert.equal(limits.wait('bob', '10.0.0.66'), 4)
  })

  test('a good login forgives its name, but gives its address no tries at others; an hour forgives all', () => {
    let at = now
    const limits = new LoginLimits({ now: () => at })
    for (let times = 0; times < 25; times++) {
      limits.tried('ann', '10.0.0.66')
      limits.tried('mallory', '10.0.0.66')
      limits.succeeded('mallory', '10.0.0.66')
    }
    assert.equal(limits.wait('mallory', '10.1.1.1'), 0)
    assert.ok(limits.wait('bob', '10.0.0.66') >= 32)
    at = later(3601)
    assert.equal(limits.wait('ann', '10.0.0.66'), 0)
  })
})

test('what a browser signs by itself is done only for this server’s own pages', () => {
  const own = {
    method: 'POST',
    host: 'a.example:5000',
    origin: 'http://a.example:5000',
    fetchSite: undefined,
    marker: '1',
  }
  assert.ok(askedByOwnPage(own))
  assert.ok(askedByOwnPage({ ...own, origin: 'https://a.example:5000' }))
  assert.ok(askedByOwnPage({ ...own, origin: undefined, fetchSite: 'same-origin' }))
  for (const wrong of [
    { origin: 'http://evil.example' },
    { origin: 'http://a.example' },
    { origin: 'http://a.example:5000.evil.example' },
    { origin: 'null' },
    { origin: undefined },
    { origin: undefined, fetchSite: 'same-site' },
    { origin: undefined, fetchSite: 'cross-site' },
    { origin: undefined, fetchSite: 'none' },
    { marker: undefined },
  ])
    assert.ok(!askedByOwnPage({ ...own, ...wrong }), JSON.stringify(wrong))
  assert.ok(askedByOwnPage({ ...own, method: 'GET', origin: undefined, marker: undefined }))
})

test('a session ends 12 hours after its last request, and after 30 days whatever is asked', () => {
  assert.ok(!sessionIsOver({ createdAt: now, seenAt: now }, later(12 * 3600 - 1)))
  assert.ok(sessionIsOver({ createdAt: now, seenAt: now }, later(12 * 3600)))
  const month = later(30 * 86_400)
  assert.ok(sessionIsOver({ createdAt: now, seenAt: new Date(month.getTime() - 1000) }, month))
})

test('workspaces have names that addresses and paths can hold', () => {
  for (const name of ['ab', 'team-a', '0a', 'a'.repeat(63)]) assert.equal(workspaceNameProblem(name), null, name)
  for (const name of ['a', '', 'A1', '-ab', 'ab-', 'a_b', 'a/b', '..', '*', 'api', 'workspaces', 'a'.repeat(64)])
    assert.notEqual(workspaceNameProblem(name), null, name)
})

test('tokens are 256 random bits with a prefix that a scanner for leaked secrets can find', () => {
  const tokens = Array.from({ length: 50 }, makeToken)
  assert.equal(new Set(tokens).size, 50)
  for (const token of tokens) {
    assert.match(token, /^tdm_[\w-]{43}$/)
    assert.ok(looksLikeToken(token))
  }
  assert.equal(hashSecret(tokens[0] ?? '').length, 32)
})

test('the digest of what was right is HMAC-SHA-256', () => {
  const key = randomBytes(32)
  for (const text of ['', 'YW5uOnNlY3JldA==', 'x'.repeat(500)])
    assert.equal(keyedDigest(key)(text), createHmac('sha256', key).update(text).digest('base64'))
})

describe('run tokens', () => {
  const tokens = createRunTokens('a secret of at least thirty-two characters', { now: () => now })
  const issue = (seconds: number, from = tokens) => from.issue({ id: 'run-1', workspace: 'default' }, later(seconds))

  test('a run token says for which pipeline run it speaks', () => {
    assert.deepEqual(tokens.read(issue(60)), { run: 'run-1', workspace: 'default', expires: now.getTime() / 1000 + 60 })
  })

  test('one that is void, changed, of another server or no token at all is none', () => {
    const good = issue(60)
    const [head, version, body = '', signature = ''] = good.split('.')
    const other = Buffer.from(JSON.stringify({ run: 'run-2', workspace: 'default', expires: 9e9 })).toString(
      'base64url',
    )
    const stranger = createRunTokens('another secret of at least thirty-two characters', { now: () => now })
    for (const wrong of [
      issue(0),
      issue(-60),
      issue(60, stranger),
      `${head}.${version}.${other}.${signature}`,
      `${head}.${version}.${body}.`,
      `${head}.${version}.${body}`,
      `${good}.x`,
      good.slice(0, -2),
      '',
    ])
      assert.equal(tokens.read(wrong), null, wrong)
  })
})
