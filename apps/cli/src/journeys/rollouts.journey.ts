import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { EndpointPolicy, HEADERS, type Rollout } from '@tidemark/contracts'
import { settled, until } from '../demo/settle.ts'
import { letIn as letVersionIn } from './let-in.ts'
import { killAndRecover, standing } from './ordeal.ts'
import { type Site, startPlatform } from './platform.ts'
import { runScript } from './python.ts'

const ENDPOINT = 'prices'
const MODEL = 'prices'
/** In the order in which the script registers them. */
const VERSIONS = { champion: 1, slow: 2, leaking: 3, crashing: 4, worse: 5, good: 6, unseen: 7 } as const
const GENRES = ['Drama', 'Comedy', 'Western', 'Horror', 'Musical']

const POLICY = EndpointPolicy.parse({
  rollout: {
    shadow: { minEntities: 20 },
    canary: [
      { weightPercent: 20, minCallers: 30 },
      // Long enough to be paused in: proof is there before.
      { weightPercent: 50, minCallers: 30, minHours: 20 / 3600 },
    ],
    errorMarginPercent: 10,
    lossMargin: 0.5,
    warmUpAnswers: 5,
    latency: { quantile: 0.9, marginPercent: 50 },
    onTimeLimit: 'roll_back',
  },
  workers: { processes: 1, memoryMegabytes: 1024 },
})

let site: Site
before(async () => {
  site = await startPlatform('rollouts')
  await runScript('worker.txt', 'apps/cli/src/journeys/fixtures/log_rollout_versions.py', site.connection.url)
  const { client } = site.connection
  const params = { endpoint: ENDPOINT }
  await client.deployments.putEndpoint({ params, body: { model: MODEL, version: VERSIONS.champion, policy: POLICY } })
  await until('the endpoint to serve', async () => {
    const { state, problem } = await client.deployments.getEndpoint({ params })
    assert.notEqual(state, 'broken', problem ?? '')
    return state === 'serving' || undefined
  })
})
after(() => site.end())

const letIn = (version: number) => letVersionIn(site, { endpoint: ENDPOINT, model: MODEL, version })

let asked = 0

/** One visit: a caller asks about a thing of its own, and its true price becomes known. */
async function visit(): Promise<{ entity: string; value: number }> {
  const n = asked++
  const budget = n % 50
  const entity = `thing-${n}`
  const body = { dataframe_split: { columns: ['budget', 'genre'], data: [[budget, GENRES[n % GENRES.length]]] } }
  const response = await fetch(`${site.connection.gatewayUrl}/endpoints/${ENDPOINT}/invocations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [HEADERS.caller]: `caller-${n % 240}`, [HEADERS.entity]: entity },
    body: JSON.stringify(body),
  })
  await response.body?.cancel()
  return { entity, value: budget * 2 }
}

/** Visits until the rollout is as asked, at most so many. */
async function visitUntil(id: string, done: (rollout: Rollout) => boolean, most = 8000): Promise<Rollout> {
  const { client } = site.connection
  const get = () => client.deployments.getRollout({ params: { id } })
  for (let round = 0; round * 24 < most; round += 1) {
    const labels = await Promise.all(Array.from({ length: 24 }, () => visit()))
    await client.monitoring.putLabels({ params: { endpoint: ENDPOINT }, body: { labels } })
    const rollout = await get()
    if (done(rollout)) return rollout
    assert.ok(!isOver(rollout), `it ended before: ${rollout.reason}`)
  }
  throw new Error(`After ${most} requests the rollout was not as expected: ${(await get()).reason}`)
}

const isOver = ({ state }: Rollout) => state.kind === 'promoted' || state.kind === 'rolled_back'

for (const [name, guardrails] of [
  ['slow', ['latency']],
  ['leaking', ['errors', 'latency']],
  // Its process is started again each time: what waits meanwhile is slow.
  ['crashing', ['errors', 'latency']],
  ['worse', ['loss']],
] as const) {
  test(`a ${name} version is rolled back without anybody's help`, async (t) => {
    const version = VERSIONS[name]
    const began = asked
    const id = await letIn(version)
    const { state, reason, timeline, decisions, guardrails: seen } = await visitUntil(id, isOver)
    t.diagnostic(`${asked - began} requests: ${reason}`)
    t.diagnostic(
      seen.map((each) => `${each.name} e = ${each.harmEValue.toPrecision(3)} of ${each.harmNeeds}`).join(', '),
    )
    assert.equal(state.kind, 'rolled_back')
    assert.ok(state.kind === 'rolled_back' && (guardrails as readonly string[]).includes(state.guardrail), reason)
    const end = await until('the rollback to be in force', async () => {
      const { timeline } = await site.connection.client.deployments.getRollout({ params: { id } })
      return timeline.at(-1)?.confirmedAt ? timeline.at(-1) : undefined
    })
    const ms = Date.parse(end.confirmedAt ?? '') - Date.parse(end.at)
    t.diagnostic(`in force on the gateway ${ms} ms after the decision, after ${timeline.length - 1} stages`)
    assert.ok(ms < 1000, `${ms} ms`)
    const { same, different, byPersons } = await site.connection.client.deployments.replayRollout({ params: { id } })
    assert.deepEqual([same, different, byPersons], [decisions.length, 0, 0])
  })
}

test('a version that nobody sees is ended by its policy', async (t) => {
  const { client } = site.connection
  const first = await letIn(VERSIONS.unseen)
  await client.deployments.abortRollout({ params: { id: first }, body: { reason: 'it gets a policy of its own' } })
  const policy = { ...POLICY.rollout, maxDays: 4 / 86_400 }
  const body = { version: VERSIONS.unseen, reason: 'nobody will come', policy }
  const { id } = await client.deployments.startRollout({ params: { endpoint: ENDPOINT }, body })
  const ended = await until('the end of it', async () => {
    const now = await client.deployments.getRollout({ params: { id } })
    return isOver(now) ? now : undefined
  })
  t.diagnostic(ended.reason)
  assert.deepEqual(ended.state, { kind: 'rolled_back', guardrail: 'time' })
  assert.equal(ended.progress.requests, 0)
})

test('a good version goes through kill -9 of the server in each of its stages, stands where it stood, and is promoted on proof', async (t) => {
  const { client } = site.connection
  const id = await letIn(VERSIONS.good)
  const params = { id }
  const stages = [
    ['shadow', ({ state }: Rollout) => state.kind === 'shadow'],
    ['first step', ({ state }: Rollout) => state.kind === 'canary' && state.step === 0],
    ['last step', ({ state }: Rollout) => state.kind === 'canary' && state.step === 1],
  ] as const
  for (const [stage, isAt] of stages) {
    // Nobody visits until it is paused there: however busy the machine is, no stage goes by unseen.
    await until(`the ${stage}`, async () => {
      const now = await client.deployments.getRollout({ params })
      return (isAt(now) && now.confirmed) || undefined
    })
    await client.deployments.pauseRollout({ params, body: { reason: `the server is killed in its ${stage}` } })
    const enough = ({ progress, state }: Rollout) =>
      state.kind === 'shadow' ? progress.pairs >= 20 : progress.callersAtStep >= 30
    await visitUntil(id, enough)
    await settled(site.connection)
    const before = await client.deployments.getRollout({ params })
    assert.ok(isAt(before), `paused in its ${stage}, it went on: ${before.reason}`)
    await killAndRecover(site, 'server')
    await settled(site.connection)
    assert.deepEqual(standing(await client.deployments.getRollout({ params })), standing(before), stage)
    await client.deployments.resumeRollout({ params, body: { reason: 'the server is there again' } })
  }
  const { state, decisions, reason, timeline } = await visitUntil(id, isOver)
  t.diagnostic(reason)
  assert.deepEqual(state, { kind: 'promoted', proof: 'non-inferiority proven' })
  assert.deepEqual(
    timeline.map(({ kind, weights }) => [kind, weights[0]?.weightPercent]),
    [
      ['shadow', 0],
      ['canary', 20],
      ['canary', 50],
      ['end', 100],
    ],
  )
  const replayed = await client.deployments.replayRollout({ params: { id } })
  t.diagnostic(`${replayed.same} decisions computed again from storage, ${replayed.different} different`)
  assert.deepEqual([replayed.same, replayed.different, replayed.byPersons], [decisions.length - 6, 0, 6])
})
