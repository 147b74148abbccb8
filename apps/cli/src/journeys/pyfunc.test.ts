import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'
import { ask, serve } from './serving.ts'

const FIXTURES = 'apps/cli/src/journeys/fixtures'
const SERVES_WITHIN_MS = 60_000

test('models without a signature, of tensors and of lists are served from log_model to an answer, through the unmodified client', async () => {
  const site = await startPlatform('pyfunc')
  try {
    const { client, url, gatewayUrl } = site.connection
    await runScript('worker.txt', `${FIXTURES}/log_pyfuncs.py`, url)
    const endpoints = ['summary', 'network', 'two-heads', 'tags']
    const served = endpoints.map((endpoint) => serve(client, endpoint, SERVES_WITHIN_MS))
    for (const { state, problem } of await Promise.all(served)) assert.equal(state, 'serving', problem ?? '')
    const said = await runScript('worker.txt', `${FIXTURES}/ask_pyfuncs.py`, url, [new URL(gatewayUrl).port])
    assert.match(said, /as logged/)

    const { endpoints: listed } = await client.deployments.listEndpoints({})
    assert.deepEqual(Object.fromEntries(listed.map(({ name, input }) => [name, input.kind])), {
      summary: 'any',
      network: 'tensors',
      'two-heads': 'tensors',
      tags: 'columns',
    })
    const wrong = await ask(gatewayUrl, 'network', {
      inputs: [
        [
          [0, 1, 2],
          [1, 0, 2],
        ],
      ],
    })
    assert.equal(wrong.status, 400)
    assert.match(String(wrong.body.message), /row 0: it must be finite numbers in an array of shape \[2, 2\]/)
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

async function untilLogged(client: Client, endpoint: string) {
  const until = Date.now() + SERVES_WITHIN_MS
  for (;;) {
    const found = await client.monitoring.listPredictions({ params: { endpoint }, query: {} })
    if (found.predictions.length > 0) return found
    assert.ok(Date.now() < until, `No prediction of ${endpoint} was read from the log.`)
    await sleep(100)
  }
}
