import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { EndpointPolicy, type RolloutPolicy } from '@tidemark/contracts'
import { systemActor } from '../../platform/actor.ts'
import {
  approve,
  ENDPOINT,
  eventsOf,
  fold,
  foldLabels,
  openEndpoint,
  POLICY,
  replay,
  startTestRollouts,
  type TestRollouts,
  visitOf,
  WORKSPACE,
  type World,
} from '../testing.ts'

let platform: TestRollouts
beforeEach(async () => {
  await platform?.close()
  platform = await startTestRollouts()
  await openEndpoint(platform)
})
after(() => platform.close())

const actor = systemActor('ann', WORKSPACE)
const world: World = {
  seed: 1,
  films: 500,
  visitsPerFilm: 8,
  callers: 300,
  championRating: (truth, normal) => truth * 0.5 + 3.1 + 0.6 * normal(),
  // A little nearer to the truth than the champion.
  candidateRating: (truth, champion) => champion + 0.1 * (truth - champion),
}
const view = (id: string) => platform.deployments.rolloutView(WORKSPACE, id)
const over = (id: string) => async () => !['queued', 'shadow', 'canary', 'ab'].includes((await view(id)).state.kind)

async function begin(rollout: Partial<RolloutPolicy>, versions = [2]): Promise<string> {
  const policy = EndpointPolicy.parse({ ...POLICY, rollout: { ...POLICY.rollout, ...rollout } })
  for (const version of versions) await approve(platform, version, { candidate: false })
  const asked = { reason: 'a test', policy: policy.rollout }
  return platform.deployments.starter.startByHand(actor, ENDPOINT, versions[0] ?? 2, asked)
}

test('blue-green switches at once when it is warm, keeps the old version for its hours, and promotes on proof against the holdback', async () => {
  const id = await begin({
    strategy: 'blue_green',
    blueGreen: { holdbackPercent: 10, keepWarmHours: 48 },
    errorMarginPercent: 10,
  })
  await platform.deployments.rollouts.advance(WORKSPACE, id)
  assert.deepEqual((await view(id)).state, { kind: 'canary', step: 0, weightPercent: 90 })
  const published = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.equal(published?.champion.version, 'films/1')
  await replay(platform, world, over(id))
  const { state, timeline, decisions } = await view(id)
  assert.deepEqual(state, { kind: 'promoted', proof: 'non-inferiority proven' })
  assert.deepEqual(
    timeline.map(({ kind, weights }) => [kind, weights[0]?.weightPercent]),
    [
      ['shadow', 0],
      ['canary', 90],
      ['end', 100],
    ],
  )
  const [switched, promoted] = [decisions.findLast((each) => each.kind === 'shift'), decisions[0]]
  assert.equal(switched?.weightPercent, 90)
  assert.ok(promoted?.eventTime)
})

test('a shadow answers nobody, whatever it proves, and ends with what it saw', async () => {
  const id = await begin({ strategy: 'shadow' })
  await replay(platform, world, over(id))
  const { state, timeline } = await view(id)
  assert.deepEqual(state, { kind: 'observed', verdict: 'not worse' })
  assert.ok(timeline.every(({ weights }) => weights.every(({ weightPercent }) => weightPercent === 0)))
  assert.equal((await platform.deployments.endpointView(WORKSPACE, ENDPOINT)).champion, 'films/1')
  const { pairs, distributions } = await platform.deployments.rolloutPairs(WORKSPACE, id, 5)
  assert.equal(pairs.length, 5)
  const gaps = pairs.map(({ difference }) => difference ?? 0)
  assert.deepEqual(
    gaps,
    gaps.toSorted((a, b) => b - a),
  )
  const [both] = distributions
  const sum = (counts: readonly number[] = []) => counts.reduce((total, count) => total + count, 0)
  assert.equal(sum(both?.champion), sum(both?.candidate))
})

test('of several versions the one surely better wins; one proven harmful loses its callers to the champion first', async () => {
  const ab = {
    variants: [
      { version: 2, weightPercent: 20 },
      { version: 3, weightPercent: 20 },
    ],
    metric: 'loss' as const,
    minCallers: 5,
  }
  const id = await begin({ strategy: 'ab', ab, errorMarginPercent: 20 }, [2, 3])
  assert.deepEqual((await view(id)).state, { kind: 'ab', weights: ab.variants })
  const label = (film: number) => ({
    workspace: WORKSPACE,
    endpoint: ENDPOINT,
    entity: `film-${film}`,
    value: 6,
    knownAt: new Date(1e9 + film * 1000),
  })
  // The champion is wrong by 1, version 2 by 2, version 3 by 0.2.
  const said = { 'films/1': 7, 'films/2': 8, 'films/3': 6.2 }
  let withoutTwo: string | undefined
  for (let film = 0; film < 400 && !(await over(id)()); film += 1) {
    const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
    assert.ok(snapshot)
    await fold(platform, platform.deployments, visitOf(snapshot, `v-${film}`, `film-${film}`, film * 1000, said))
    await foldLabels(platform, platform.deployments, [label(film)])
    const { state } = await view(id)
    if (state.kind !== 'ab' || state.weights.every(({ weightPercent }) => weightPercent > 0)) continue
    withoutTwo ??= (await platform.deployments.verdict(WORKSPACE, id)).verdict
  }
  // One of two does harm: that says nothing against the other.
  assert.equal(withoutTwo, 'hold')
  const { state, version, decisions } = await view(id)
  assert.deepEqual([state.kind, version], ['promoted', 3])
  assert.match(decisions[0]?.reason ?? '', /version 3 is surely better than the champion in loss/)
  const dropped = decisions.find((each) => each.kind === 'shift')
  assert.match(dropped?.reason ?? '', /version 2: its mean loss/)
  assert.equal((await platform.deployments.endpointView(WORKSPACE, ENDPOINT)).champion, 'films/3')
  const again = await platform.deployments.replayRollout(WORKSPACE, id)
  assert.deepEqual([again.different, again.same], [0, decisions.length])
})

test('an A/B rollout of a version that is not approved is refused, and so is a version that its policy does not name', async () => {
  const ab = {
    variants: [
      { version: 2, weightPercent: 20 },
      { version: 9, weightPercent: 20 },
    ],
    metric: 'loss' as const,
    minCallers: 5,
  }
  await assert.rejects(begin({ strategy: 'ab', ab }, [2]), { code: 'VERSION_NOT_APPROVED' })
  await approve(platform, 4, { candidate: false })
  const { rollout } = EndpointPolicy.parse({ rollout: { strategy: 'ab', ab } })
  await assert.rejects(platform.deployments.starter.startByHand(actor, ENDPOINT, 4, { reason: 'x', policy: rollout }), {
    code: 'ROLLOUT_VERSIONS_DIFFER',
  })
})

test('a paused rollout stays where it is until it is resumed, and rolls back all the same when it does harm', async () => {
  const id = await begin({})
  const { rollouts } = platform.deployments
  await rollouts.overrule(actor, id, 'pause', 'the site is moving')
  assert.equal((await view(id)).paused?.reason, 'the site is moving')
  await replay(platform, { ...world, films: 30 }, async () => false)
  assert.deepEqual((await view(id)).state, { kind: 'shadow' })
  await rollouts.overrule(actor, id, 'resume', 'moved')
  await rollouts.advance(WORKSPACE, id)
  assert.equal((await view(id)).state.kind, 'canary')
  await assert.rejects(rollouts.overrule(actor, id, 'resume', 'again'), { code: 'ROLLOUT_NOT_PAUSED' })
  await rollouts.overrule(actor, id, 'pause', 'once more')
  await replay(platform, { ...world, seed: 4, candidateFails: () => true, candidateRating: () => 0 }, over(id))
  assert.deepEqual((await view(id)).state, { kind: 'rolled_back', guardrail: 'errors' })
  const kinds = (await eventsOf(platform, id)).map(({ type }) => type.replace('deployments.rollout_', ''))
  assert.deepEqual(kinds, ['started', 'paused', 'resumed', 'shifted', 'paused', 'rolled_back'])
})

test('what was rolled back can be tried again, with new evidence and the same policy', async () => {
  const id = await begin({ strategy: 'shadow' })
  const { rollouts, starter } = platform.deployments
  await assert.rejects(starter.retry(actor, id, 'again'), { code: 'ROLLOUT_NOT_OVER' })
  await rollouts.overrule(actor, id, 'abort', 'a mistake of mine')
  const again = await starter.retry(actor, id, 'the mistake is repaired')
  const { retryOf, strategy, progress } = await view(again)
  assert.deepEqual([retryOf, strategy, progress.requests], [id, 'shadow', 0])
  const [started] = await eventsOf(platform, again)
  assert.equal(started?.payload.reason, 'the mistake is repaired')
})

test('a step without its evidence ends as its policy says, and a pause by the rule can be resumed', async () => {
  const step = {
    weightPercent: 20,
    minCallers: 1000,
    minRequests: 0,
    minLabelled: 0,
    minHours: 0,
    maxHours: 24,
    onMaxHours: 'pause' as const,
  }
  const id = await begin({ canary: [step] })
  await replay(platform, { ...world, films: 40 }, async () => false)
  const { paused, reason, state } = await view(id)
  assert.match(reason, /paused: 24 hours at 20 % are over/)
  assert.equal(paused?.by.id, 'deployments')
  assert.equal(state.kind, 'canary')
})

test('a step is not left before its least hours, whoever was seen', async () => {
  const first = {
    weightPercent: 20,
    minCallers: 1,
    minRequests: 1,
    minLabelled: 0,
    minHours: 24 * 30,
    maxHours: null,
    onMaxHours: 'pause' as const,
  }
  const id = await begin({ canary: [first, { ...first, weightPercent: 60 }] })
  await replay(platform, { ...world, films: 22 }, async () => false)
  const { state, reason, nextLookAt } = await view(id)
  assert.deepEqual(state, { kind: 'canary', step: 0, weightPercent: 20 })
  assert.match(reason, /720 hours at 20 % are not over/)
  assert.ok(nextLookAt !== null && Date.parse(nextLookAt) > Date.UTC(2000, 0, 30))
  await replay(platform, { ...world, films: 30, seed: 9 }, async () => false)
  assert.equal((await view(id)).state.kind, 'canary')
})

test('when the exposure that a policy allows is spent the champion answers everybody, and proof may still come', async () => {
  const id = await begin({ exposure: { maxRequests: 60, maxCallers: null, slice: null } })
  await replay(platform, { ...world, films: 90 }, over(id))
  const { state, decisions, progress, timeline } = await view(id)
  const spent = decisions.find((each) => each.reason.includes('exposure that its policy allows is spent'))
  assert.equal(spent?.weightPercent, 0)
  assert.equal(timeline.filter(({ kind }) => kind === 'canary').at(-1)?.weights[0]?.weightPercent, 0)
  assert.ok(progress.exposedRequests >= 60 && progress.exposedRequests < 140, `${progress.exposedRequests}`)
  assert.notEqual(state.kind, 'shadow')
})

test('answers of a version that still warms up are no failures of it, and its own slow answers are found', async () => {
  const id = await begin({
    warmUpAnswers: 10,
    latency: { quantile: 0.9, marginPercent: 20 },
    shadow: { minEntities: 0, sharePercent: 100, maxConcurrency: 4 },
    canary: [
      {
        weightPercent: 50,
        minCallers: 10,
        minRequests: 0,
        minLabelled: 0,
        minHours: 0,
        maxHours: null,
        onMaxHours: 'pause',
      },
    ],
  })
  await platform.deployments.rollouts.advance(WORKSPACE, id)
  for (let visit = 0; visit < 4000 && !(await over(id)()); visit += 40) {
    const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
    assert.ok(snapshot)
    const records = Array.from({ length: 40 }, (_, n) => {
      const number = visit + n
      const early = number < 8
      const [answer] = visitOf(snapshot, `v-${number % 600}`, `f-${number}`, number * 1000, {
        'films/1': 6,
        'films/2': early ? null : 6,
      })
      if (answer?.kind !== 'answer') throw new Error('An answer comes first.')
      const slow = answer.version === 'films/2' ? 2 : 1
      return { ...answer, milliseconds: slow * (5 + (number % 10)) }
    })
    await fold(platform, platform.deployments, records)
  }
  const { state, guardrails, reason, observed } = await view(id)
  assert.deepEqual(state, { kind: 'rolled_back', guardrail: 'latency' })
  const latency = observed[0]?.latency
  assert.ok(latency?.champion && latency.candidate)
  // One answer a caller, and as many callers as harm took to be proven: tosses differ from rollout to rollout, and so does their number.
  const { champion, candidate } = latency
  const units = champion.units + candidate.units
  assert.ok(units >= 20 && units <= 600 && candidate.units >= 10, `${champion.units}, ${candidate.units}`)
  assert.ok(champion.value >= 10 && champion.value <= 15, `${champion.value} ms`)
  assert.ok(candidate.value >= 20 && candidate.value <= 30, `${candidate.value} ms`)
  assert.ok(candidate.lower <= candidate.value, JSON.stringify(latency))
  assert.equal(latency.points.at(-1)?.candidate?.units, candidate.units)
  assert.match(reason, /% of its answers are slow/)
  assert.equal(guardrails.find(({ name }) => name === 'errors')?.candidate, 0)
})

test('a proof reads labels at their age, harm as they come: one that is later than that age proves nothing', async () => {
  const id = await begin({ labelAgeDays: 30, prove: ['loss'], lossMargin: 2, strategy: 'shadow' })
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.ok(snapshot)
  const day = 86_400_000
  const start = Date.UTC(2001, 0, 1)
  const ask = (film: number, at: number) =>
    fold(platform, platform.deployments, visitOf(snapshot, `visitor-${film}`, `film-${film}`, at, 6, 6.5))
  const label = (film: number, at: number) =>
    foldLabels(platform, platform.deployments, [
      { workspace: WORKSPACE, endpoint: ENDPOINT, entity: `film-${film}`, value: 6.4, knownAt: new Date(at) },
    ])
  const loss = async () => {
    const found = (await view(id)).guardrails.find(({ name }) => name === 'loss')
    assert.ok(found)
    return { units: found.units, e: found.acceptanceEValue }
  }
  await ask(1, start)
  await ask(2, start + day)
  await label(1, start + 20 * day)
  assert.deepEqual(await loss(), { units: 1, e: 1 }, 'young yet')
  await label(2, start + 32 * day)
  await ask(3, start + 29 * day)
  assert.deepEqual(await loss(), { units: 2, e: 1 }, 'a day too young')
  await ask(4, start + 30 * day)
  const one = await loss()
  assert.ok(one.e > 1)
  await ask(5, start + 200 * day)
  assert.deepEqual(await loss(), one, 'the label of the second came 31 days after it')
  assert.match((await view(id)).wouldChange.join(), /loss stays within the margin.* by labels at an age of 30 days/)
})

test('the rollouts of an endpoint share the budget of a year, and each says what it was given', async () => {
  const given: number[][] = []
  const needs: number[] = []
  const rounded = (value: number) => Number(value.toFixed(6))
  for (let n = 0; n < 5; n += 1) {
    const id = await begin({ alphaPerYear: 0.2 })
    const { spending, guardrails } = await view(id)
    given.push([spending.alpha, spending.rolloutsBefore, spending.spentBefore].map(rounded))
    needs.push(rounded(guardrails.find(({ name }) => name === 'loss')?.harmNeeds ?? 0))
    await platform.deployments.rollouts.overrule(actor, id, 'abort', 'the next one')
  }
  assert.deepEqual(given, [
    [0.05, 0, 0],
    [0.05, 1, 0.05],
    [0.05, 2, 0.1],
    [0.025, 3, 0.15],
    [0.0125, 4, 0.175],
  ])
  assert.deepEqual(needs, [40, 40, 40, 80, 160])
  // What was spent under a larger budget than this one's leaves nothing of it.
  const none = await begin({ alphaPerYear: 0.1 })
  const { state, reason } = await view(none)
  assert.deepEqual(state, { kind: 'dropped' })
  assert.match(reason, /budget of false alarms \(alphaPerYear 0.1\) is spent .* try again from \d{4}-\d\d-\d\d on/)
  const own = await view(await begin({}))
  assert.deepEqual([own.spending.alpha, own.spending.alphaPerYear, own.spending.rolloutsBefore], [0.05, null, 5])
})
