import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { EndpointPolicy } from '@tidemark/contracts'
import { parse } from 'yaml'
import type { Platform } from '../demo/context.ts'
import { settled, until } from '../demo/settle.ts'
import { Traffic } from '../demo/traffic.ts'
import { type Site, startPlatform } from './platform.ts'
import { CLONE, runScript } from './python.ts'

const DATA = join(process.env.TIDEMARK_SHARED_DATA ?? join(CLONE, '../shared/data'), 'movielens-small')
const EXAMPLE = 'examples/movielens'
const ENDPOINT = 'ratings'
const FEATURES = ['global_mean', 'movie_ratings', 'movie_raw_mean', 'movie_mean', 'visitor_ratings', 'visitor_mean']
/** Of each visitor and day: so many predictions are asked for, and the rating of the first of them becomes known. */
const ASKED_A_DAY = 5
const WEEK = 7 * 86_400_000
const SITE_OPENS = Date.UTC(2015, 0, 1)

interface Rating {
  readonly at: number
  readonly caller: string
  readonly entity: string
  readonly rating: number
  readonly place: number
  readonly row: Readonly<Record<string, number>>
}

const absent = existsSync(join(DATA, 'ratings.csv')) ? false : `no MovieLens ratings in ${DATA}`
const folder = mkdtempSync(join(tmpdir(), 'movielens-'))
let site: Site
before(async () => {
  if (!absent) site = await startPlatform('movielens')
})
after(async () => {
  await site?.end()
  rmSync(folder, { recursive: true, force: true })
})

test('on MovieLens the worse recommender is rolled back and the better one promoted, both by what visitors thought', {
  skip: absent,
}, async (t) => {
  const { connection } = site
  const table = join(folder, 'ratings.csv')
  t.diagnostic((await runScript('test.txt', `${EXAMPLE}/features.py`, connection.url, [DATA, table])).trim())
  const said = await runScript('test.txt', `${EXAMPLE}/recommenders.py`, connection.url, [table])
  const { lossMargin } = JSON.parse(said.trim().split('\n').at(-1) ?? '') as { lossMargin: number }
  t.diagnostic(`loss margin ${lossMargin.toFixed(4)}: 5 % of the first version's error in 2013–14`)
  await open(connection, lossMargin)
  const replay = new Replay(connection, ratingsOf(table))
  const worse = await replay.rollOut(2)
  const better = await replay.rollOut(3)
  replay.end()
  for (const rollout of [worse, better]) {
    t.diagnostic(await audit(connection, rollout))
    const { same, different, byPersons } = await connection.client.deployments.replayRollout({
      params: { id: rollout },
    })
    t.diagnostic(`${same} decisions computed again from storage to the same, ${different} to another`)
    assert.ok(same >= 4 && different === 0 && byPersons === 0)
  }
  assert.deepEqual((await rolloutOf(connection, worse)).state, { kind: 'rolled_back', guardrail: 'loss' })
  assert.deepEqual((await rolloutOf(connection, better)).state, {
    kind: 'promoted',
    proof: 'non-inferiority proven',
  })
  const endpoint = await connection.client.deployments.getEndpoint({ params: { endpoint: ENDPOINT } })
  assert.equal(endpoint.champion, 'ratings/3')
  assert.equal(replay.refused, 0)
})

function ratingsOf(table: string): Rating[] {
  const [header = '', ...lines] = readFileSync(table, 'utf8').trim().split('\n')
  const names = header.split(',')
  return lines.flatMap((line) => {
    const cells = Object.fromEntries(line.split(',').map((text, index) => [names[index], Number(text)]))
    const at = (cells.timestamp ?? 0) * 1000
    const place = cells.place ?? 0
    if (at < SITE_OPENS || place >= ASKED_A_DAY) return []
    return {
      at,
      place,
      caller: `visitor-${cells.userId}`,
      entity: `${cells.userId}/${cells.movieId}`,
      rating: cells.rating ?? Number.NaN,
      row: Object.fromEntries(FEATURES.map((name) => [name, cells[name] ?? Number.NaN])),
    }
  })
}

async function open({ client }: Platform, lossMargin: number): Promise<void> {
  const declared = parse(readFileSync(join(CLONE, EXAMPLE, 'endpoint.yaml'), 'utf8')) as { rollout: object }
  const policy = EndpointPolicy.parse({ ...declared, rollout: { ...declared.rollout, lossMargin } })
  const params = { endpoint: ENDPOINT }
  await client.deployments.putEndpoint({ params, body: { model: 'ratings', version: 1, replay: true, policy } })
  await until('the endpoint to serve', async () => {
    const now = await client.deployments.getEndpoint({ params })
    assert.notEqual(now.state, 'broken', now.problem ?? '')
    return now.state === 'serving' ? now : undefined
  })
}

/** The site's years, month after month, for as long as a rollout needs. */
class Replay {
  private readonly platform: Platform
  private readonly traffic: Traffic
  private readonly ratings: readonly Rating[]
  private next = 0
  private unknown: Rating[] = []
  /** Answers that were not 200. */
  refused = 0

  constructor(platform: Platform, ratings: readonly Rating[]) {
    this.platform = platform
    this.traffic = new Traffic(platform.gatewayUrl)
    this.ratings = ratings
  }

  /** Lets a version in and goes on until its rollout ended or the ratings did. @returns the rollout's id */
  async rollOut(version: number): Promise<string> {
    const rollout = await letIn(this.platform, version)
    while (this.next < this.ratings.length) {
      await this.month()
      if ((await rolloutOf(this.platform, rollout)).finishedAt !== null) break
    }
    return rollout
  }

  end(): void {
    this.traffic.close()
  }

  private async month(): Promise<void> {
    const first = new Date(this.ratings[this.next]?.at ?? 0)
    const over = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1)
    const begin = this.next
    while ((this.ratings[this.next]?.at ?? over) < over) this.next += 1
    const visits = this.ratings.slice(begin, this.next)
    this.refused += await this.traffic.sendAll(
      visits.map(({ row, caller, entity, at }) => ({ endpoint: ENDPOINT, row, caller, entity, at: new Date(at) })),
    )
    await settled(this.platform)
    this.unknown.push(...visits.filter(({ place }) => place === 0))
    const known = this.unknown.filter(({ at }) => at + WEEK < over)
    this.unknown = this.unknown.filter(({ at }) => at + WEEK >= over)
    if (known.length > 0) {
      const labels = known.map(({ entity, rating, at }) => ({
        entity,
        value: rating,
        knownAt: new Date(at + WEEK).toISOString(),
      }))
      await this.platform.client.monitoring.putLabels({ params: { endpoint: ENDPOINT }, body: { labels } })
      await settled(this.platform)
    }
  }
}

/** The version comes from no pipeline, so its gates know no holdout and refuse it; a waiver starts its rollout. */
async function letIn({ client }: Platform, version: number): Promise<string> {
  const subject = { model: 'ratings', version, endpoint: ENDPOINT }
  const { id } = await client.evaluation.startEvaluation({ body: subject })
  const evaluation = await until(`the gates of version ${version}`, async () => {
    const now = await client.evaluation.getEvaluation({ params: { id } })
    return now.finishedAt ? now : undefined
  })
  // Without a holdout none of them could judge; these two stand in the way of a version that nothing speaks for.
  const needed = ['beats_champion', 'integrity']
  const gates = evaluation.gates
    .filter(({ name, verdict }) => verdict === 'failed' || (verdict === 'not_judged' && needed.includes(name)))
    .map(({ name }) => name)
  await client.governance.recordWaiver({
    body: { ...subject, gates, reason: 'It comes from no pipeline: the rollout is to judge it, by proof alone.' },
  })
  const rollout = await until(`the rollout of version ${version}`, async () => {
    const { rollouts } = await client.deployments.listRollouts({ query: { endpoint: ENDPOINT } })
    return rollouts.find((each) => each.version === version && each.confirmed && each.state.kind !== 'queued')
  })
  return rollout.id
}

function rolloutOf({ client }: Platform, rollout: string) {
  return client.deployments.getRollout({ params: { id: rollout } })
}

/** Each decision of a rollout in a line, oldest first. */
async function audit(platform: Platform, id: string): Promise<string> {
  const rollout = await rolloutOf(platform, id)
  const decisions = rollout.decisions.toSorted((a, b) => (a.decidedAt < b.decidedAt ? -1 : 1))
  const lines = decisions.map(({ kind, reason, eventTime }) => `  ${eventTime?.slice(0, 10)} ${kind}: ${reason}`)
  return [`ratings/${rollout.version} beside ratings/${rollout.championVersion}:`, ...lines].join('\n')
}
