import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import { ErrorReply } from '@tidemark/contracts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

interface Raw {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** A request with exactly these headers; fetch would set its own Host. */
function raw(path: string, headers: Record<string, string>, method = 'GET'): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: server.server.port, path, method, headers }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }))
    })
    call.on('error', reject)
    call.end()
  })
}

const port = () => server.server.port

for (const host of [
  'evil.example.com',
  '10.evil.example.com',
  'localhost.evil.example.com',
  '127.0.0.1',
  'localhost:1',
  'localhost:99@evil.example.com',
]) {
  test(`the host "${host}" is refused`, async () => {
    const answer = await raw('/api/v1/info', { host })
    assert.equal(answer.status, 403)
    assert.equal(ErrorReply.parse(JSON.parse(answer.body)).error.code, 'HOST_REFUSED')
  })
}

test('the loopback names of its own port are answered', async () => {
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
    assert.equal((await raw('/health', { host: `${name}:${port()}` })).status, 200)
  }
})

for (const origin of ['http://evil.example.com', 'null', 'https://localhost', 'http://localhost.evil.example.com']) {
  test(`a page of "${origin}" may not call it`, async () => {
    const answer = await raw('/api/v1/info', { host: `localhost:${port()}`, origin })
    assert.equal(answer.status, 403)
    assert.match(answer.body, /ORIGIN_REFUSED/)
  })
}

test('its own page may call it', async () => {
  assert.equal(
    (await raw('/api/v1/info', { host: `localhost:${port()}`, origin: `http://localhost:${port()}` })).status,
    200,
  )
})

test('an invalid request names each wrong field and has a request id', async () => {
  const answer = await raw('/api/v1/events?limit=0&after=x', { host: `localhost:${port()}` })
  assert.equal(answer.status, 400)
  const { error } = ErrorReply.parse(JSON.parse(answer.body))
  assert.deepEqual(error.details?.map((detail) => detail.path).sort(), ['query.after', 'query.limit'])
  assert.equal(answer.headers['x-request-id'], error.requestId)
})

test('a route that is not there says where the API is described', async () => {
  const answer = await raw('/api/v1/nothing', { host: `localhost:${port()}` })
  assert.equal(answer.status, 404)
  assert.match(answer.body, /openapi\.json/)
})

test('the static files cannot be left', async () => {
  for (const path of [
    '/../package.json',
    '/%2e%2e/package.json',
    '/assets/..%2f..%2f..%2fpackage.json',
    '/..%5cpackage.json',
  ]) {
    const answer = await raw(path, { host: `localhost:${port()}`, accept: '*/*' })
    assert.notEqual(answer.status, 200, path)
    assert.doesNotMatch(answer.body, /"workspaces"/)
  }
})

test('the API describes itself', async () => {
  const answer = await raw('/api/v1/openapi.json', { host: `localhost:${port()}` })
  const document = JSON.parse(answer.body) as { openapi: string; paths: Record<string, unknown> }
  assert.equal(document.openapi, '3.1.0')
  assert.ok(document.paths['/api/v1/events/{id}'])
})

test('the metrics are readable by Prometheus', async () => {
  const answer = await raw('/metrics', { host: `localhost:${port()}` })
  assert.match(answer.body, /^# TYPE tidemark_http_request_seconds histogram$/m)
})
