import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'
import { ask, serve } from './serving.ts'

const FIXTURE = 'apps/cli/src/journeys/fixtures/log_frameworks.py'
/** An environment that was never built is downloaded first. */
const SERVES_WITHIN_MS = 900_000
const Told = z.record(z.string(), z.object({ body: z.unknown(), predictions: z.array(z.json()) }))

const environments: [string, string[]][] = [
  ['boosting.txt', ['xgboost', 'lightgbm']],
  ['tensorflow.txt', ['keras']],
  ['torch.txt', ['torch']],
]
for (const [lock, libraries] of environments) {
  test(`${libraries.join(' and ')}: a real model is logged, served in its own environment, and answers as it does in Python`, async (t) => {
    const site = await startPlatform('frameworks')
    try {
      const { client, url, gatewayUrl } = site.connection
      const said = await runScript(lock, FIXTURE, url, libraries)
      const told = Told.parse(JSON.parse(said.slice(said.indexOf('told ') + 'told '.length)))
      for (const library of libraries) {
        const start = performance.now()
        assert.deepEqual(await serve(client, library, SERVES_WITHIN_MS), { state: 'serving', problem: null })
        const served = performance.now() - start
        const { status, body } = await ask(gatewayUrl, library, told[library]?.body)
        assert.equal(status, 200, JSON.stringify(body))
        const { runtime } = await client.deployments.getEndpoint({ params: { endpoint: library } })
        const difference = largestDifference(body.predictions, told[library]?.predictions)
        t.diagnostic(
          `${library}: ${runtime}, serves after ${(served / 1000).toFixed(1)} s, largest difference ${difference.toExponential(1)}`,
        )
        assert.ok(
          difference <= 1e-4,
          `${library}: ${JSON.stringify(body.predictions)} for ${JSON.stringify(told[library]?.predictions)}`,
        )
      }
    } finally {
      await site.end()
    }
  })
}

function largestDifference(got: unknown, wanted: unknown): number {
  if (Array.isArray(got) && Array.isArray(wanted) && got.length === wanted.length) {
    return Math.max(0, ...got.map((item, place) => largestDifference(item, wanted[place])))
  }
  return typeof got === 'number' && typeof wanted === 'number' ? Math.abs(got - wanted) : Number.POSITIVE_INFINITY
}
