import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Permission } from '@tidemark/contracts'
import { PERMISSIONS_OF } from './decide.ts'
import { type GuardedServer, startGuardedServer } from './testing.ts'

let server: GuardedServer
let viewer: string
let editor: string
let stranger: string
before(async () => {
  server = await startGuardedServer()
  await server.client.identity.createWorkspace({ body: { name: 'elsewhere' } })
  viewer = await server.tokenFor('viewer')
  editor = await server.tokenFor('editor')
  stranger = await server.tokenFor('viewer', 'elsewhere')
})
after(() => server.close())

/** Who is let in without a permission, and nobody else: a route that is added must be added here too, or be closed. */
const FREE: Readonly<Record<string, string>> = {
  'GET /health': 'everybody',
  'GET /readyz': 'everybody',
  'GET /api/v1/session': 'everybody',
  'POST /api/v1/session': 'everybody',
  'DELETE /api/v1/session': 'signed-in',
  'PUT /api/v1/session/password': 'signed-in',
  'POST /api/v1/session/tokens': 'signed-in',
  'GET /api/v1/workspaces': 'signed-in',
  ...Object.fromEntries(
    ['/api', '/ajax-api'].flatMap((prefix) => [
      [`GET ${prefix}/2.0/mlflow/users/current`, 'signed-in'],
      [`PATCH ${prefix}/2.0/mlflow/users/update-password`, 'signed-in'],
      [`GET ${prefix}/3.0/mlflow/server-info`, 'signed-in'],
      [`GET ${prefix}/3.0/mlflow/workspaces`, 'signed-in'],
      [`GET ${prefix}/3.0/mlflow/workspaces/:workspace`, 'signed-in'],
    ]),
  ),
  'GET /internal/snapshot': 'gateways',
  'GET /internal/blobs/:digest': 'gateways',
  'POST /internal/confirmations': 'gateways',
  'POST /internal/mismatches': 'gateways',
  'POST /internal/unlogged': 'gateways',
  'DELETE /internal/gateways/:gateway': 'gateways',
}

const routes = () =>
  server.server.app.declaredRoutes
    // HEAD stands beside every GET with the same rights; the UI's own files are public and looked at below.
    .filter(({ method }) => method !== 'HEAD')
    .map((route) => ({ ...route, name: `${route.method} ${route.url}` }))
const isFile = ({ url, config }: { url: string; config: { access?: unknown } }) =>
  config.access === 'everybody' && /^\/(|index\.html|favicon\.svg|no-eval\.js|assets\/[\w.-]+)$/.test(url)
const isPages = ({ name }: { name: string }) => name === 'GET /*'
const closed = () => routes().filter((route) => !(route.name in FREE) && !isFile(route) && !isPages(route))
/** A path for a route: something stands for each parameter. */
const pathOf = (url: string) => url.replaceAll(/:[A-Za-z_]+/g, '0').replaceAll('*', 'anything')
const neededBy = ({ method, config }: { method: string; config: { permission?: unknown } }) =>
  (typeof config.permission === 'function' ? config.permission(method) : config.permission) as Permission

test('the whole router is known: more than 200 routes, and each that is free is on the list', () => {
  assert.ok(routes().length > 200, `${routes().length} routes`)
  const free = routes().filter((route) => route.config.access && !isFile(route) && !isPages(route))
  assert.deepEqual(Object.fromEntries(free.map(({ name, config }) => [name, config.access])), FREE)
  const unsaid = closed().filter((route) => typeof neededBy(route) !== 'string')
  assert.deepEqual(unsaid, [])
})

test('without credentials every route but health, the login and the UI’s files answers 401, and says how to come in', async () => {
  const wrong: string[] = []
  let asked = 0
  for (const { method, url, name } of [
    ...closed(),
    ...routes().filter(({ name }) => FREE[name] === 'signed-in' || FREE[name] === 'gateways'),
  ]) {
    const answer = await server.ask(method, pathOf(url))
    asked += 1
    const challenge = String(answer.headers['www-authenticate'] ?? '')
    const expected = url.startsWith('/api/v1/') ? /^Bearer realm=/ : /^Basic realm="mlflow"/
    if (answer.status !== 401 || (FREE[name] !== 'gateways' && !expected.test(challenge)))
      wrong.push(`${name}: ${answer.status} ${challenge}`)
    if (/^\/(ajax-)?api\/[23]/.test(url) && method !== 'HEAD' && answer.json.error_code !== 'UNAUTHENTICATED')
      wrong.push(`${name}: ${answer.text}`)
  }
  assert.deepEqual(wrong, [])
  assert.ok(asked > 200, `${asked} asked`)
})

test('HEAD is as closed as GET, and so is what is not there', async () => {
  for (const path of ['/api/2.0/mlflow/experiments/search', '/metrics', '/api/v1/events', '/get-artifact'])
    assert.equal((await server.ask('HEAD', path)).status, 401, path)
  for (const path of ['/api/v1/nothing', '/api/2.0/mlflow/nothing', '/nothing', '/v1/nothing'])
    assert.equal((await server.ask('GET', path)).status, 401, path)
  assert.equal((await server.ask('OPTIONS', '/api/2.0/mlflow/runs/create')).status, 401)
  assert.equal((await server.ask('POST', '/nothing')).status, 401)
})

test('what is wrong or void opens no route', async () => {
  const bad = [
    'Bearer nothing',
    `Bearer ${server.internalToken}`,
    `Bearer tdm_${'A'.repeat(43)}`,
    'Bearer ',
    'Basic ',
    'Basic YWRtaW46cGFzc3dvcmQxMjM0',
    'Digest username="admin"',
    '',
  ]
  for (const authorization of bad) {
    for (const path of ['/api/v1/info', '/api/2.0/mlflow/experiments/search?max_results=1', '/metrics'])
      assert.equal(
        (await server.ask('GET', path, { headers: { authorization } })).status,
        401,
        `${authorization} ${path}`,
      )
  }
})

test('a viewer of another workspace gets 403 from every route of this one', async () => {
  const wrong: string[] = []
  for (const { method, url, name } of closed()) {
    const headers = { 'x-mlflow-workspace': 'default' }
    const answer = await server.ask(method, pathOf(url), { token: stranger, headers })
    if (answer.status !== 403) wrong.push(`${name}: ${answer.status}`)
  }
  assert.deepEqual(wrong, [])
})

for (const [role, who] of [
  ['viewer', () => viewer],
  ['editor', () => editor],
] as const) {
  test(`one who is ${role} gets 403 from every route whose permission that role has not, before anything else is looked at`, async () => {
    const wrong: string[] = []
    const refused = closed().filter((route) => !PERMISSIONS_OF[role].includes(neededBy(route)))
    for (const { method, url, name } of refused) {
      const answer = await server.ask(method, pathOf(url), { token: who() })
      if (answer.status !== 403) wrong.push(`${name}: ${answer.status} ${answer.text.slice(0, 80)}`)
    }
    assert.deepEqual(wrong, [])
    assert.ok(refused.length > (role === 'viewer' ? 80 : 20), `${refused.length} asked`)
  })
}

test('what changes something needs more than to read: by its method, searches and explanations alone excepted', () => {
  const reading = closed().filter(
    (route) => neededBy(route).endsWith('.read') && !['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(route.method),
  )
  const searches = reading.filter(({ url }) =>
    /(search|search-datasets|get-latest-versions|graphql|explanations?)$/.test(url),
  )
  assert.deepEqual(
    reading.filter((route) => !searches.includes(route)).map(({ name }) => name),
    [],
  )
})

test('a viewer reads, an editor writes; the gate does not stand in their way', async () => {
  for (const path of [
    '/api/v1/info',
    '/api/2.0/mlflow/experiments/search?max_results=5',
    '/version',
    '/metrics',
    '/api/v1/stream',
  ])
    assert.equal((await server.ask('GET', path, { token: viewer })).status, 200, path)
  const made = await server.ask('POST', '/api/2.0/mlflow/experiments/create', {
    token: editor,
    body: { name: 'by an editor' },
  })
  assert.equal(made.status, 200, made.text)
})

test('a route that does not say who may use it stops the start of a server', async () => {
  const { createHttp } = await import('../platform/http.ts')
  const { createMetrics } = await import('../platform/telemetry.ts')
  const names = { hosts: new Set<string>(), named: new Set<string>() }
  const app = createHttp({ log: server.platform.log, metrics: createMetrics(), names: () => names })
  app.register(async (scope) => {
    scope.get('/forgotten', async () => 'secret')
  })
  await assert.rejects(async () => app.ready(), /The route GET \/forgotten does not say who may use it/)
})

test('the pages and files of the UI are public, and hold nothing but themselves', async () => {
  const page = await server.ask('GET', '/login', { headers: { accept: 'text/html' } })
  assert.equal(page.status, 200)
  const files = routes().filter(isFile)
  assert.ok(files.length > 3, 'the UI is built')
  for (const { url } of files.slice(0, 5)) assert.equal((await server.ask('GET', url)).status, 200, url)
  for (const path of ['/api/v1/info', '/internal/snapshot', '/ajax-api/2.0/mlflow/runs/search'])
    assert.equal((await server.ask('GET', path, { headers: { accept: 'text/html' } })).status, 401, path)
})
