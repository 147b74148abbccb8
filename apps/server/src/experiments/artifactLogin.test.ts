import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type GuardedServer, startGuardedServer } from '../identity/testing.ts'

const PROXY = '/api/2.0/mlflow-artifacts'
let server: GuardedServer
let editor: string
let viewer: string
before(async () => {
  server = await startGuardedServer()
  const made = await server.ask('POST', '/api/3.0/mlflow/workspaces', { token: server.admin, body: { name: 'other' } })
  assert.ok(made.status < 300, made.text)
  editor = await server.tokenFor('editor')
  viewer = await server.tokenFor('viewer')
})
after(() => server.close())

test('a part is taken from who shows what the upload began with, and from nobody by its address alone', async () => {
  const body = { path: 'big.bin', num_parts: 1 }
  const begun = await server.ask('POST', `${PROXY}/mpu/create/team`, { token: editor, body })
  const { upload_id: id, credentials } = begun.json as {
    upload_id: string
    credentials: { url: string; headers: Record<string, string> }[]
  }
  const [part] = credentials
  assert.ok(part)
  const address = new URL(part.url).pathname
  const send = (given: { token?: string; headers?: Record<string, string> }) =>
    server.ask('PUT', address, { body: 'bytes', ...given })
  const stranger = await server.tokenFor('editor', 'other')
  assert.equal((await send({})).status, 401)
  assert.equal((await send({ token: viewer })).status, 403)
  assert.equal((await send({ token: stranger })).status, 404, 'another workspace has no such upload')
  assert.equal((await send({ token: stranger, headers: { 'x-mlflow-workspace': 'default' } })).status, 403)
  assert.equal((await send({ token: await server.tokenFor('owner') })).status, 404, 'nor has another person')
  const sent = await send({ headers: part.headers })
  assert.equal(sent.status, 200, sent.text)
  const complete = (token: string) =>
    server.ask('POST', `${PROXY}/mpu/complete/team`, {
      token,
      body: { path: 'big.bin', upload_id: id, parts: [{ part_number: 1, etag: sent.headers.etag }] },
    })
  assert.equal((await complete(viewer)).status, 403)
  assert.equal((await complete(stranger)).status, 404)
  assert.equal((await complete(editor)).status, 200)
  assert.equal((await server.ask('GET', `${PROXY}/artifacts/team/big.bin`, { token: viewer })).text, 'bytes')
})

test('files of one workspace are neither read, listed, replaced nor deleted from another', async () => {
  const ask = (method: string, path: string, token: string, body?: string) =>
    server.ask(method, path, { token, ...(body === undefined ? {} : { body }) })
  assert.equal((await ask('PUT', `${PROXY}/artifacts/team/a.txt`, editor, 'ours')).status, 200)
  const stranger = await server.tokenFor('owner', 'other')
  assert.equal((await ask('GET', `${PROXY}/artifacts/team/a.txt`, stranger)).status, 404)
  assert.equal((await ask('GET', `${PROXY}/artifacts?path=team`, stranger)).text, '{}')
  assert.equal(
    (await ask('PUT', `${PROXY}/artifacts/team/a.txt`, stranger, 'theirs')).status,
    200,
    'a name of their own',
  )
  assert.equal((await ask('DELETE', `${PROXY}/artifacts/team/a.txt`, stranger)).status, 200)
  assert.equal((await ask('GET', `${PROXY}/artifacts/team/a.txt`, editor)).text, 'ours')
})

test('a viewer writes and deletes nothing, and only who may manage the platform sweeps', async () => {
  for (const [method, path] of [
    ['PUT', `${PROXY}/artifacts/team/b.txt`],
    ['DELETE', `${PROXY}/artifacts/team/a.txt`],
    ['POST', `${PROXY}/mpu/create/team`],
    ['POST', '/ajax-api/2.0/mlflow/upload-artifact?run_uuid=x&path=y'],
  ] as const) {
    assert.equal((await server.ask(method, path, { token: viewer, body: 'x' })).status, 403, `${method} ${path}`)
  }
  for (const token of [viewer, editor, await server.tokenFor('owner')]) {
    assert.equal((await server.ask('POST', '/api/v1/blobs/sweep', { token, body: { dryRun: true } })).status, 403)
  }
  const swept = await server.ask('POST', '/api/v1/blobs/sweep', { token: server.admin, body: { dryRun: true } })
  assert.equal(swept.status, 200, swept.text)
})
