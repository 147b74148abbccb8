import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EndpointSnapshot } from '@tidemark/contracts'
import { endpoint, fixture, snapshot, variant } from './fixtures.ts'
import { type RunningGateway, startGateway } from './gateway.ts'
import { startKept } from './kept.ts'
import { createLog } from './telemetry.ts'

const film = { dataframe_split: { columns: ['budget', 'running_time', 'genre'], data: [[20.5, 110, 'Drama']] } }

/** A gateway that starts without its server, from what an earlier one kept on the disk. */
async function withKept(
  endpoints: EndpointSnapshot[],
  defaultEndpoint: string | undefined,
  work: (gateway: RunningGateway, dataDir: string) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-gateway-'))
  const { bytes, digest } = fixture('champion')
  mkdirSync(join(dataDir, 'gateway/blobs'), { recursive: true })
  writeFileSync(join(dataDir, 'gateway/blobs', digest.slice('sha256:'.length)), bytes)
  writeFileSync(join(dataDir, 'gateway/snapshot.json'), JSON.stringify(snapshot(7, endpoints)))
  const internalToken = 'a-token-of-at-least-thirty-two-characters'
  const config = { dataDir, host: '127.0.0.1', port: 0, serverUrl: await nobody(), internalToken, defaultEndpoint }
  const gateway = await startGateway({ ...config, logLevel: 'fatal' }, createLog('fatal'))
  try {
    await work(gateway, dataDir)
  } finally {
    await gateway.stop()
    rmSync(dataDir, { recursive: true })
  }
}

/** An address where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

async function ask(gateway: RunningGateway, path: string, body: unknown = film) {
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('without a server a gateway serves what it kept, and a canary stays with the champion', async () => {
  const canary = endpoint('films', {
    kind: 'canary',
    rollout: '00000000-0000-7000-8000-000000000001',
    stage: 1,
    candidate: variant('champion', 'films/2'),
    weightPercent: 100,
    salt: 's',
  })
  await withKept([canary], undefined, async (gateway) => {
    const answer = await ask(gateway, '/invocations')
    assert.deepEqual([answer.status, answer.body.model_version], [200, 'films/1'])
    assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200)
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
    assert.match(metrics, /tidemark_gateway_snapshot_version 7/)
    assert.match(metrics, /tidemark_gateway_server_silence_seconds \+?Inf/)
  })
})

test('the root serves the named endpoint of several', async () => {
  await withKept([endpoint('films'), endpoint('other')], 'other', async (gateway) => {
    assert.equal((await ask(gateway, '/invocations')).status, 200)
    assert.equal((await fetch(`${gateway.url}/ping`)).status, 200)
  })
})

test('an endpoint whose files are nowhere is unavailable, and does not keep the others from serving', async () => {
  const lost = { ...endpoint('lost'), champion: variant('candidate', 'films/9') }
  await withKept([lost, endpoint('films')], undefined, async (gateway) => {
    assert.equal((await ask(gateway, '/endpoints/films/invocations')).status, 200)
    const answer = await ask(gateway, '/endpoints/lost/invocations')
    assert.deepEqual([answer.status, answer.body.error_code], [503, 'TEMPORARILY_UNAVAILABLE'])
    assert.equal((await ask(gateway, '/endpoints/none/invocations')).status, 404)
    assert.match(String((await ask(gateway, '/invocations')).body.message), /films, lost/)
  })
})

test('where there is a login, who has no token learns no name', async () => {
  const kept = await startKept({ ...snapshot(7, [endpoint('films'), endpoint('other')]), access: { tokens: [] } })
  try {
    for (const path of ['/invocations', '/endpoints/films/invocations', '/endpoints/none/invocations']) {
      const response = await fetch(kept.url + path, { method: 'POST', body: JSON.stringify(film) })
      assert.equal(response.status, 401, path)
      assert.doesNotMatch(await response.text(), /films/)
    }
  } finally {
    await kept.end()
  }
})

test('a file that is not what its name says is not loaded', async () => {
  await withKept([endpoint('films')], undefined, async (gateway, dataDir) => {
    await gateway.stop()
    const { digest } = fixture('champion')
    writeFileSync(join(dataDir, 'gateway/blobs', digest.slice('sha256:'.length)), fixture('candidate').bytes)
    const config = { dataDir, host: '127.0.0.1', port: 0, serverUrl: await nobody(), internalToken: 'x'.repeat(32) }
    const again = await startGateway({ ...config, defaultEndpoint: undefined, logLevel: 'fatal' }, createLog('fatal'))
    assert.equal((await ask(again, '/invocations')).status, 503)
    await again.stop()
  })
})

test('a body beyond the limit is refused', async () => {
  await withKept([endpoint('films')], undefined, async (gateway) => {
    const answer = await ask(gateway, '/invocations', { more: 'x'.repeat(17 * 1024 * 1024) })
    assert.deepEqual([answer.status, answer.body.error_code], [413, 'BAD_REQUEST'])
  })
})
