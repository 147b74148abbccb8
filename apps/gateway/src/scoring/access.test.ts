import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { checkAccess, knownTokens, mayAsk } from './access.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const token = (secret: string, workspace: string, endpoints: string[] | null, expiresAt = '2027-01-01T00:00:00Z') => ({
  hash: hash('sha256', secret, 'hex'),
  workspace,
  endpoints,
  expiresAt,
})
const tokens = knownTokens([
  token('one', 'default', ['films']),
  token('all', 'default', null),
  token('admin', '*', null),
  token('old', 'default', null, '2026-05-31T00:00:00Z'),
])
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
const basic = (secret: string) => ({ authorization: `Basic ${Buffer.from(`somebody:${secret}`).toString('base64')}` })

const table: [string, Record<string, string>, string, string, number][] = [
  ['no token', {}, 'default', 'films', 401],
  ['an unknown token', bearer('none'), 'default', 'films', 401],
  ['another scheme', { authorization: 'Digest one' }, 'default', 'films', 401],
  ['a token that has expired', bearer('old'), 'default', 'films', 401],
  ['a token of the endpoint', bearer('one'), 'default', 'films', 200],
  ['a token as a password', basic('one'), 'default', 'films', 200],
  ['a token of another endpoint', bearer('one'), 'default', 'ratings', 403],
  ['a token of the endpoint’s name elsewhere', bearer('one'), 'other', 'films', 403],
  ['a token of the workspace', bearer('all'), 'default', 'ratings', 200],
  ['a token of another workspace', bearer('all'), 'other', 'ratings', 403],
  ['an admin’s token', bearer('admin'), 'other', 'ratings', 200],
]
for (const [name, headers, workspace, endpoint, status] of table) {
  test(`${name}: ${status}`, () => {
    const check = () => checkAccess(tokens, headers, workspace, endpoint, NOW)
    if (status === 200) check()
    else assert.throws(check, { status })
  })
}

test('without login everybody may ask', () => {
  checkAccess(null, {}, 'default', 'films', NOW)
})

test('a list shows a token its own endpoints', () => {
  const may = mayAsk(
    knownTokens([token('one', 'default', ['films'], '2999-01-01T00:00:00Z')]),
    bearer('one'),
    'default',
  )
  assert.deepEqual(['films', 'ratings'].filter(may), ['films'])
})
