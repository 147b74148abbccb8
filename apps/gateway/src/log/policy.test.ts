import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { type Snapshot, UnloggedAnswers } from '@tidemark/contracts'
import { endpoint, fixture, snapshot } from '../fixtures.ts'
import { type RunningGateway, startGateway } from '../gateway.ts'
import { createLog } from '../telemetry.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-policy-'))
/** Stands in for the server: it has one snapshot and takes note of what it is told. */
let server: Server
let gateway: RunningGateway
const told: UnloggedAnswers[] = []

const PLAIN = { sensitive: {}, caller: 'plain' } as const
const served: Snapshot = {
  ...snapshot(1, [
    { ...endpoint('strict'), logging: { ...PLAIN, unwritable: 'refuse' } },
    { ...endpoint('lenient'), logging: { ...PLAIN, unwritable: 'serve_unlogged' } },
    {
      ...endpoint('private'),
      logging: { sensitive: { genre: 'hash', budget: 'mask' }, caller: 'hash', unwritable: 'refuse' },
    },
  ]),
  logKey: 'ab'.repeat(32),
}

before(async () => {
  server = createServer(async (request, reply) => {
    if (request.url?.startsWith('/internal/snapshot?') && request.url.endsWith('after=-1')) {
      reply.setHeader('content-type', 'application/json').end(JSON.stringify(served))
      return
    }
    if (request.url?.startsWith('/internal/snapshot')) {
      setTimeout(() => reply.writeHead(204).end(), 500)
      return
    }
    if (request.url === '/internal/unlogged') told.push(UnloggedAnswers.parse(JSON.parse(await text(request))))
    reply.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { bytes, digest } = fixture('champion')
  mkdirSync(join(dataDir, 'gateway/blobs'), { recursive: true })
  writeFileSync(join(dataDir, 'gateway/blobs', digest.slice('sha256:'.length)), bytes)
  gateway = await startGateway(
    {
      dataDir,
      host: '127.0.0.1',
      port: 0,
      serverUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      internalToken: 'a-token-of-at-least-thirty-two-characters',
      defaultEndpoint: undefined,
      logLevel: 'fatal',
    },
    createLog('silent'),
  )
})
after(async () => {
  await gateway.stop()
  server.closeAllConnections()
  server.close()
  rmSync(dataDir, { recursive: true })
})

async function ask(name: string): Promise<Response> {
  return fetch(`${gateway.url}/endpoints/${name}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'tidemark-caller': 'ann@example.org' },
    body: JSON.stringify({ dataframe_records: [{ budget: 20.5, running_time: 110, genre: 'Drama' }] }),
  })
}

/** Nothing can be written: a file lies where the log's folder was. Before the first record, whose open segment would go on taking records. */
async function withoutLog(work: () => Promise<void>): Promise<void> {
  const folder = join(dataDir, 'log', gateway.id)
  renameSync(folder, `${folder}-away`)
  writeFileSync(folder, '')
  try {
    await work()
  } finally {
    rmSync(folder)
    renameSync(`${folder}-away`, folder)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

test('a log that cannot be written: one endpoint refuses, the other serves and says so, and the server is told how often', async () => {
  await withoutLog(async () => {
    const refused = await ask('strict')
    assert.equal(refused.status, 503)
    assert.match(await refused.text(), /prediction log cannot be written/)
    for (let n = 0; n < 3; n++) {
      const answered = await ask('lenient')
      assert.equal(answered.status, 200)
      assert.equal(answered.headers.get('tidemark-logged'), 'no')
    }
    assert.equal((await fetch(`${gateway.url}/readyz`)).status, 503, 'an endpoint that refuses is not ready')
  })
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(metrics, /tidemark_gateway_unlogged_answers_total\{endpoint="lenient"\} 3/)
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(
    told.reduce((sum, { answers }) => sum + answers, 0),
    3,
  )
  assert.deepEqual([told[0]?.endpoint, told[0]?.gateway], ['lenient', gateway.id])
  const again = await ask('lenient')
  assert.equal(again.headers.get('tidemark-logged'), null)
})

test('what is sensitive is answered as ever and is nowhere on the disk', async () => {
  assert.equal((await ask('private')).status, 200)
  const folder = join(dataDir, 'log', gateway.id)
  const lines = readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
  const written = lines.filter((line) => line.includes('"endpoint":"private"')).join('')
  assert.doesNotMatch(written, /Drama|20\.5|ann@/)
  assert.match(written, /"hmac:[0-9a-f]{32}"/)
})
