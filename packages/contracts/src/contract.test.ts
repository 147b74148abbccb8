import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { createClient, fillPath } from './client.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { TidemarkError } from './errors.ts'
import { api } from './index.ts'
import { openApiDocument } from './openapi.ts'

const endpoints: readonly Endpoint[] = Object.values(api).flatMap((group) => Object.values(group))

test('each method and path stands for one endpoint, below the versioned root', () => {
  // Names of parameters are no difference: /a/:b and /a/:c are the same to a router.
  const places = endpoints.map(({ method, path }) => `${method} ${path.replaceAll(/:[A-Za-z]+/g, ':')}`)
  assert.ok(places.length > 40, `${places.length} endpoints were read`)
  assert.deepEqual(
    places.filter((place, at) => places.indexOf(place) !== at),
    [],
  )
  assert.deepEqual(
    endpoints.filter(({ path }) => !path.startsWith('/api/v1/')).map(({ path }) => path),
    [],
  )
})

test('the parameters that a path names are the ones that its schema reads', () => {
  for (const { method, path, params } of endpoints) {
    const named = [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => String(name))
    const read = params instanceof z.ZodObject ? Object.keys(params.shape) : []
    assert.deepEqual(read.sort(), named.sort(), `${method} ${path}`)
  }
})

/** Questions whose rows or choices need a body. */
const ASKED_BY_POST = [
  'POST /api/v1/predictions/:id/explanation',
  'POST /api/v1/models/:model/versions/:version/explanations',
]

test('what only reads needs a permission to read, what changes something needs another', () => {
  const reads = ({ method, path }: { method: string; path: string }) =>
    method === 'GET' || ASKED_BY_POST.includes(`${method} ${path}`)
  const wrong = endpoints.filter(
    (endpoint) =>
      endpoint.permission !== 'signed-in' &&
      endpoint.permission !== 'everybody' &&
      reads(endpoint) !== endpoint.permission.endsWith('.read'),
  )
  assert.deepEqual(
    wrong.map(({ method, path, permission }) => `${method} ${path} ${permission}`),
    [],
  )
})

test('only what a person does with their own session needs no permission in a workspace', () => {
  const free = endpoints.filter(({ permission }) => permission === 'signed-in' || permission === 'everybody')
  assert.deepEqual(free.map(({ method, path, permission }) => `${method} ${path} ${permission}`).sort(), [
    'DELETE /api/v1/session signed-in',
    'GET /api/v1/session everybody',
    'GET /api/v1/workspaces signed-in',
    'POST /api/v1/session everybody',
    'POST /api/v1/session/tokens signed-in',
    'PUT /api/v1/session/password signed-in',
  ])
})

test('every reference of the OpenAPI document leads to a schema that it holds', () => {
  const document = openApiDocument(api, '0.0.0') as { components: { schemas: Record<string, unknown> } }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
  assert.ok(references.length > 50, `${references.length} references were read`)
  for (const [, name] of references) assert.ok(String(name) in document.components.schemas, String(name))
})

const things = {
  rename: endpoint({
    method: 'POST',
    path: '/api/v1/things/:name',
    summary: 'Renames a thing',
    tag: 'things',
    permission: 'data.write',
    params: z.object({ name: z.string() }),
    query: z.object({ tag: z.array(z.string()).optional(), since: z.date().optional() }),
    body: z.object({ to: z.string() }),
    reply: z.object({ at: z.coerce.date() }),
  }),
}

test('the client puts a call into path, query and body, and parses the reply', async () => {
  const asked: { url: string; method: string | undefined; body: unknown }[] = []
  const client = createClient(
    { things },
    {
      baseUrl: 'http://127.0.0.1:5000',
      fetch: async (url, init) => {
        asked.push({ url: String(url), method: init?.method, body: init?.body })
        return new Response('{"at":"2010-12-31T00:00:00Z"}')
      },
    },
  )
  const since = new Date('2000-01-01T00:00:00Z')
  const reply = await client.things.rename({
    params: { name: 'a b/c' },
    query: { tag: ['x', 'y'], since },
    body: { to: 'd' },
  })
  assert.deepEqual(asked, [
    {
      url: 'http://127.0.0.1:5000/api/v1/things/a%20b%2Fc?tag=x&tag=y&since=2000-01-01T00%3A00%3A00.000Z',
      method: 'POST',
      body: '{"to":"d"}',
    },
  ])
  assert.equal(reply.at.getTime(), Date.UTC(2010, 11, 31))
})

test('an error reply is thrown with its code and status, an unreadable one with what it said', async () => {
  const answering = (body: string, status: number) =>
    createClient({ things }, { baseUrl: '', fetch: async () => new Response(body, { status }) })
  const call = { params: { name: 'a' }, query: {}, body: { to: 'b' } }
  const known = '{"error":{"code":"NOT_FOUND","message":"There is no thing.","requestId":"r1"}}'
  await assert.rejects(
    answering(known, 404).things.rename(call),
    (error) => error instanceof TidemarkError && error.code === 'NOT_FOUND' && error.status === 404,
  )
  await assert.rejects(
    answering('<html>Bad gateway</html>', 502).things.rename(call),
    (error) =>
      error instanceof TidemarkError && error.code === 'UNREADABLE_ANSWER' && /Bad gateway/.test(error.message),
  )
})

test('a path is not made without all of its parameters', () => {
  assert.equal(fillPath('/a/:b', { b: 'x y' }), '/a/x%20y')
  assert.throws(() => fillPath('/a/:b', {}), /needs "b"/)
})
