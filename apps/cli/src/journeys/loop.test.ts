import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import endpoints from '../commands/endpoints.ts'
import { ENDPOINT, MODEL } from '../demo/config.ts'
import { filmsOf, monthStart, readFilms } from '../demo/films.ts'
import { Site } from '../demo/site.ts'
import { createStory } from '../demo/story.ts'
import { Traffic } from '../demo/traffic.ts'
import { startPlatform } from './platform.ts'
import { CLONE } from './python.ts'
import { openFilmSite } from './site.ts'

/** From here on the audience rates every film 1: no version can have learnt that. */
const COLLAPSE = monthStart(2000, 1)
const MOST_MONTHS = 15

/** What must have led to a promotion, in this order; other events may lie between. */
const CHAIN = [
  'monitoring.window_closed',
  'monitoring.performance_lost',
  'automation.retraining_decided',
  'pipelines.run_started',
  'pipelines.run_succeeded',
  'registry.candidate_registered',
  'evaluation.gates_passed',
  'governance.version_approved',
  'deployments.rollout_started',
  'deployments.rollout_shifted',
  'deployments.rollout_promoted',
]

test('lost performance ends, without a hand, in a new champion by way of every station', async (t) => {
  const platform = await startPlatform('loop-test')
  const { client, gatewayUrl } = platform.connection
  const traffic = new Traffic(gatewayUrl)
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-loop-'))
  try {
    // Its first version has two trees, which any forest beats on the gates' holdout.
    await openFilmSite(platform)
    const params = { endpoint: ENDPOINT }
    const { policy, columns } = await client.deployments.getEndpoint({ params })
    assert.ok(policy.automation)
    // Wide margins and few films: here the way counts, not how sure one is at its end.
    const rollout = {
      ...policy.rollout,
      shadow: { minEntities: 3 },
      canary: [{ weightPercent: 50, minCallers: 10 }],
      lossMargin: 2,
      errorMarginPercent: 40,
      onTimeLimit: 'roll_back' as const,
    }
    const automation = {
      ...policy.automation,
      parameters: { holdoutMonths: 24, trees: 60 },
      costPerTraining: 0,
      maxTrainings: 1,
    }
    const file = join(folder, 'endpoint.json')
    writeFileSync(
      file,
      JSON.stringify({ name: ENDPOINT, model: MODEL, replay: true, policy: { ...policy, rollout, automation } }),
    )
    assert.equal(await endpoints.run(['apply', file, '--url', platform.connection.url]), 0)
    const { policy: declared } = await client.deployments.getEndpoint({ params })
    assert.deepEqual([declared.rollout.lossMargin, declared.automation?.maxTrainings], [2, 1])

    const films = filmsOf(readFilms()).map((film) => (film.released < COLLAPSE ? film : { ...film, rating: 1 }))
    const context = {
      platform: platform.connection,
      story: createStory(() => {}),
      traffic,
      folder: `${CLONE}examples/films`,
      root: CLONE,
    }
    const site = new Site(context, films, columns)
    const ended = async () =>
      (await client.platform.listEvents({ query: { type: 'deployments.rollout_promoted', limit: 1 } })).events[0]
    for (let month = 0; month < MOST_MONTHS && !(await ended()); month += 1) await site.playMonth()

    const promoted = await ended()
    assert.ok(promoted, `no promotion in ${MOST_MONTHS} months`)
    const { chain } = await client.governance.why({ params: { id: promoted.id } })
    const happened = chain.map(({ type }) => type).reverse()
    t.diagnostic(`${site.now.toISOString().slice(0, 7)}: ${happened.join(' → ')}`)
    assert.deepEqual(
      happened.filter((type, index) => CHAIN.includes(type) && happened.indexOf(type) === index),
      CHAIN,
    )
    assert.deepEqual([...new Set(chain.map(({ actor }) => actor.kind))], ['system'])
    const afterLoss = chain.slice(0, chain.findIndex(({ type }) => type === 'monitoring.performance_lost') + 1)
    assert.deepEqual([...new Set(afterLoss.map(({ correlation }) => correlation))], [promoted.correlation])
    assert.equal(promoted.payload.proof, 'non-inferiority proven')

    assert.equal((await client.deployments.getEndpoint({ params })).champion, `${MODEL}/2`)
    const { decisions, trainings } = await client.automation.listDecisions({ params })
    assert.equal(trainings, 1)
    assert.equal(decisions.find(({ verdict }) => verdict === 'retrain')?.outcome?.kind, 'promoted')
    const health = await client.monitoring.health({ params, query: {} })
    assert.deepEqual([health.reference?.version, health.performance?.version], [2, 2])
  } finally {
    traffic.close()
    rmSync(folder, { recursive: true, force: true })
    await platform.end()
  }
})
