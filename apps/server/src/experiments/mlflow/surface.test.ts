import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../../platform/testing.ts'
import { partNotYet } from './notYet.ts'

let server: TestServer
before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
})
after(() => server.close())

const file = new URL('../../../../../packages/mlflow-protocol/fixtures/routes.txt', import.meta.url)
const routes = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [method = '', path = ''] = line.split(' ')
    return { method, path, url: path.replace(/<(?:path:)?\w+>/g, 'x1') }
  })

// What a stock server without an object store says of presigned downloads too: that is the answer, not the lack of one.
const MLFLOW_REFUSES = /Multipart download is not supported for the current artifact repository/

async function ask(method: string, url: string): Promise<{ status: number; text: string }> {
  const hasBody = method !== 'GET' && method !== 'DELETE'
  const answer = await fetch(server.url + url, {
    method,
    ...(hasBody ? { headers: { 'content-type': 'application/json' }, body: '{}' } : {}),
  })
  return { status: answer.status, text: await answer.text() }
}

test('every route of MLflow is answered: by what it does, or by a refusal that names what is missing', async () => {
  assert.ok(routes.length > 400)
  const wrong: string[] = []
  let missing = 0
  for (const { method, path, url } of routes) {
    const { status, text } = await ask(method, url)
    const part = partNotYet(url)
    const said = `${method} ${path}: ${status} ${text.slice(0, 120)}`
    if (part !== null) {
      missing += 1
      const body = text.startsWith('{') ? JSON.parse(text) : {}
      const named = body.error_code === 'NOT_IMPLEMENTED' && String(body.message).startsWith(`${part} `)
      if (status !== 501 || !named) wrong.push(said)
    } else if (MLFLOW_REFUSES.test(text)) {
      assert.equal(status, 501)
    } else if (status === 405 || status >= 500 || /<title>404|NO_SUCH_ROUTE/.test(text)) {
      wrong.push(said)
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(missing > 0 && missing < routes.length)
})

test('a path that MLflow has not either is not found, as MLflow says it', async () => {
  for (const url of ['/api/2.0/mlflow/nothing', '/ajax-api/3.0/mlflow/nothing', '/api/2.0/mlflow/runs/nothing']) {
    const { status, text } = await ask('GET', url)
    assert.equal(status, 404, url)
    assert.match(text, /^<!doctype html>\n<html lang=en>\n<title>404 Not Found<\/title>/)
  }
})
