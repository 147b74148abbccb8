import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'

const FIXTURES = 'apps/cli/src/journeys/fixtures'
const SERVES_WITHIN_MS = 60_000

test('models without a signature, of tensors and of lists are served from log_model to an answer, through the unmodified client', async () => {
  const site = await startPlatform('pyfunc')
  try {
    const { client, url, gatewayUrl } = site.connection
    await runScript('worker.txt', `${FIXTURES}/log_pyfuncs.py`, url)
    const endpoints = ['summary', 'network', 'two-heads', 'tags']
    for (const endpoint of endpoints) {
      await client.deployments.putEndpoint({ params: { endpoint }, body: { model: endpoint, version: 1 } })
    }
    for (const endpoint of endpoints) await serves(site.connection.client, endpoint)
    const said = await runScript('worker.txt', `${FIXTURES}/ask_pyfuncs.py`, url, [new URL(gatewayUrl).port])
    assert.match(said, /as logged/)

    const { endpoints: listed } = await client.deployments.listEndpoints({})
    assert.deepEqual(Object.fromEntries(listed.map(({ name, input }) => [name, input.kind])), {
      summary: 'any',
      network: 'tensors',
      'two-heads': 'tensors',
      tags: 'columns',
    })
    const response = await fetch(`${gatewayUrl}/endpoints/network/invocations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"inputs": [[[0, 1, 2], [1, 0, 2]]]}',
    })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /row 0: it must be finite numbers in an array of shape \[2, 2\]/)
    const { predictions } = await untilLogged(client, 'two-heads')
    assert.deepEqual(
      predictions.slice(0, 2).map((row) => row.prediction),
      [
        { sum: 3, larger: true },
        { sum: 7, larger: false },
      ],
    )
  } finally {
    await site.end()
  }
})

type Client = Awaited<ReturnType<typeof startPlatform>>['connection']['client']

async function serves(client: Client, endpoint: string): Promise<void> {
  const until = Date.now() + SERVES_WITHIN_MS
  for (;;) {
    const { state, problem } = await client.deployments.getEndpoint({ params: { endpoint } })
    assert.notEqual(state, 'broken', problem ?? '')
    const answered = await fetch(`${new URL((await client.deployments.getEndpoint({ params: { endpoint } })).url)}`, {
      method: 'POST',
    })
    if (state === 'serving' && answered.status !== 404 && answered.status !== 503) return
    assert.ok(Date.now() < until, `${endpoint} is ${state}, and its address answers ${answered.status}`)
    await sleep(100)
  }
}

async function untilLogged(client: Client, endpoint: string) {
  const until = Date.now() + SERVES_WITHIN_MS
  for (;;) {
    const found = await client.monitoring.listPredictions({ params: { endpoint }, query: {} })
    if (found.predictions.length > 0) return found
    assert.ok(Date.now() < until, `No prediction of ${endpoint} was read from the log.`)
    await sleep(100)
  }
}
