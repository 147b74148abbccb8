import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Site, startPlatform } from './platform.ts'
import { CLONE, runScript } from './python.ts'
import { ask, serve } from './serving.ts'

const FIXTURES = 'apps/cli/src/journeys/fixtures'
const SERVES_WITHIN_MS = 60_000

test('models without a signature, of tensors and of lists are served from log_model to an answer, through the unmodified client', async () => {
  const site = await startPlatform('pyfunc')
  try {
    const { client, url, gatewayUrl } = site.connection
    await runScript('worker.txt', `${FIXTURES}/log_pyfuncs.py`, url)
    const endpoints = ['summary', 'network', 'two-heads', 'tags', 'nosy']
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
      nosy: 'columns',
    })
    if (process.getuid?.() === 0) await findsNothing(site)
    const wrong = await ask(gatewayUrl, 'network', {
      inputs: [
        [
          [0, 1, 2],
          [1, 0, 2],
        ],
      ],
    })
    assert.equal(wrong.status, 400)
    assert.match(String(wrong.body.message), /Row 0 is no array of shape \[2, 2\]/)
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

/** As root a model has a user of its own: it reads, writes, signals and asks nothing of the platform, and knows none of its secrets. */
async function findsNothing({ connection, platform }: Site): Promise<void> {
  const { dataDir } = platform
  const { server, gateway, database } = platform.pids()
  const closed: [string, string][] = [
    ...['gateway', 'blobs', 'log', 'run', 'postgres'].map((name): [string, string] => ['read', join(dataDir, name)]),
    ...[dataDir, join(dataDir, 'gateway'), join(CLONE, 'apps'), join(CLONE, '.local'), '/etc', '/usr/lib'].map(
      (folder): [string, string] => ['write', folder],
    ),
    ...[server, gateway, database].flatMap((pid): [string, string][] => [
      ['signal', `${pid}`],
      ['read', `/proc/${pid}/environ`],
    ]),
    ['ask', `${connection.url}/internal/snapshot?gateway=x&after=-1`],
  ]
  const { status, body } = await ask(connection.gatewayUrl, 'nosy', {
    dataframe_split: { columns: ['what', 'target'], data: [...closed, ['environment', '']] },
  })
  assert.equal(status, 200, JSON.stringify(body))
  const told = body.predictions as string[]
  closed.forEach(([what, target], place) => {
    assert.match(told[place] ?? '', /^refused: (PermissionError|OSError|HTTPError HTTP Error 401)/, `${what} ${target}`)
  })
  assert.match(told.at(-1) ?? '', /PYTHONPATH=/)
  assert.doesNotMatch(told.at(-1) ?? '', /TIDEMARK_|DATABASE_URL|TOKEN|SECRET|postgres:/i)
}

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
