import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  AutomationPolicy,
  type EventRecord,
  type EventType,
  gatesFailed,
  performanceLost,
  pipelineFailed,
  pipelineSucceeded,
  retrainingNotStarted,
  rolloutPromoted,
  rolloutRolledBack,
  uuidv7,
} from '@tidemark/contracts'
import type { z } from 'zod'
import {
  answerOf,
  filmMaker,
  type MonitoringTest,
  month,
  SegmentWriter,
  startMonitoringTest,
} from '../monitoring/testing.ts'
import { systemActor } from '../platform/actor.ts'
import { findEvent } from '../platform/events.ts'
import { inTransaction, sql } from '../platform/index.ts'

const params = { endpoint: 'films' }
const make = filmMaker(41)
let server: MonitoringTest

before(async () => {
  server = await startMonitoringTest()
  const writer = new SegmentWriter(server.logFolder, 'g', 1)
  // Ten things, predicted by the champion and by the version after it; a window of them has closed.
  for (let index = 0; index < 10; index += 1) {
    const film = make()
    writer.append([
      answerOf(`film-${index}`, month(0, 5), film, 7),
      answerOf(`film-${index}`, month(0, 6), film, 6.5, { version: 'films/2' }),
    ])
  }
  writer.append([answerOf('later', month(2, 5), make(), 6)])
  writer.close()
  await server.settled()
  const labels = Array.from({ length: 10 }, (_, index) => ({ entity: `film-${index}`, value: 6 }))
  await server.client.monitoring.putLabels({ params, body: { labels } })
})
after(() => server.close())
beforeEach(async () => {
  await sql`delete from retraining_decision`.execute(server.platform.db)
  server.world.automation = {
    championVersion: 1,
    policy: AutomationPolicy.parse({ pipeline: 'films', costPerTraining: 1, costPerLossUnit: 10, maxTrainings: 2 }),
  }
  server.world.rolloutOpen = false
})

/** Appends an event because of others and waits until its reactions ran. */
async function append<P extends z.ZodType>(type: EventType<P>, payload: z.input<P>, causes: EventRecord[] = []) {
  const { db, events } = server.platform
  const correlation = causes[0]?.correlation ?? uuidv7()
  const actor = systemActor('test', 'default').because(
    causes.map((cause) => cause.id),
    correlation,
  )
  const id = await inTransaction(db, (tx) => events.append(tx, actor, type, payload))
  await server.settled()
  const event = await findEvent(db, 'default', id)
  assert.ok(event)
  return event
}

const lost = (rise = 1) =>
  append(performanceLost, {
    ...params,
    window: uuidv7(),
    from: month(0).toISOString(),
    to: month(1).toISOString(),
    version: 1,
    lossBefore: 0.5,
    lossNow: 0.5 + rise,
    summary: 'lost',
    evidence: { increaseLower: rise / 2, increaseUpper: rise * 2 },
  })

const decisions = async () => (await server.client.automation.listDecisions({ params })).decisions
const learn = (event: EventRecord) =>
  server.automation.learn(systemActor('automation', 'default').because([event.id], event.correlation), event)

/** The event by which a retraining was decided. */
async function decided(): Promise<EventRecord> {
  const [decision] = await decisions()
  const event = decision && (await findEvent(server.platform.db, 'default', decision.event))
  assert.equal(decision?.verdict, 'retrain')
  assert.ok(event)
  return event
}

test('one report is decided once, however often its reaction runs', async () => {
  const event = await lost()
  const actor = systemActor('automation', 'default').because([event.id], event.correlation)
  await Promise.all([1, 2, 3].map(() => server.automation.consider(actor, event)))
  const all = await decisions()
  assert.equal(all.length, 1)
  assert.deepEqual([all[0]?.verdict, all[0]?.reason, all[0]?.cause], ['retrain', 'pays', event.id])
  assert.deepEqual((await decided()).causes, [event.id])
  assert.equal(all[0]?.asOf, month(2).toISOString())
  assert.deepEqual(await server.client.automation.getDecision({ params: { id: all[0]?.id ?? '' } }), all[0])
})

test('a report on a version that is champion no more asks for nothing', async () => {
  server.world.automation = server.world.automation && { ...server.world.automation, championVersion: 2 }
  await lost()
  assert.deepEqual(await decisions(), [])
})

test('while a retraining is under way another is declined, and after its failure a later one is decided', async () => {
  await lost()
  const cause = await decided()
  await lost()
  assert.deepEqual(
    (await decisions()).map(({ reason }) => reason),
    ['training_open', 'pays'],
  )
  const run = { run: uuidv7(), pipeline: 'films', purpose: 'retraining' as const, endpoint: 'films' }
  await learn(await append(pipelineFailed, { ...run, step: 'train', reason: 'no memory' }, [cause]))
  const [, first] = await decisions()
  assert.deepEqual([first?.outcome?.kind, first?.outcome?.recovery], ['failed', null])
  // A technical failure teaches nothing of what a retraining wins back.
  assert.equal((await server.client.automation.listDecisions({ params })).recovery?.mean, 0.5)
})

test('a retraining that could not start has failed, and teaches nothing', async () => {
  await lost()
  const cause = await decided()
  const { decision } = cause.payload
  const reason = 'There is no pipeline "films".'
  const payload = { decision: String(decision), pipeline: 'films', ...params, reason }
  await learn(await append(retrainingNotStarted, payload, [cause]))
  const [failed] = await decisions()
  assert.deepEqual([failed?.outcome?.kind, failed?.outcome?.recovery], ['failed', null])
  assert.match(failed?.outcome?.sentence ?? '', /could not start: There is no pipeline/)
  // It is over: the next report is judged by itself, not put off as if a training were under way.
  await lost()
  assert.equal((await decisions())[0]?.reason, 'too_soon')
})

test('a candidate that the gates refused lowers what the next one is expected to win back', async () => {
  await lost()
  const refused = await append(
    gatesFailed,
    { model: 'films', version: 2, evaluation: uuidv7(), ...params, champion: 1, summary: 'no better', evidence: {} },
    [await decided()],
  )
  await learn(refused)
  await learn(refused)
  const { decisions: all, recovery } = await server.client.automation.listDecisions({ params })
  assert.deepEqual([all[0]?.outcome?.kind, all[0]?.outcome?.recovery, recovery?.outcomes], ['refused', 0, 1])
  assert.equal(recovery?.mean, 1 / 3)
})

test('a promoted candidate teaches what it won back on the things that both versions predicted', async () => {
  await lost(1)
  const promoted = await append(
    rolloutPromoted,
    {
      model: 'films',
      version: 2,
      rollout: uuidv7(),
      ...params,
      championVersion: 1,
      proof: 'non-inferiority proven',
      reason: 'proven',
      evidence: {},
    },
    [await decided()],
  )
  await learn(promoted)
  const [decision] = await decisions()
  // Losses 1 and 0.5 on ten things, of a rise of 1.
  assert.deepEqual([decision?.outcome?.kind, decision?.outcome?.recovery], ['promoted', 0.5])
})

test('a run that made no version is a failure; one that made a version is not the end', async () => {
  await lost()
  const run = {
    run: uuidv7(),
    pipeline: 'films',
    purpose: 'retraining' as const,
    ...params,
    seconds: 1,
    cachedSteps: 0,
  }
  await learn(await append(pipelineSucceeded, { ...run, modelVersion: 'films/2' }, [await decided()]))
  assert.equal((await decisions())[0]?.outcome, null)
  await learn(await append(pipelineSucceeded, { ...run, modelVersion: null }, [await decided()]))
  assert.equal((await decisions())[0]?.outcome?.kind, 'failed')
})

test('what a person rolled out by a waiver teaches nothing about retraining', async () => {
  await lost()
  const rolledBack = await append(rolloutRolledBack, {
    model: 'films',
    version: 9,
    rollout: uuidv7(),
    ...params,
    championVersion: 1,
    guardrail: 'errors',
    reason: 'errs',
    evidence: {},
  })
  await learn(rolledBack)
  assert.equal((await decisions())[0]?.outcome, null)
})

test('an unknown decision is named in the error', async () => {
  await assert.rejects(server.client.automation.getDecision({ params: { id: uuidv7() } }), {
    code: 'DECISION_NOT_FOUND',
  })
})
