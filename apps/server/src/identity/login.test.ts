import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from '../platform/index.ts'
import { type Asked, type AskOptions, type GuardedServer, PASSWORD, startGuardedServer } from './testing.ts'

let server: GuardedServer
before(async () => {
  server = await startGuardedServer({ allowedHosts: ['models.example'] })
  const { identity } = server.client
  await identity.createPerson({ body: { name: 'root', password: PASSWORD, admin: true } })
  for (const [name, role] of [
    ['ann', 'editor'],
    ['olga', 'owner'],
    ['vic', 'viewer'],
  ] as const) {
    await identity.createPerson({ body: { name, password: `${PASSWORD} of ${name}` } })
    await identity.setMember({ params: { name }, body: { role } })
  }
})
after(() => server.close())

const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
})
const as = (name: string, password = `${PASSWORD} of ${name}`): AskOptions => ({ headers: basic(name, password) })
const SEARCH = '/api/2.0/mlflow/experiments/search?max_results=5'

describe('name and password, as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD', () => {
  test('they let in with the roles that the person has', async () => {
    assert.equal((await server.ask('GET', SEARCH, as('vic'))).status, 200)
    const write = { ...as('vic'), body: { name: 'x' } }
    assert.equal(
      (await server.ask('POST', '/api/2.0/mlflow/experiments/create', write)).json.error_code,
      'PERMISSION_DENIED',
    )
    const good = { ...as('ann'), body: { name: 'by ann' } }
    assert.equal((await server.ask('POST', '/api/2.0/mlflow/experiments/create', good)).status, 200)
  })

  test('a wrong password and an unknown name are one answer, in MLflow’s form', async () => {
    const [wrong, unknown] = await Promise.all([
      server.ask('GET', SEARCH, as('ann', 'wrong password here')),
      server.ask('GET', SEARCH, as('nobody-at-all', 'wrong password here')),
    ])
    assert.deepEqual([wrong.status, unknown.status], [401, 401])
    assert.equal(wrong.text, unknown.text)
    assert.equal(wrong.json.error_code, 'UNAUTHENTICATED')
    assert.match(String(wrong.headers['www-authenticate']), /^Basic realm="mlflow"/)
  })

  test('once stretched, a password costs less than 0.1 ms a request', async () => {
    const { Principals } = await import('./credentials/principals.ts')
    const { createRunTokens } = await import('./credentials/runToken.ts')
    const principals = new Principals(server.platform, createRunTokens(server.internalToken, server.platform.clock))
    const header = basic('ann', `${PASSWORD} of ann`).authorization
    await principals.ofHeader(header, '127.0.0.1')
    const token = `Bearer ${server.admin}`
    await principals.ofHeader(token, '127.0.0.1')
    for (const [what, given] of [
      ['password', header],
      ['token', token],
    ] as const) {
      const rounds = 5000
      const begun = performance.now()
      for (let round = 0; round < rounds; round++) {
        const found = principals.ofHeader(given, '127.0.0.1')
        assert.ok(!(found instanceof Promise), 'nothing is asked of the database')
      }
      const each = (performance.now() - begun) / rounds
      assert.ok(each < 0.1, `${what}: ${each.toFixed(4)} ms`)
    }
  })

  test('a changed password is void at once, however lately it was right', async () => {
    const { person } = await theMember('vic')
    assert.equal((await server.ask('GET', SEARCH, as('vic'))).status, 200)
    await server.client.identity.setPerson({ params: { person }, body: { password: 'another one for vic' } })
    assert.equal((await server.ask('GET', SEARCH, as('vic'))).status, 401)
    assert.equal((await server.ask('GET', SEARCH, as('vic', 'another one for vic'))).status, 200)
    await server.client.identity.setPerson({ params: { person }, body: { password: `${PASSWORD} of vic` } })
  })

  test('a role that is taken is gone with the next request', async () => {
    await server.client.identity.createPerson({ body: { name: 'gone', password: `${PASSWORD} of gone` } })
    await server.client.identity.setMember({ params: { name: 'gone' }, body: { role: 'viewer' } })
    assert.equal((await server.ask('GET', SEARCH, as('gone'))).status, 200)
    await server.client.identity.removeMember({ params: { name: 'gone' } })
    assert.equal((await server.ask('GET', SEARCH, as('gone'))).status, 403)
  })
})

async function theMember(name: string) {
  const { members } = await server.client.identity.listMembers()
  const member = members.find((each) => each.name === name)
  assert.ok(member, name)
  return member
}

/** Signs in as the login page does. */
function signIn(name: string, password: string, headers: Record<string, string> = {}): Promise<Asked> {
  const origin = `http://127.0.0.1:${server.server.port}`
  return server.ask('POST', '/api/v1/session', {
    body: { name, password },
    headers: { origin, 'x-tidemark-page': '1', ...headers },
  })
}

async function cookieFor(name: string): Promise<string> {
  // Names that earlier tests guessed at may have to wait.
  const answer = await signIn(name, name === 'root' ? PASSWORD : `${PASSWORD} of ${name}`)
  assert.equal(answer.status, 200, answer.text)
  return String(answer.headers['set-cookie']).split(';')[0] ?? ''
}

describe('sessions of browsers', () => {
  test('a login gives a cookie that no script reads and no other site sends; its id is stored nowhere', async () => {
    const answer = await signIn('olga', `${PASSWORD} of olga`)
    const cookie = String(answer.headers['set-cookie'])
    assert.match(cookie, /^tidemark-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    const id = /=([\w-]{43});/.exec(cookie)?.[1] ?? ''
    const { rows } = await sql<{ row: string }>`select person_session::text as row from person_session`.execute(
      server.platform.db,
    )
    assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes(id)))
    const who = await server.ask('GET', '/api/v1/session', { headers: { cookie: `tidemark-session=${id}` } })
    assert.equal((who.json.who as { name: string }).name, 'olga')
  })

  test('behind TLS the cookie is for TLS alone', async () => {
    const answer = await signIn('olga', `${PASSWORD} of olga`, {
      host: 'models.example',
      origin: 'https://models.example',
    })
    assert.match(
      String(answer.headers['set-cookie']),
      /^__Host-tidemark-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    )
  })

  test('it lets in until it is ended; then it is worth nothing', async () => {
    const cookie = await cookieFor('ann')
    assert.equal((await server.ask('GET', '/api/v1/info', { headers: { cookie } })).status, 200)
    const own = { cookie, origin: `http://127.0.0.1:${server.server.port}`, 'x-tidemark-page': '1' }
    const end = await server.ask('DELETE', '/api/v1/session', { headers: own })
    assert.equal(end.status, 200, end.text)
    assert.equal((await server.ask('GET', '/api/v1/info', { headers: { cookie } })).status, 401)
  })

  test('12 hours without a request, or a new password, end it', async () => {
    const idle = await cookieFor('ann')
    await sql`update person_session set seen_at = now() - interval '12 hours'`.execute(server.platform.db)
    assert.equal((await server.ask('GET', '/api/v1/info', { headers: { cookie: idle } })).status, 401)
    const [mine, other] = [await cookieFor('olga'), await cookieFor('olga')]
    const change = await server.ask('PUT', '/api/v1/session/password', {
      headers: { cookie: mine, origin: `http://127.0.0.1:${server.server.port}`, 'x-tidemark-page': '1' },
      body: { current: `${PASSWORD} of olga`, next: 'something else of olga' },
    })
    assert.equal(change.status, 200, change.text)
    assert.equal((await server.ask('GET', '/api/v1/info', { headers: { cookie: other } })).status, 401)
    assert.equal((await server.ask('GET', '/api/v1/info', { headers: { cookie: mine } })).status, 200)
    const { person } = await theMember('olga')
    await server.client.identity.setPerson({ params: { person }, body: { password: `${PASSWORD} of olga` } })
  })

  test('what another site’s page, form or script asks with somebody’s cookie changes nothing', async () => {
    const cookie = await cookieFor('root')
    const form = { 'content-type': 'application/x-www-form-urlencoded', cookie }
    const own = `http://127.0.0.1:${server.server.port}`
    const attacks: [string, string, Record<string, string>, string][] = [
      [
        'POST',
        '/api/2.0/mlflow/users/create',
        { ...form, origin: 'http://evil.example' },
        'username=evil&password=evil-evil-evil',
      ],
      ['POST', '/api/2.0/mlflow/users/create', { ...form, origin: 'null' }, 'username=evil&password=evil-evil-evil'],
      ['POST', '/api/2.0/mlflow/users/create', form, 'username=evil&password=evil-evil-evil'],
      [
        'POST',
        '/api/2.0/mlflow/users/create',
        { cookie, 'content-type': 'text/plain' },
        '{"username":"evil","password":"evil-evil-evil"}',
      ],
      [
        'POST',
        '/api/v1/people',
        { cookie, 'content-type': 'application/json', 'x-tidemark-page': '1' },
        '{"name":"evil","password":"evil-evil-evil","admin":true}',
      ],
      [
        'POST',
        '/api/v1/people',
        { cookie, origin: own, 'content-type': 'text/plain' },
        '{"name":"evil","password":"evil-evil-evil","admin":true}',
      ],
      [
        'POST',
        '/api/v1/people',
        { cookie, origin: `${own}.evil.example`, 'content-type': 'application/json', 'x-tidemark-page': '1' },
        '{"name":"evil","password":"evil-evil-evil","admin":true}',
      ],
      [
        'POST',
        '/api/v1/people',
        { cookie, 'sec-fetch-site': 'cross-site', 'x-tidemark-page': '1', 'content-type': 'application/json' },
        '{"name":"evil","password":"evil-evil-evil"}',
      ],
      ['DELETE', '/api/2.0/mlflow-artifacts/artifacts/0/x', { cookie, 'sec-fetch-site': 'same-site' }, ''],
      ['PUT', '/api/2.0/mlflow-artifacts/artifacts/0/x', { cookie }, 'bytes'],
    ]
    for (const [method, path, headers, body] of attacks) {
      const answer = await server.ask(method, path, { headers, body })
      assert.equal(answer.status, 403, `${method} ${path} ${JSON.stringify(headers)} ${answer.text}`)
    }
    const { people } = await server.client.identity.listPeople()
    assert.ok(!people.some(({ name }) => name === 'evil'))
    const asked = await server.ask('POST', '/api/2.0/mlflow/experiments/create', {
      headers: { cookie, origin: own, 'x-tidemark-page': '1' },
      body: { name: 'by the own page' },
    })
    assert.equal(asked.status, 200, asked.text)
  })

  test('another site cannot sign somebody in', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'http://evil.example', 'x-tidemark-page': '1' },
      { 'x-tidemark-page': '1' },
      { origin: `http://127.0.0.1:${server.server.port}` },
    ] as Record<string, string>[]) {
      const body = { name: 'olga', password: `${PASSWORD} of olga` }
      const answer = await server.ask('POST', '/api/v1/session', { body, headers })
      assert.equal(answer.status, 403, JSON.stringify(headers))
      assert.equal(answer.headers['set-cookie'], undefined)
    }
  })
})

describe('service tokens', () => {
  test('a token works as bearer and as a password, in its workspace with its role, until it is revoked', async () => {
    const { token, description } = await server.client.identity.createToken({
      body: { name: 'ci', role: 'editor', days: 7 },
    })
    assert.equal((await server.ask('GET', SEARCH, { token })).status, 200)
    assert.equal((await server.ask('GET', SEARCH, { headers: basic('ci', token) })).status, 200)
    const info = await server.ask('GET', '/api/v1/session', { token })
    assert.equal((info.json.who as { name: string }).name, 'ci')
    await server.client.identity.revokeToken({ params: { token: description.id } })
    assert.equal((await server.ask('GET', SEARCH, { token })).status, 401)
    assert.equal((await server.ask('GET', SEARCH, { headers: basic('ci', token) })).status, 401)
    const { tokens } = await server.client.identity.listTokens()
    const listed = tokens.find(({ id }) => id === description.id)
    assert.equal(listed?.state, 'revoked')
    assert.ok(listed?.lastUsedAt)
  })

  test('it may be for a few permissions alone, and is void when its time is over', async () => {
    const { token } = await server.client.identity.createToken({
      body: { name: 'reader', role: 'editor', permissions: ['registry.read'] },
    })
    assert.equal((await server.ask('GET', '/api/2.0/mlflow/registered-models/search', { token })).status, 200)
    assert.equal((await server.ask('GET', SEARCH, { token })).status, 403)
    const { token: old, description } = await server.client.identity.createToken({
      body: { name: 'old', role: 'viewer', days: 1 },
    })
    await sql`update service_token set expires_at = now() - interval '1 second' where id = ${description.id}`.execute(
      server.platform.db,
    )
    assert.equal((await server.ask('GET', SEARCH, { token: old })).status, 401)
  })

  test('neither a secret nor anything from which it follows is in the database or in an event', async () => {
    const { token } = await server.client.identity.createToken({ body: { name: 'secret one', role: 'viewer' } })
    await server.client.identity.createPerson({ body: { name: 'personal.name', password: 'a very secret password' } })
    const { rows } = await sql<{ row: string }>`select service_token::text as row from service_token`.execute(
      server.platform.db,
    )
    assert.ok(rows.every(({ row }) => !row.includes(token)))
    const events = await sql<{
      row: string
    }>`select event::text || convert_from(canonical, 'utf8') as row from event`.execute(server.platform.db)
    const text = events.rows.map(({ row }) => row).join('\n')
    assert.match(text, /identity\.token_created/)
    assert.match(text, /identity\.person_added/)
    for (const secret of [token, 'a very secret password', 'personal.name', 'olga'])
      assert.ok(!text.includes(secret), secret)
  })

  test('nobody gives what they have not, and a token makes itself no successor', async () => {
    const { token: owner } = await server.client.identity.createToken({ body: { name: 'owner', role: 'owner' } })
    const more = await server.ask('POST', '/api/v1/tokens', { token: owner, body: { name: 'more', role: 'admin' } })
    assert.equal((more.json.error as { code: string }).code, 'NOT_GIVABLE')
    const { token: half } = await server.client.identity.createToken({
      body: { name: 'half', role: 'owner', permissions: ['identity.manage', 'identity.read'] },
    })
    for (const [path, body, method] of [
      ['/api/v1/tokens', { name: 'x', role: 'viewer' }, 'POST'],
      ['/api/v1/members/ann', { role: 'owner' }, 'PUT'],
    ] as const)
      assert.equal((await server.ask(method, path, { token: half, body })).status, 403, path)
    const own = await server.ask('POST', '/api/v1/session/tokens', { ...as('ann'), body: { name: 'notebook' } })
    assert.equal(own.status, 201, own.text)
    const token = String(own.json.token)
    assert.equal((await server.ask('GET', SEARCH, { token })).status, 200)
    const next = await server.ask('POST', '/api/v1/session/tokens', { token, body: { name: 'next', days: 366 } })
    assert.equal((next.json.error as { code: string }).code, 'ONLY_PEOPLE')
    const everywhere = await server.ask('POST', '/api/v1/session/tokens', {
      ...as('ann'),
      body: { name: 'x', workspace: '*' },
    })
    assert.equal(everywhere.status, 403)
  })

  test('a person’s own token has the role that the person has now', async () => {
    await server.client.identity.setMember({ params: { name: 'ann' }, body: { role: 'owner' } })
    const own = await server.ask('POST', '/api/v1/session/tokens', { ...as('ann'), body: { name: 'as owner' } })
    const token = String(own.json.token)
    assert.equal((await server.ask('GET', '/api/v1/members', { token })).status, 200)
    await server.client.identity.setMember({ params: { name: 'ann' }, body: { role: 'editor' } })
    assert.equal((await server.ask('GET', '/api/v1/members', { token })).status, 403)
    assert.equal((await server.ask('GET', SEARCH, { token })).status, 200)
  })
})

describe('the first admin', () => {
  test('the token of the first start makes the first admin; once it was used no other is made', async () => {
    const info = await server.ask('GET', '/api/v1/session', { token: server.admin })
    assert.equal((info.json.who as { admin: boolean }).admin, true)
    assert.match(server.admin, /^tdm_/)
    const { createIdentity, createRunTokens } = await import('./index.ts')
    const none = async () => {}
    const again = createIdentity(server.platform, createRunTokens(server.internalToken, server.platform.clock), {
      open: none,
      close: none,
    })
    assert.equal(await again.firstAdminToken(), null)
  })

  test('the last admin stays one, and nobody removes themselves', async () => {
    const { people } = await server.client.identity.listPeople()
    const root = people.find(({ name }) => name === 'root')
    assert.ok(root)
    await assert.rejects(server.client.identity.removePerson({ params: { person: root.id } }), { code: 'LAST_ADMIN' })
    await assert.rejects(server.client.identity.setPerson({ params: { person: root.id }, body: { admin: false } }), {
      code: 'LAST_ADMIN',
    })
    const self = await server.ask('DELETE', `/api/v1/people/${root.id}`, as('root', PASSWORD))
    assert.equal((self.json.error as { code: string }).code, 'NOT_ONESELF')
  })

  test('no account is there that nobody made: no default and no empty password lets in', async () => {
    for (const [name, password] of [
      ['admin', 'password1234'],
      ['admin', 'password'],
      ['admin', ''],
      ['admin', 'admin'],
      ['', ''],
      ['root', ''],
      ['local', ''],
    ] as const) {
      const { status } = await server.ask('GET', SEARCH, as(name, password))
      assert.ok(status === 401 || status === 429, `${name}:${password} ${status}`)
    }
    for (const password of ['', 'short', '12345678901'])
      await assert.rejects(server.client.identity.createPerson({ body: { name: 'weak', password } }), {
        code: 'INVALID_REQUEST',
      })
  })
})

describe('users of MLflow’s login extension', () => {
  const admin = (body?: unknown): AskOptions => ({ token: server.admin, ...(body === undefined ? {} : { body }) })
  const users = '/api/2.0/mlflow/users'

  test('an admin makes, reads, lists, promotes and deletes them, with the answers of MLflow', async () => {
    const made = await server.ask('POST', `${users}/create`, admin({ username: 'mlf', password: 'a password of mlf' }))
    assert.equal(made.status, 200, made.text)
    const user = made.json.user as { id: number; username: string; is_admin: boolean }
    assert.deepEqual([typeof user.id, user.username, user.is_admin], ['number', 'mlf', false])
    const twice = await server.ask('POST', `${users}/create`, admin({ username: 'mlf', password: 'a password of mlf' }))
    assert.deepEqual([twice.status, twice.json.error_code], [400, 'RESOURCE_ALREADY_EXISTS'])
    assert.match(String(twice.json.message), /^User \(username=mlf\) already exists\./)
    assert.equal(
      (await server.ask('PATCH', `${users}/update-admin`, admin({ username: 'mlf', is_admin: true }))).status,
      200,
    )
    assert.deepEqual((await server.ask('GET', `${users}/get?username=mlf`, admin())).json, {
      user: { ...user, is_admin: true },
    })
    const { users: all } = (await server.ask('GET', `${users}/list`, admin())).json as { users: { username: string }[] }
    assert.ok(all.some(({ username }) => username === 'mlf'))
    assert.equal((await server.ask('DELETE', `${users}/delete`, admin({ username: 'mlf' }))).status, 200)
    const gone = await server.ask('GET', `${users}/get?username=mlf`, admin())
    assert.deepEqual([gone.status, gone.json.message], [404, 'User with username=mlf not found'])
    const short = await server.ask('POST', `${users}/create`, admin({ username: 'mlf', password: 'short' }))
    assert.equal(short.json.message, 'Password must be at least 12 characters.')
  })

  test('nobody signs up by themselves, and nobody but an admin changes another’s password', async () => {
    const body = { username: 'evil', password: 'evil-evil-evil' }
    assert.equal((await server.ask('POST', `${users}/create`, { body })).status, 401)
    assert.equal((await server.ask('POST', `${users}/create`, { ...as('olga'), body })).status, 403)
    for (const path of ['/signup', '/api/2.0/mlflow/users/create-ui'])
      assert.ok([401, 404, 501].includes((await server.ask('POST', path, { body })).status), path)
    const other = { username: 'root', password: 'evil-evil-evil' }
    assert.equal((await server.ask('PATCH', `${users}/update-password`, { ...as('olga'), body: other })).status, 403)
  })

  test('one’s own password needs the current one', async () => {
    const change = (body: object) =>
      server.ask('PATCH', `${users}/update-password`, { ...as('ann'), body: { username: 'ann', ...body } })
    assert.match((await change({ password: 'a new one of ann' })).text, /Current password is required/)
    assert.match(
      (await change({ password: 'a new one of ann', current_password: 'wrong wrong wrong' })).text,
      /does not match/,
    )
    assert.equal((await change({ password: 'a new one of ann', current_password: `${PASSWORD} of ann` })).status, 200)
    assert.equal((await server.ask('GET', SEARCH, as('ann'))).status, 401)
    assert.equal((await server.ask('GET', SEARCH, as('ann', 'a new one of ann'))).status, 200)
  })

  test('what has no like here says so by name', async () => {
    for (const [method, path] of [
      ['POST', '/api/3.0/mlflow/roles/create'],
      ['GET', '/api/3.0/mlflow/users/permissions/list?username=ann'],
    ] as const) {
      const answer = await server.ask(method, path, admin(method === 'POST' ? {} : undefined))
      assert.equal(answer.json.error_code, 'NOT_IMPLEMENTED', path)
    }
  })
})

test('names that look like this server’s are strangers, and so are their pages', async () => {
  const port = server.server.port
  for (const host of [
    '10.evil.example.com',
    `192.168.evil.example.com:${port}`,
    `localhost:${port}@evil.example.com`,
    `models.example.evil.example:${port}`,
    `models.example:${port}`,
    'xmodels.example',
    `0.0.0.0:${port}`,
  ]) {
    const answer = await server.ask('GET', '/api/v1/session', { token: server.admin, headers: { host } })
    assert.equal(answer.status, 403, host)
  }
  for (const origin of [
    'http://evil.example',
    'https://models.example.evil.example',
    `https://127.0.0.1:${port}`,
    'null',
  ]) {
    const answer = await server.ask('GET', '/api/v1/session', { token: server.admin, headers: { origin } })
    assert.equal(answer.status, 403, origin)
  }
  assert.equal((await server.ask('GET', '/health', { headers: { host: 'models.example' } })).status, 200)
})

test('a run token goes on working with login on, with a worker’s rights and no more', async () => {
  const { createRunTokens } = await import('./index.ts')
  const token = createRunTokens(server.internalToken, server.platform.clock).issue(
    { id: 'run-1', workspace: 'default' },
    new Date(Date.now() + 60_000),
  )
  const made = await server.ask('POST', '/api/2.0/mlflow/experiments/create', { token, body: { name: 'by a step' } })
  assert.equal(made.status, 200, made.text)
  for (const [method, path] of [
    ['GET', '/api/v1/members'],
    ['GET', '/api/v1/pipelines'],
    ['DELETE', '/api/2.0/mlflow-artifacts/artifacts/0/x'],
    ['POST', '/api/2.0/mlflow/experiments/delete'],
  ] as const)
    assert.equal((await server.ask(method, path, { token })).status, 403, path)
  const other = await server.ask('GET', SEARCH, { token, headers: { 'x-mlflow-workspace': 'elsewhere' } })
  assert.equal(other.status, 403)
})

// Last: from then on this machine's address has to wait.
describe('guessing', () => {
  test('after five failures a name waits, longer each time, wherever it is tried; what was right goes on', async () => {
    await server.client.identity.createPerson({ body: { name: 'target', password: `${PASSWORD} of target` } })
    await server.client.identity.setMember({ params: { name: 'target' }, body: { role: 'viewer' } })
    assert.equal((await server.ask('GET', SEARCH, as('target'))).status, 200)
    const answers: Asked[] = []
    for (let attempt = 0; attempt < 7; attempt++)
      answers.push(await server.ask('GET', SEARCH, as('target', `guess number ${attempt}`)))
    assert.deepEqual(
      answers.slice(0, 5).map(({ status }) => status),
      [401, 401, 401, 401, 401],
    )
    const limited = answers.find(({ status }) => status === 429)
    assert.ok(limited, answers.map(({ status }) => status).join())
    assert.equal(limited.json.error_code, 'REQUEST_LIMIT_EXCEEDED')
    assert.ok(Number(limited.headers['retry-after']) >= 1)
    assert.equal((await server.ask('GET', SEARCH, as('target'))).status, 200, 'the owner of the name is not locked out')
    const form = await signIn('target', 'one more guess')
    assert.deepEqual([form.status, (form.json.error as { code: string }).code], [429, 'TOO_MANY_FAILURES'])
    assert.ok(Number(form.headers['retry-after']) >= 1)
  })

  test('a hundred guesses at once are as many as one after another', async () => {
    await server.client.identity.createPerson({ body: { name: 'storm', password: `${PASSWORD} of storm` } })
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => server.ask('GET', SEARCH, as('storm', `guess number ${n}`))),
    )
    const looked = answers.filter(({ status }) => status === 401).length
    assert.ok(looked <= 6, `${looked} were looked at`)
    assert.equal(answers.filter(({ status }) => status === 429).length, 100 - looked)
  })
})
