import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ENDPOINT, PIPELINE } from '../demo/config.ts'
import { settled, until } from '../demo/settle.ts'
import { type Audience, openToVisitors } from './audience.ts'
import { allEvents, answersInLog } from './evidence.ts'
import { type MetricWriter, startMetricWriter } from './metric-writer.ts'
import {
  assertNothingLost,
  aWhile,
  killAndRecover,
  killWhileTraining,
  rolloutUnderWay,
  runEnds,
  standing,
  stepBegins,
  tally,
  triesOf,
} from './ordeal.ts'
import { type Site, startPlatform } from './platform.ts'
import { openFilmSite } from './site.ts'
import type { Victim } from './victims.ts'

// The tests share one platform and go on from each other: what the last one counts is what all crashes left.
let site: Site
let audience: Audience
let writer: MetricWriter
before(async () => {
  site = await startPlatform('crash')
  await openFilmSite(site)
  audience = await openToVisitors(site.connection)
  writer = await startMetricWriter(site.connection.url)
})
after(() => site.end())

/** Until an event of a type is there, newest first, caused by what the test did. */
async function eventHappens(type: string, subject?: string): Promise<void> {
  await until(`the event ${type}`, async () => {
    const { events } = await site.connection.client.platform.listEvents({ query: { type, subject, limit: 1 } })
    return events[0]
  })
}

const VICTIMS: readonly Victim[] = ['server', 'gateway', 'database', 'database connection', 'step', 'worker']
for (const [index, victim] of VICTIMS.entries())
  test(`kill -9 of the ${victim} while training and serving: it serves again and the training ends`, async (t) => {
    const { run, recoveredMs } = await killWhileTraining(site, [victim], 100 + index)
    t.diagnostic(`served again after ${recoveredMs} ms; the training ${run.state} at try ${triesOf(run)}`)
    assert.equal(run.state, 'succeeded', run.reason ?? '')
    await aWhile()
  })

test('a server killed between any two stations of the loop does each of them once', async (t) => {
  const { client } = site.connection
  const body = { parameters: { asOf: '2000-01', trees: 300 }, purpose: 'retraining', endpoint: ENDPOINT } as const
  const { run } = await client.pipelines.startRun({ params: { pipeline: PIPELINE }, body })
  const subject = `pipeline-run:${run}`
  await stepBegins(site, run, 'evaluate')
  await killAndRecover(site, 'server')
  const { modelVersion } = await runEnds(site, run)
  assert.ok(modelVersion)
  await killAndRecover(site, 'server')
  await eventHappens('registry.candidate_registered', `model-version:${modelVersion}`)
  await killAndRecover(site, 'server')
  await eventHappens('evaluation.gates_passed', `model-version:${modelVersion}`)
  await killAndRecover(site, 'server')
  const { state } = await rolloutUnderWay(site, 'shadow')
  const ended = (await allEvents(site.connection)).filter((event) => event.subject === subject)
  t.diagnostic(`${modelVersion} came through four kills into ${state.kind}; events of its run: ${ended.length}`)
  assert.equal(ended.length, 2)
})

test('a rollout that crashes while nobody comes stands where it stood, with the same evidence', async (t) => {
  await rolloutUnderWay(site, 'canary')
  await audience.pause()
  await settled(site.connection)
  const { client } = site.connection
  const before = await rolloutUnderWay(site, 'canary')
  const own = answersInLog(site.platform.dataDir).filter(({ rollout }) => rollout?.id === before.id)
  assert.equal(before.progress.requests, own.length)
  for (const victim of ['server', 'gateway', 'database'] as const) {
    await killAndRecover(site, victim)
    await settled(site.connection)
    const now = await client.deployments.getRollout({ params: { id: before.id } })
    assert.deepEqual(standing(now), standing(before), `after the ${victim} was killed`)
  }
  t.diagnostic(`${before.progress.requests} requests and ${before.progress.pairs} pairs before and after three kills`)
  audience.goOn()
})

test('a rollout goes on through crashes under traffic and promotes once', async (t) => {
  const { client } = site.connection
  const { id } = await rolloutUnderWay(site, 'canary')
  for (const victim of ['server', 'database', 'gateway'] as const) {
    await killAndRecover(site, victim)
    await aWhile()
  }
  await eventHappens('deployments.rollout_promoted', `rollout:${id}`)
  await killAndRecover(site, 'server')
  const { state, decisions, version } = await client.deployments.getRollout({ params: { id } })
  assert.equal(state.kind, 'promoted')
  // The counting at the end says that it was set once.
  await until(`the alias champion to be set to ${version}`, async () => {
    const { events } = await client.platform.listEvents({ query: { type: 'registry.alias_set', limit: 1 } })
    return events[0]?.payload.version === version || undefined
  })
  t.diagnostic(`promoted: ${decisions.find(({ kind }) => kind === 'promote')?.reason}`)
})

test('after all of it nothing acknowledged is missing, nothing is counted twice, nothing decided is done twice', async (t) => {
  const found = await tally(site, audience, writer)
  t.diagnostic(JSON.stringify(found))
  assertNothingLost(found)
})
