import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { EndpointPolicy } from '@tidemark/contracts'
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
import { replayed } from './replay.ts'
import * as store from './store.ts'

let platform: TestRollouts
beforeEach(async () => {
  await platform?.close()
  platform = await startTestRollouts()
  await openEndpoint(platform)
})
after(() => platform.close())

const world: World = {
  seed: 1,
  films: 900,
  visitsPerFilm: 20,
  callers: 300,
  championRating: (truth, normal) => truth * 0.5 + 3.1 + 0.6 * normal(),
  candidateRating: (_truth, champion, normal) => champion + 0.25 * normal(),
}

const view = (id: string) => platform.deployments.rolloutView(WORKSPACE, id)
const ended = (id: string) => async () => {
  const { kind } = (await view(id)).state
  return kind === 'promoted' || kind === 'rolled_back'
}
async function started(version = 2): Promise<string> {
  const id = await approve(platform, version)
  assert.ok(id)
  return id
}

test('a healthy candidate goes through shadow and both steps, and is promoted on proof', async () => {
  const id = await started()
  await replay(platform, world, ended(id))
  const rollout = await view(id)
  assert.deepEqual(rollout.state, { kind: 'promoted', proof: 'non-inferiority proven' })
  assert.deepEqual(
    (await eventsOf(platform, id)).map((event) => event.type.replace('deployments.rollout_', '')),
    ['started', 'shifted', 'shifted', 'promoted'],
  )
  assert.ok(rollout.guardrails.find((guardrail) => guardrail.name === 'loss')?.proven)
  assert.ok(rollout.points.length > 10)
  const endpoint = await platform.deployments.endpointView(WORKSPACE, ENDPOINT)
  assert.equal(endpoint.champion, 'films/2')
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.equal(snapshot?.champion.version, 'films/2')
  assert.equal(snapshot?.routing.kind, 'single')
})

test('a candidate that fails on a fifth of the films is rolled back on errors', async () => {
  const id = await started()
  await replay(platform, { ...world, candidateFails: (film) => film % 5 === 0 }, ended(id))
  const rollout = await view(id)
  assert.deepEqual(rollout.state, { kind: 'rolled_back', guardrail: 'errors' })
  assert.equal((await platform.gateways.published(WORKSPACE, ENDPOINT))?.champion.version, 'films/1')
})

test('a candidate that rates 0.7 too low is rolled back on loss', async () => {
  const id = await started()
  await replay(platform, { ...world, candidateRating: (_truth, champion) => champion - 0.7 }, ended(id))
  const rollout = await view(id)
  assert.deepEqual(rollout.state, { kind: 'rolled_back', guardrail: 'loss' })
  assert.match(rollout.reason, /mean loss is 0\.\d+ higher/)
})

test('every decision of the rule can be computed again from what was stored', async () => {
  const id = await started()
  await replay(platform, world, ended(id))
  const decisions = await store.decisionsOf(platform.platform.db, WORKSPACE, id)
  assert.ok(decisions.length >= 4)
  for (const decision of replayed(decisions)) assert.equal(decision.outcome, 'same', JSON.stringify(decision))
})

test('each event of a rollout is caused by the one before it, up to the approval', async () => {
  const id = await started()
  await replay(platform, world, ended(id))
  const events = await eventsOf(platform, id)
  for (const [index, event] of events.entries()) {
    if (index > 0) assert.deepEqual(event.causes, [events[index - 1]?.id])
    else assert.equal(event.causes.length, 1)
  }
})

test('a shift happens once, however many look at the same time', async () => {
  const id = await started()
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.ok(snapshot)
  const { predictionFold, rollouts } = platform.deployments
  const records = Array.from({ length: 12 }, (_, film) =>
    visitOf(snapshot, `visitor-${film}`, `film-${film}`, film, 6, 6),
  ).flat()
  await platform.platform.db.transaction().execute((tx) => predictionFold.apply(tx, records))
  await Promise.all(Array.from({ length: 6 }, () => rollouts.advance(WORKSPACE, id)))
  const types = (await eventsOf(platform, id)).map((event) => event.type)
  assert.deepEqual(types, ['deployments.rollout_started', 'deployments.rollout_shifted'])
})

test('a server that ends between a decision and its act acts once after its restart', async () => {
  const id = await started()
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.ok(snapshot)
  const records = Array.from({ length: 12 }, (_, film) => visitOf(snapshot, 'v', `film-${film}`, film, 6, 6)).flat()
  const { predictionFold, rollouts } = platform.deployments
  await platform.platform.db.transaction().execute((tx) => predictionFold.apply(tx, records))
  // The connection dies at the last write of the act: all of it is undone.
  await platform.platform.database.pool.query(
    `create function die() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;
     create trigger die before insert on event for each row when (new.type = 'deployments.rollout_shifted') execute function die()`,
  )
  await assert.rejects(rollouts.advance(WORKSPACE, id))
  assert.deepEqual((await view(id)).state, { kind: 'shadow' })
  assert.equal((await platform.gateways.published(WORKSPACE, ENDPOINT))?.routing.kind, 'shadow')
  await platform.platform.database.pool.query('drop trigger die on event')

  const restarted = platform.restarted()
  restarted.rollouts.start()
  for (let tries = 0; tries < 100 && (await view(id)).state.kind === 'shadow'; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await restarted.rollouts.stop()
  assert.deepEqual((await view(id)).state, { kind: 'canary', step: 0, weightPercent: 20 })
  assert.equal((await eventsOf(platform, id)).length, 2)
  assert.equal((await view(id)).decisions.filter((decision) => decision.kind === 'shift').length, 1)
})

test('a second rollout waits until the first has ended', async () => {
  const first = await started(2)
  const second = await started(3)
  assert.equal((await view(second)).state.kind, 'queued')
  await platform.deployments.rollouts.overrule(systemActor('test', WORKSPACE), first, 'abort', 'enough seen')
  assert.equal((await view(second)).state.kind, 'shadow')
  assert.deepEqual((await view(first)).state, { kind: 'rolled_back', guardrail: 'person' })
})

test('a rollout that is taken out of its queue says by whom and why, whether a person did it or its turn came too late', async () => {
  const { rollouts } = platform.deployments
  const ann = systemActor('ann', WORKSPACE)
  const first = await started(2)
  const unwanted = await started(3)
  const again = await started(2)
  await rollouts.overrule(ann, unwanted, 'abort', 'the wrong data')
  await rollouts.overrule(ann, first, 'promote', 'we know it')
  for (const [id, reason] of [
    [unwanted, 'the wrong data'],
    [again, 'films/2 is the champion already'],
  ] as const) {
    const { state, nextLook } = await view(id)
    assert.deepEqual([state, nextLook], [{ kind: 'dropped' }, null])
    const [dropped] = await eventsOf(platform, id)
    assert.deepEqual([dropped?.type, dropped?.payload.reason], ['deployments.rollout_dropped', reason])
  }
  assert.equal((await eventsOf(platform, unwanted))[0]?.actor.id, 'ann')
})

test('an approved version that no retraining made starts only by waiver or by hand', async () => {
  assert.equal(await approve(platform, 2, { candidate: false }), null)
  const actor = systemActor('test', WORKSPACE)
  assert.ok(await platform.deployments.starter.startByHand(actor, ENDPOINT, 2, { reason: 'by hand' }))
  await assert.rejects(platform.deployments.starter.startByHand(actor, ENDPOINT, 9, { reason: 'by hand' }), {
    code: 'VERSION_NOT_APPROVED',
  })
  assert.ok(await approve(platform, 3, { candidate: false, waiver: '01900000-0000-7000-8000-000000000000' }))
})

test('at the time limit a waived version is rolled back where one that passed its gates is promoted', async () => {
  const short = EndpointPolicy.parse({ ...POLICY, rollout: { ...POLICY.rollout, maxDays: 60 } })
  const actor = systemActor('test', WORKSPACE)
  const { endpoints, starter } = platform.deployments
  await endpoints.put(actor, ENDPOINT, { model: 'films', version: 1, replay: true, policy: short })
  const waived = await approve(platform, 2, { candidate: false, waiver: '01900000-0000-7000-8000-000000000000' })
  assert.ok(waived)
  await replay(platform, world, ended(waived))
  assert.deepEqual((await view(waived)).state, { kind: 'rolled_back', guardrail: 'time' })
  assert.match((await view(waived)).reason, /only proof promotes it/)
  // Started again by hand it is still the waiver that let it in.
  const again = await starter.startByHand(actor, ENDPOINT, 2, { reason: 'by hand' })
  await replay(platform, world, ended(again))
  assert.deepEqual((await view(again)).state, { kind: 'rolled_back', guardrail: 'time' })
  const candidate = await started(3)
  await replay(platform, world, ended(candidate))
  assert.deepEqual((await view(candidate)).state, { kind: 'promoted', proof: 'promoted without proof' })
})

test('the same approval starts one rollout, however often its event is handled', async () => {
  const { starter } = platform.deployments
  const id = await started()
  const { approval } = await view(id)
  assert.ok(approval)
  const actor = systemActor('test', WORKSPACE)
  const subject = { approval, endpoint: ENDPOINT, model: 'films', version: 2, waiver: null }
  assert.equal(await starter.startApproved(actor.because([approval], approval), subject), null)
  assert.equal((await platform.deployments.rolloutList(WORKSPACE, { limit: 10 })).length, 1)
})

test('promoting by hand is recorded as without proof, and by whom', async () => {
  const id = await started()
  await platform.deployments.rollouts.overrule(systemActor('ann', WORKSPACE), id, 'promote', 'we know it')
  const rollout = await view(id)
  assert.deepEqual(rollout.state, { kind: 'promoted', proof: 'promoted without proof' })
  assert.equal(rollout.decisions[0]?.by.id, 'ann')
  await assert.rejects(platform.deployments.rollouts.overrule(systemActor('ann', WORKSPACE), id, 'abort', 'no'), {
    code: 'ROLLOUT_ENDED',
  })
})

test('a film counts once: its first pair and its first label, and only a label that came after the prediction', async () => {
  const id = await started()
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.ok(snapshot)
  const { deployments } = platform
  const label = (entity: string, value: number, at: number) => ({
    workspace: WORKSPACE,
    endpoint: ENDPOINT,
    entity,
    value,
    knownAt: new Date(at),
  })
  await fold(platform, deployments, [
    ...visitOf(snapshot, 'a', 'late', 1000, 6, 7),
    ...visitOf(snapshot, 'b', 'late', 1000, 6, 9),
    ...visitOf(snapshot, 'b', 'early', 1000, 6, 7),
  ])
  await foldLabels(platform, deployments, [label('late', 6, 2000), label('early', 6, 500)])
  await foldLabels(platform, deployments, [label('late', 1, 3000)])
  const loss = (await view(id)).guardrails.find((guardrail) => guardrail.name === 'loss')
  assert.equal(loss?.units, 1)
  assert.equal(loss?.difference, 1)
  assert.equal((await view(id)).progress.pairs, 2)
})

test('a label that was stored before its pair was read from the log still counts', async () => {
  const id = await started()
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.ok(snapshot)
  const { deployments } = platform
  const label = { workspace: WORKSPACE, endpoint: ENDPOINT, entity: 'film', value: 6, knownAt: new Date(2000) }
  await foldLabels(platform, deployments, [label])
  const [answer, mirror] = visitOf(snapshot, 'a', 'film', 1000, 6, 7)
  assert.ok(answer && mirror)
  await fold(platform, deployments, [answer])
  assert.equal((await view(id)).progress.pairs, 0)
  await fold(platform, deployments, [mirror])
  assert.equal((await view(id)).progress.labelledPairs, 1)
})

test('pairs begin with what one version alone fails on, then differ less and less; what both fail on is last', async () => {
  const id = await started()
  const snapshot = await platform.gateways.published(WORKSPACE, ENDPOINT)
  assert.ok(snapshot)
  const said: [string, number | null, number | null][] = [
    ['both fail', null, null],
    ['near', 6, 6.5],
    ['one fails', 6, null],
    ['far', 6, 9],
  ]
  for (const [film, champion, candidate] of said) {
    await fold(platform, platform.deployments, visitOf(snapshot, 'a', film, 1000, champion, candidate))
  }
  // As in rollouts of before versions were kept with evidence.
  await platform.platform.database.pool.query('update rollout_evidence set version = null')
  const { pairs, distributions } = await platform.deployments.rolloutPairs(WORKSPACE, id, 10)
  assert.deepEqual(
    pairs.map(({ entity, version }) => `${version} ${entity}`),
    ['films/2 one fails', 'films/2 far', 'films/2 near', 'films/2 both fail'],
  )
  assert.equal(distributions[0]?.version, 'films/2')
})
