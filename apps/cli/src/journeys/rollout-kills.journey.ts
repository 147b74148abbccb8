import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AnswerRecord, EndpointPolicy, type Rollout, RolloutPolicy } from '@tidemark/contracts'
import { type Cable, freePort, layCable } from '@tidemark/process'
import { settled, until } from '../demo/settle.ts'
import { type MoreGateway, startMoreGateway } from '../up/more-gateways.ts'
import { type Crowd, gatherCrowd, type Thing } from './crowd.ts'
import { allEvents, answersInLog, effects, idsInLog } from './evidence.ts'
import { letIn } from './let-in.ts'
import { killAndRecover, standing } from './ordeal.ts'
import { type Site, startPlatform } from './platform.ts'
import { runScript } from './python.ts'
import { auditAnswers, type Reign } from './rollout-audit.ts'
import { killNow } from './victims.ts'

const MODEL = 'fares'
const ENDPOINT = 'fares'
const CALLERS_A_STEP = 40
/** Longer than a gateway that was cut off may route by what it heard last, and than the server waits for it. */
const LEASE_IS_OVER_MILLISECONDS = 18_000

/** Two steps; what the labels say ends it: the second is as much as the first proves, without a time of its own. */
const POLICY = RolloutPolicy.parse({
  shadow: { minEntities: 0 },
  canary: [
    { weightPercent: 20, minCallers: CALLERS_A_STEP },
    { weightPercent: 50, minCallers: CALLERS_A_STEP },
  ],
  prove: ['loss'],
  lossMargin: 0.5,
  onTimeLimit: 'roll_back',
})

// The tests share one platform and go on from each other; the last one counts what all of them left.
let site: Site
let cable: Cable
/** Finds the server at the end of the cable only; the site's own gateway is the one that is killed. */
let far: MoreGateway
let crowd: Crowd
const rollouts: string[] = []
const reigns: Reign[] = []
const answers = new Map<string, AnswerRecord>()

before(async () => {
  cable = await layCable()
  site = await startPlatform('rollout-kills', { allowedHosts: [new URL(cable.url).host] })
  cable.lead(site.connection.url)
  await runScript('worker.txt', 'apps/cli/src/journeys/fixtures/log_opposed_versions.py', site.connection.url)
  const { client } = site.connection
  const params = { endpoint: ENDPOINT }
  const policy = EndpointPolicy.parse({ rollout: POLICY })
  await client.deployments.putEndpoint({ params, body: { model: MODEL, version: 1, policy } })
  await until('the endpoint to serve', async () => {
    const { state, problem } = await client.deployments.getEndpoint({ params })
    assert.notEqual(state, 'broken', problem ?? '')
    return state === 'serving' || undefined
  })
  reigns.push({ version: `${MODEL}/1`, decidedAt: 0, everywhereFrom: 0 })
  far = await startMoreGateway(site.platform.dataDir, await freePort(), { serverUrl: cable.url })
  crowd = gatherCrowd(ENDPOINT, [site.connection.gatewayUrl, far.url])
})
after(async () => {
  await crowd?.pause()
  await far?.stop()
  cable?.close()
  await site?.end()
})

const get = (id: string) => site.connection.client.deployments.getRollout({ params: { id } })

/** Waits until the rollout is as asked, and says what it was instead. */
async function becomes(id: string, what: string, holds: (rollout: Rollout) => boolean): Promise<Rollout> {
  return until(`rollout ${id} to be ${what}`, async () => {
    // The server may be away.
    const now = await get(id).catch(() => undefined)
    return now && holds(now) ? now : undefined
  })
}

/** Nobody asks any more, and everything that was asked is mirrored, logged and counted. */
async function quiet(): Promise<void> {
  await crowd.pause()
  for (const gatewayUrl of [site.connection.gatewayUrl, far.url]) await settled({ ...site.connection, gatewayUrl })
  // Segments that were read to their end are moved into the archive.
  for (const answer of answersInLog(site.platform.dataDir)) answers.set(answer.id, answer)
}

/** Lets the crowd go on until the step has the callers that it waits for; decided is nothing, for the rollout is paused or at its last step. */
async function gather(id: string): Promise<Rollout> {
  crowd.goOn()
  await becomes(id, 'seen by enough callers', ({ progress }) => progress.callersAtStep >= 2 * CALLERS_A_STEP)
  await quiet()
  return counted(id)
}

/** Every answer that the log has of the rollout is counted in its evidence, once. */
async function counted(id: string): Promise<Rollout> {
  const now = await get(id)
  const own = [...answers.values()].filter(({ rollout }) => rollout?.id === id)
  assert.equal(now.progress.requests, own.length, 'requests in the evidence, and answers in the log')
  return now
}

/** Begins a rollout and holds it at its first step, with the callers that the step waits for. */
async function begin(version: number): Promise<Rollout> {
  const { client } = site.connection
  await quiet()
  crowd.takeThings()
  const { id } = await client.deployments.startRollout({
    params: { endpoint: ENDPOINT },
    body: { version, reason: 'it goes through whatever happens', policy: POLICY },
  })
  rollouts.push(id)
  await becomes(id, 'at its first step', ({ state, confirmed }) => state.kind === 'canary' && confirmed)
  await client.deployments.pauseRollout({ params: { id }, body: { reason: 'until the next step is wanted' } })
  return gather(id)
}

/** Tells the true fares of what was asked: exactly what that version says. */
async function labelLike(version: number, things: readonly Thing[]): Promise<void> {
  const labels = things.map(({ entity, budget }) => ({ entity, value: budget * 2 + version - 1 }))
  await site.connection.client.monitoring.putLabels({ params: { endpoint: ENDPOINT }, body: { labels } })
}

/** Which versions answer callers at a gateway now, sorted. */
async function answering(gatewayUrl: string): Promise<string[]> {
  const asked = gatherCrowd(ENDPOINT, [gatewayUrl])
  asked.goOn()
  await until('60 answers', async () => asked.answered.size >= 60 || undefined)
  await asked.pause()
  return [...new Set(asked.answered.values())].sort()
}

/** How long ago a gateway last heard the server. */
async function silentSeconds(gatewayUrl: string): Promise<number> {
  const metrics = await (await fetch(`${gatewayUrl}/metrics`)).text()
  return Number(/^tidemark_gateway_server_silence_seconds (\S+)/m.exec(metrics)?.[1])
}

const v = (...versions: number[]) => versions.map((version) => `${MODEL}/${version}`).sort()

/** The decision is in force at both gateways: who answers now. */
async function inForce(id: string, versions: readonly number[]): Promise<Rollout> {
  const now = await becomes(id, 'confirmed', ({ confirmed }) => confirmed)
  await until(`versions ${versions.join(' and ')} to answer at both gateways`, async () => {
    const found = await Promise.all([site.connection.gatewayUrl, far.url].map(answering))
    return found.every((own) => own.join() === v(...versions).join()) || undefined
  })
  return now
}

const shape = ({ timeline }: Rollout) => timeline.map(({ kind, weights }) => [kind, weights[0]?.weightPercent ?? 0])
const decisionsOf = ({ decisions }: Rollout) => decisions.map(({ id, kind }) => `${kind} ${id}`).reverse()

/** Something bad that happens while a change is decided and the far gateway has not heard of it. */
type Blow = (id: string) => Promise<void>

/** How the far gateway is cut off. */
let sever: 'cut' | 'silence' = 'cut'

/** The far gateway is cut off, the change is brought about and decided, then the blow falls; afterwards the line is mended. */
async function throughABlow(
  id: string,
  change: () => Promise<void>,
  decided: (rollout: Rollout) => boolean,
  blow: Blow,
): Promise<void> {
  crowd.goOn()
  cable[sever]()
  await change()
  const unconfirmed = await becomes(id, 'decided', decided)
  assert.equal(unconfirmed.confirmed, false, 'one gateway has not heard of it')
  await blow(id)
  const again = await get(id)
  assert.deepEqual(again.state, unconfirmed.state, 'decided once, and kept')
  assert.deepEqual(shape(again), shape(unconfirmed))
  cable.mend()
}

/** A rollout that the labels condemn at its first step. */
async function rolledBack(version: number, champion: number, blow: Blow): Promise<void> {
  const { id } = await begin(version)
  await throughABlow(
    id,
    () => labelLike(champion, crowd.takeThings()),
    ({ state }) => state.kind === 'rolled_back',
    blow,
  )
  const end = await inForce(id, [champion])
  assert.deepEqual(end.state, { kind: 'rolled_back', guardrail: 'loss' })
  assert.deepEqual(shape(end), [
    ['shadow', 0],
    ['canary', 20],
    ['end', 0],
  ])
}

/** Before anything is decided, without anybody asking: the blow leaves everything as it was. */
async function standsThrough(id: string, blow: Blow): Promise<void> {
  await quiet()
  const before = await counted(id)
  await blow(id)
  for (const gatewayUrl of [site.connection.gatewayUrl, far.url]) await settled({ ...site.connection, gatewayUrl })
  assert.deepEqual(standing(await get(id)), standing(before))
}

/** A rollout through both steps that the labels approve of, with a blow before, during and after each change. */
async function promoted(version: number, champion: number, blow: Blow): Promise<void> {
  const { client } = site.connection
  const { id } = await begin(version)
  await standsThrough(id, blow)
  await throughABlow(
    id,
    async () => {
      await client.deployments.resumeRollout({ params: { id }, body: { reason: 'the next step is wanted' } })
    },
    ({ state }) => state.kind === 'canary' && state.step === 1,
    blow,
  )
  await inForce(id, [champion, version])
  const before = await gather(id)
  crowd.goOn()
  await blow(id)
  await quiet()
  const after = await counted(id)
  assert.deepEqual(after.state, before.state, 'nothing is decided on a blow')
  assert.deepEqual(decisionsOf(after), decisionsOf(before))
  assert.ok(after.progress.requests > before.progress.requests, 'somebody asked meanwhile')
  await throughABlow(
    id,
    () => labelLike(version, crowd.takeThings()),
    ({ state }) => state.kind === 'promoted',
    blow,
  )
  const end = await inForce(id, [version])
  const decidedAt = Date.parse(end.timeline.at(-1)?.at ?? '')
  reigns.push({ version: `${MODEL}/${version}`, decidedAt, everywhereFrom: Date.now() })
  assert.deepEqual(end.state, { kind: 'promoted', proof: 'non-inferiority proven' })
  assert.deepEqual(shape(end), [
    ['shadow', 0],
    ['canary', 20],
    ['canary', 50],
    ['end', 100],
  ])
}

/** What the crowd met since the counts were taken, at the killed and the far gateway. */
function since(before: readonly { asked: number; unanswered: number; refused: number }[]) {
  return crowd.heard.map((now, place) => ({
    asked: now.asked - (before[place]?.asked ?? 0),
    unanswered: now.unanswered - (before[place]?.unanswered ?? 0),
    refused: now.refused - (before[place]?.refused ?? 0),
  }))
}

const approved = new Set<number>()

/** Lets a version in, once; the rollout that this starts is not the one that is wanted. */
async function approve(version: number): Promise<void> {
  if (approved.has(version)) return
  approved.add(version)
  const id = await letIn(site, { endpoint: ENDPOINT, model: MODEL, version })
  await site.connection.client.deployments.abortRollout({
    params: { id },
    body: { reason: 'it is rolled out later, by hand' },
  })
  rollouts.push(id)
  await becomes(id, 'confirmed', ({ confirmed }) => confirmed)
}

for (const [victim, version, champion] of [
  ['server', 2, 1],
  ['database', 1, 2],
  ['gateway', 2, 1],
] as const)
  test(`kill -9 of the ${victim} before, in the middle of and after each step, a promotion and a rollback: what was decided holds, and no more`, async (t) => {
    await approve(version)
    const before = crowd.heard.map((each) => ({ ...each }))
    const away: number[] = []
    const blow: Blow = async () => {
      away.push(await killAndRecover(site, victim))
    }
    await rolledBack(version, champion, blow)
    await promoted(version, champion, blow)
    const [near, distant] = since(before)
    t.diagnostic(`away ${away.join(', ')} ms; asked ${JSON.stringify(near)} and ${JSON.stringify(distant)}`)
    assert.equal(away.length, 5)
    // What a gateway has not answered when it dies nobody else can answer.
    if (victim !== 'gateway') assert.deepEqual([near?.unanswered, near?.refused], [0, 0])
    assert.deepEqual([distant?.unanswered, distant?.refused], [0, 0])
  })

test('a gateway cut off before, in the middle of and after each step, with a word or without one, serves what it knew, then the champion, and comes back to what was decided', async (t) => {
  const [version, champion] = [1, 2]
  const before = crowd.heard.map((each) => ({ ...each }))
  const seen: string[] = []
  /** The lease runs out while the line is cut. The change is then done without the far gateway, which answers by the champion it knows. */
  const blow: Blow = async (id) => {
    cable[sever]()
    await sleep(LEASE_IS_OVER_MILLISECONDS)
    const now = await becomes(id, 'confirmed by those that are left', ({ confirmed }) => confirmed)
    const distant = await answering(far.url)
    seen.push(`${sever}, ${now.state.kind}: ${distant.join()}`)
    assert.deepEqual(distant, v(champion), 'cut off, it answers by the champion that it knows')
    cable.mend()
    await until('the far gateway to hear the server again', async () => (await silentSeconds(far.url)) < 5 || undefined)
  }
  await rolledBack(version, champion, blow)
  sever = 'silence'
  await promoted(version, champion, blow)
  const counts = since(before)
  t.diagnostic(`cut off five times, then ${seen.join('; ')}; asked ${JSON.stringify(counts)}`)
  assert.equal(seen.length, 5)
  for (const { unanswered, refused } of counts) assert.deepEqual([unanswered, refused], [0, 0])
})

test('a gateway that dies while it is cut off comes back with what it kept, serves the champion alone until the server is heard, and then what was decided', async (t) => {
  const [version, champion] = [2, 1]
  const before = crowd.heard.map((each) => ({ ...each }))
  const seen: string[] = []
  const blow: Blow = async (id) => {
    cable[sever]()
    const pid = far.pid()
    assert.ok(pid)
    await killNow(pid)
    const back = await until('the far gateway to serve again, without the server', async () => {
      const ready = await fetch(`${far.url}/readyz`).catch(() => null)
      await ready?.body?.cancel()
      return (ready?.status === 200 && far.pid() !== pid && far.pid()) || undefined
    })
    // Young yet, what it kept counts for nothing: this process has never heard the server.
    assert.deepEqual(await answering(far.url), v(champion), 'as soon as it is back')
    await sleep(LEASE_IS_OVER_MILLISECONDS)
    const now = await becomes(id, 'confirmed by those that are left', ({ confirmed }) => confirmed)
    assert.deepEqual(await answering(far.url), v(champion), 'when what it kept is older than its lease')
    assert.equal(far.pid(), back, 'it died once')
    seen.push(`${sever}, ${now.state.kind}`)
    cable.mend()
    await until('the far gateway to hear the server', async () => (await silentSeconds(far.url)) < 5 || undefined)
  }
  sever = 'cut'
  await rolledBack(version, champion, blow)
  sever = 'silence'
  await promoted(version, champion, blow)
  const counts = since(before)
  t.diagnostic(`died five times, then ${seen.join('; ')}; asked ${JSON.stringify(counts)}`)
  assert.equal(seen.length, 5)
  // What the far one has not answered when it dies nobody else can answer.
  assert.deepEqual([counts[0]?.unanswered, counts[0]?.refused], [0, 0])
})

test('after all of it every answer was given once, at a decided weight or by the champion; every decision is computed again to the same', async (t) => {
  await quiet()
  const { client } = site.connection
  const logged = await idsInLog(site.connection, site.platform.dataDir, ENDPOINT)
  assert.equal(new Set(logged).size, logged.length, 'answers that are in the log twice')
  assert.deepEqual(new Set(answers.keys()), new Set(logged), 'answers that were read while they were logged')
  const missing = [...crowd.answered].filter(([id, version]) => answers.get(id)?.version !== version)
  assert.deepEqual(missing, [], 'answers that the log does not have as the caller was told')
  const all = await Promise.all(rollouts.map(get))
  const counts = auditAnswers([...answers.values()], all, reigns)
  assert.ok(counts.candidate > 200 && counts.champion > 200 && counts.outside > 200, JSON.stringify(counts))

  const doubled = [...effects(await allEvents(site.connection))].filter(([, times]) => times !== 1)
  assert.deepEqual(doubled, [], 'effects that happened more than once')

  let [same, byPersons] = [0, 0]
  for (const { id, decisions } of all) {
    const replayed = await client.deployments.replayRollout({ params: { id } })
    assert.equal(replayed.different, 0)
    assert.equal(replayed.same + replayed.byPersons, decisions.length)
    same += replayed.same
    byPersons += replayed.byPersons
  }
  assert.ok(same >= 5 * (3 + 4))
  t.diagnostic(
    `${crowd.answered.size} answers to the crowd, ${logged.length} in the log: ${JSON.stringify(counts)}; ${same} decisions computed again, ${byPersons} by persons`,
  )
})
