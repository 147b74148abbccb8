import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Observation } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { startTestServer, type TestServer } from '../../platform/testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
})
after(() => server.close())

const policy = { errorMarginPercent: 5 }
const begin = async (name: string) =>
  (await server.client.deployments.createEvidenceRollout({ body: { name, policy } })).id

/** What a mesh would count of 100 callers: each is on the candidate with the weight's chance, and stays there. */
function counted(seed: number, rates: { champion: number; candidate: number }, weightPercent = 50): Observation[] {
  const uniform = seededUniform(seed)
  return Array.from({ length: 100 }, (_, n) => {
    const arm = uniform() * 100 < weightPercent ? ('candidate' as const) : ('champion' as const)
    const requests = 1 + Math.floor(uniform() * 20)
    const errors = Array.from({ length: requests }, () => uniform() < rates[arm]).filter(Boolean).length
    return { caller: `caller-${seed}-${n}`, arm, weightPercent, stage: 1, requests, errors }
  })
}

async function reportUntil(id: string, rates: { champion: number; candidate: number }, verdict: string, most: number) {
  const params = { id }
  for (let seed = 1; seed <= most; seed += 1) {
    const body = { report: `r-${seed}`, observations: counted(seed, rates) }
    const found = await server.client.deployments.observeRollout({ params, body })
    if (found.verdict === verdict) return { reports: seed, found }
  }
  throw new Error(`No verdict "${verdict}" within ${most} reports of 100 callers.`)
}

test('a version that fails more is found by the counts of a mesh, in the shape that a web metric reads', async (t) => {
  const id = await begin('shop-v2')
  const { reports, found } = await reportUntil(id, { champion: 0.02, candidate: 0.08 }, 'roll_back', 40)
  t.diagnostic(`2 % → 8 %: found after ${reports * 100} callers`)
  assert.deepEqual([found.healthy, found.proven], [false, false])
  assert.match(found.reason, /% of its requests fail, .* harm is proven/)
  const again = await server.client.deployments.rolloutVerdict({ params: { id } })
  assert.equal(again.verdict, 'roll_back')
  const { events } = await server.client.platform.listEvents({ query: { subject: `rollout:${id}`, limit: 10 } })
  assert.deepEqual(
    events.map(({ type }) => type.replace('deployments.evidence_rollout_', '')),
    ['judged', 'begun'],
  )
})

test('a version that is as good is proven so within the margin', async (t) => {
  const id = await begin('shop-v3')
  const { reports, found } = await reportUntil(id, { champion: 0.02, candidate: 0.02 }, 'promote', 60)
  t.diagnostic(`2 % → 2 %, margin 5 points: proven after ${reports * 100} callers`)
  assert.equal(found.proven, true)
})

test('a report counts once, and one with a mistake counts not at all', async () => {
  const id = await begin('shop-v4')
  const params = { id }
  const observations = counted(1, { champion: 0.02, candidate: 0.02 })
  const requests = observations.reduce((sum, each) => sum + each.requests, 0)
  const { observeRollout, listEvidenceRollouts } = server.client.deployments
  await observeRollout({ params, body: { report: 'a', observations } })
  await observeRollout({ params, body: { report: 'a', observations } })
  const wrong = observations.map((each, n) => (n === 3 ? { ...each, errors: each.requests + 1 } : each))
  await assert.rejects(observeRollout({ params, body: { report: 'b', observations: wrong } }), /observations\[3\]/)
  const { rollouts } = await listEvidenceRollouts({ query: {} })
  assert.equal(rollouts.find((each) => each.id === id)?.requests, requests)
})

test('an ended rollout keeps its verdict and takes nothing more', async () => {
  const id = await begin('shop-v5')
  const params = { id }
  const observations = counted(1, { champion: 0, candidate: 0 })
  await server.client.deployments.observeRollout({ params, body: { report: 'first', observations } })
  const { rollouts } = await server.client.deployments.listEvidenceRollouts({ query: {} })
  const before = rollouts.find((each) => each.id === id)
  const ended = await server.client.deployments.endEvidenceRollout({ params, body: { reason: 'shipped' } })
  const requests = observations.reduce((sum, each) => sum + each.requests, 0)
  assert.deepEqual([ended.state, ended.verdict, ended.requests], ['ended', before?.verdict, requests])
  const left = await server.platform.database.pool.query(
    `select (select count(*) from rollout_evidence where rollout = $1 and open) as open,
      (select count(*) from evidence_report where rollout = $1) as reports`,
    [id],
  )
  assert.deepEqual(
    left.rows.map(({ open, reports }) => [Number(open), Number(reports)]),
    [[0, 0]],
  )
  const body = { report: 'late', observations }
  await assert.rejects(server.client.deployments.observeRollout({ params, body }), /takes no more observations/)
})
