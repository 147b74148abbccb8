import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { EndpointPolicy, HEADERS, type ReplayReport } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { settled, until } from '../demo/settle.ts'
import { type Site, startPlatform } from './platform.ts'
import { runScript } from './python.ts'
import { find, killNow } from './victims.ts'

const ENDPOINT = 'prices'
const MODEL = 'prices'
/** In the order in which the script registers them. */
const VERSIONS = { champion: 1, same: 2, buggy: 3 } as const
const GENRES = ['Drama', 'Comedy', 'Western', 'Horror', 'Musical']
const REQUESTS = 400
/** One to three rows each. */
const ROWS = REQUESTS * 2 - 1

let site: Site
before(async () => {
  site = await startPlatform('replay-python')
  await runScript('worker.txt', 'apps/cli/src/journeys/fixtures/log_python_prices.py', site.connection.url)
  const { client } = site.connection
  const params = { endpoint: ENDPOINT }
  for (const version of Object.values(VERSIONS))
    await until(`version ${version} to be prepared`, async () => {
      const { preparation, problem, runtime } = await client.runtimes.getVersionRuntime({
        params: { model: MODEL, version },
      })
      assert.notEqual(preparation, 'failed', problem ?? '')
      if (preparation === 'done') assert.equal(runtime, 'python', `version ${version}`)
      return preparation === 'done' || undefined
    })
  const policy = EndpointPolicy.parse({ gates: { loss: 'absolute_error' }, workers: { processes: 2 } })
  await client.deployments.putEndpoint({ params, body: { model: MODEL, version: VERSIONS.champion, policy } })
  await until('the endpoint to serve', async () => {
    const { state, problem } = await client.deployments.getEndpoint({ params })
    assert.notEqual(state, 'broken', problem ?? '')
    return state === 'serving' || undefined
  })
  await ask()
  await settled(site.connection)
})
after(() => site?.end())

/** Twenty at a time, so that the gateway's process is given several requests at once, as the replay's is. */
async function ask(): Promise<void> {
  const uniform = seededUniform(5)
  const send = async (request: number) => {
    const rows = 1 + (request % 3)
    const data = Array.from({ length: rows }, () => [
      uniform() * 100,
      60 + uniform() * 120,
      GENRES[Math.floor(uniform() * GENRES.length)],
    ])
    // The gateway may not have heard of the endpoint yet when the first one comes.
    await until('an answer of the gateway', async () => {
      const response = await fetch(`${site.connection.gatewayUrl}/endpoints/${ENDPOINT}/invocations`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [HEADERS.entity]: data.map((_, row) => `thing-${request}-${row}`).join(','),
        },
        body: JSON.stringify({ dataframe_split: { columns: ['budget', 'minutes', 'genre'], data } }),
      })
      const said = await response.text()
      if (request > 0) assert.equal(response.status, 200, said)
      return response.status === 200 || undefined
    })
  }
  await send(0)
  for (let from = 1; from < REQUESTS; from += 20)
    await Promise.all(Array.from({ length: Math.min(20, REQUESTS - from) }, (_, place) => send(from + place)))
}

/** Replays a version; `disturb` is asked meanwhile, again and again. */
async function replay(version: number, disturb?: () => Promise<void>): Promise<{ id: string; report: ReplayReport }> {
  const { client } = site.connection
  const asked = { version, tolerance: 0.5 }
  const { id } = await client.replays.start({ params: { endpoint: ENDPOINT }, body: asked })
  const report = await until(
    `the replay of version ${version}`,
    async () => {
      await disturb?.()
      const view = await client.replays.get({ params: { id } })
      if (view.finishedAt === null) return undefined
      assert.equal(view.state, 'done', view.problem ?? '')
      return view.report ?? undefined
    },
    300,
  )
  return { id, report }
}

function tell(t: TestContext, { summary, latency }: ReplayReport): void {
  t.diagnostic(summary)
  t.diagnostic(
    `p50 ${latency?.candidate.p50.toFixed(1)} ms in the model, ${latency?.logged.p50.toFixed(1)} ms as logged`,
  )
}

test('a version that runs in Python answers as it did to the last bit, though its process is killed once', async (t) => {
  let killed = false
  const { report } = await replay(VERSIONS.same, async () => {
    const running = find(site.platform, 'replay')
    if (killed || !running) return
    killed = true
    await killNow(running)
  })
  tell(t, report)
  assert.ok(killed)
  const { answers, disagreement, latency } = report
  assert.deepEqual([report.logged.rows, answers.rows, answers.equal, answers.identical], [ROWS, ROWS, ROWS, true])
  assert.deepEqual([answers.failed, answers.refused, disagreement.rows], [0, 0, 0])
  assert.ok((latency?.requests ?? 0) >= 20)
})

test('one that is wrong about a genre and fails on another is found in both, with the words it failed by', async (t) => {
  const { id, report } = await replay(VERSIONS.buggy)
  tell(t, report)
  const { answers, slices } = report
  assert.equal(answers.rows, ROWS)
  assert.ok(answers.failed > 100 && answers.failed < ROWS, `${answers.failed} rows have no answer`)
  assert.match(answers.problem ?? '', /no surcharge for a musical/)
  const apart = slices.all.filter(({ verdict }) => verdict === 'apart').map(({ value }) => value)
  assert.deepEqual(apart.sort(), ['Horror', 'Musical'])
  const { flips } = await site.connection.client.replays.flips({ params: { id }, query: { limit: 1000 } })
  const wrong = flips.filter(({ problem }) => problem === null)
  assert.ok(wrong.length > 20)
  for (const { difference } of wrong) assert.ok(Math.abs((difference ?? 0) + 15) < 1e-9, `${difference}`)
  const failed = flips.filter(({ problem }) => problem !== null)
  assert.equal(failed.length, answers.failed)
})
