import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AutomationPolicy } from '@tidemark/contracts'
import { seededUniform } from '@tidemark/statistics'
import { systemActor } from '../platform/actor.ts'
import {
  answerOf,
  type Film,
  filmMaker,
  type MonitoringTest,
  month,
  SegmentWriter,
  startMonitoringTest,
  writeReference,
} from './testing.ts'

/** Films a month, and requests for each. */
const FILMS = 15
const REQUESTS = 3
const ENDPOINT = { endpoint: 'films' }

const make = filmMaker(5)
const uniform = seededUniform(6)
/** Two-sided errors with mean absolute value `size`. */
const errorOf = (size: number): number => (uniform() < 0.5 ? -1 : 1) * -Math.log(1 - uniform()) * size
const truths = new Map<string, number>()

let server: MonitoringTest
let writer: SegmentWriter

before(async () => {
  server = await startMonitoringTest({ window: 'month', graceDays: 1 })
  const losses = Array.from({ length: 300 }, () => Math.abs(errorOf(0.8)))
  const predictions = losses.map(() => 6 + errorOf(0.3))
  Object.assign(server.world, {
    referenceFiles: { training: `${server.dataDir}/reference.parquet`, holdout: null },
    holdout: { losses, predictions },
  })
  await writeReference(`${server.dataDir}/reference.parquet`, Array.from({ length: 1200 }, make))
  await server.monitoring.adoptReference(systemActor('test', 'default'), 'films', 'films', 1)
  writer = new SegmentWriter(server.logFolder, 'g', 1)
})
after(async () => {
  writer.close()
  await server.close()
})

/** A month of releases: each film asked for a few times, its rating off by `loss` on average. */
function release(months: number, loss: number, change: (film: Film) => Film = (film) => film): string[] {
  const entities: string[] = []
  for (let index = 0; index < FILMS; index += 1) {
    const entity = `film-${months}-${index}`
    const prediction = 6 + errorOf(0.3)
    truths.set(entity, prediction + errorOf(loss))
    entities.push(entity)
    const film = change(make())
    for (let request = 0; request < REQUESTS; request += 1) {
      writer.append([answerOf(entity, month(months, 2 + index), film, prediction)])
    }
  }
  return entities
}

async function label(entities: readonly string[], known: Date): Promise<void> {
  const labels = entities.map((entity) => ({ entity, value: truths.get(entity) ?? 0, knownAt: known.toISOString() }))
  const reply = await server.client.monitoring.putLabels({ params: ENDPOINT, body: { labels } })
  assert.equal(reply.accepted, entities.length)
}

/** Lets event time pass the end of a month by the grace. */
async function passTo(months: number): Promise<void> {
  // Without a budget: it says nothing of the fault.
  writer.append([answerOf(`tick-${months}`, month(months, 3), { ...make(), budget: null }, 6)])
  await server.settled()
}

test('six quiet months are judged and lose nothing; losses count once their inputs were judged', async () => {
  for (let months = 0; months < 6; months += 1) {
    const entities = release(months, 0.8)
    await server.settled()
    await label(entities, month(months + 1, 20))
  }
  await passTo(6)
  const health = await server.client.monitoring.health({ params: ENDPOINT, query: {} })
  const judged = health.windows.filter((window) => window.state === 'judged')
  assert.equal(judged.length, 6)
  assert.ok(judged.every((window) => window.entities === FILMS && window.predictions === FILMS * REQUESTS))
  assert.equal(
    judged.reduce((sum, window) => sum + window.checks, 0),
    6 * 15,
  )
  assert.equal(health.performance?.labelled, 6 * FILMS)
  assert.equal(health.performance?.state, 'well')
  assert.deepEqual((await server.events('monitoring.window_closed')).length, 6)
  assert.equal(health.realisedLoss.points.length, 6)
  assert.ok(health.realisedLoss.points.every((point) => point.n === FILMS && point.lower < point.mean))
  assert.deepEqual([health.labels.labelled, health.labels.entities], [6 * FILMS, 6 * FILMS + 1])
  assert.equal(health.heatMap.length, 6 * 4)
  assert.equal(health.predictionDrift.length, 6)
})

test('budgets in thousands are named, dated and quarantined, and are no drift and no loss of performance', async () => {
  server.world.automation = {
    championVersion: 1,
    policy: AutomationPolicy.parse({
      pipeline: 'films',
      costPerTraining: 10,
      costPerLossUnit: 100,
      minDaysBetween: 90,
    }),
  }
  const inThousands = (film: Film): Film => ({ ...film, budget: film.budget && film.budget / 1000 })
  // The faulty inputs make predictions bad; their labels even come before the window is judged.
  for (const months of [6, 7]) {
    const entities = release(months, 4, inThousands)
    await server.settled()
    await label(entities, month(months + 1, 1))
  }
  await passTo(8)
  const { faults } = await server.client.monitoring.listFaults({ params: ENDPOINT })
  const [fault] = faults
  assert.equal(faults.length, 1)
  assert.deepEqual(
    [fault?.feature, fault?.factor, fault?.since.slice(0, 7), fault?.state],
    ['budget', 0.001, '2000-07', 'open'],
  )
  const detected = await server.events('monitoring.input_fault_detected')
  assert.equal(detected.length, 1)
  assert.match(detected[0]?.sentence ?? '', /budget arrives multiplied by 0\.001 \(thousands\) since 2000-07/)
  const { entities, total } = await server.client.monitoring.listQuarantine({ params: ENDPOINT, query: {} })
  assert.equal(total, entities.length)
  assert.ok(entities.every(({ entity }) => entity.startsWith('film-6-') || entity.startsWith('film-7-')))
  assert.ok(total > FILMS, `${total} of the ${2 * FILMS} films, those with a budget`)
  const drifts = await server.events('monitoring.drift_detected')
  assert.ok(drifts.every((drift) => !(drift.payload.features as string[]).includes('budget')))
  const health = await server.client.monitoring.health({ params: ENDPOINT, query: {} })
  assert.equal(health.state, 'harm')
  assert.match(health.sentence, /^Input fault: budget/)
  // Films whose budget was unknown are not touched and stay as evidence.
  assert.equal(health.performance?.labelled, 8 * FILMS - total)
})

test('lost performance during the fault is answered by mending it, never by retraining', async () => {
  const entities = release(8, 5, (film) => ({ ...film, budget: null }))
  await server.settled()
  await label(entities, month(9, 1))
  await passTo(9)
  const { decisions } = await server.client.automation.listDecisions({ params: ENDPOINT })
  assert.ok(decisions.length > 0)
  assert.ok(decisions.every(({ verdict, reason }) => verdict === 'decline' && reason === 'input_fault'))
})

test('a mended sender ends the fault by itself; the same loss then pays for a retraining, once', async () => {
  for (const months of [9, 10]) {
    const entities = release(months, 5)
    await server.settled()
    await label(entities, month(months + 1, 1))
  }
  await passTo(11)
  const { faults } = await server.client.monitoring.listFaults({ params: ENDPOINT })
  assert.equal(faults[0]?.state, 'resolved')
  assert.equal(faults[0]?.until?.slice(0, 7), '2000-10')
  assert.equal((await server.events('monitoring.input_fault_resolved')).length, 1)
  const { decisions, trainings } = await server.client.automation.listDecisions({ params: ENDPOINT })
  const [decision] = decisions
  assert.equal(trainings, 1)
  assert.deepEqual([decision?.verdict, decision?.reason], ['retrain', 'pays'])
  assert.match(decision?.asOf ?? '', /^200[01]-\d\d-01T00:00:00\.000Z$/)
  assert.ok((decision?.numbers.expectedGain as number) > 10)
  const health = await server.client.monitoring.health({ params: ENDPOINT, query: {} })
  assert.equal(health.performance?.state, 'lost')
  assert.ok((health.performance?.lossNow ?? 0) > 2)
  // Reported, and not answered yet: more bad months say nothing new.
  const reports = (await server.events('monitoring.performance_lost')).length
  const more = release(11, 5)
  await server.settled()
  await label(more, month(12, 1))
  await passTo(12)
  assert.equal((await server.events('monitoring.performance_lost')).length, reports)
})

test('a new champion begins with a reference and a watch of its own, and its own losses', async () => {
  server.world.endpoint = { ...server.world.endpoint, championVersion: 2 }
  server.world.automation = server.world.automation && { ...server.world.automation, championVersion: 2 }
  await server.monitoring.adoptReference(systemActor('test', 'default'), 'films', 'films', 2)
  await server.monitoring.adoptReference(systemActor('test', 'default'), 'films', 'films', 2)
  writer.append(
    Array.from({ length: FILMS }, (_, index) =>
      answerOf(`new-${index}`, month(12, 5 + index), make(), 6, { version: 'films/2' }),
    ),
  )
  await server.settled()
  const labels = Array.from({ length: FILMS }, (_, index) => ({ entity: `new-${index}`, value: 6.5 }))
  await server.client.monitoring.putLabels({ params: ENDPOINT, body: { labels } })
  await passTo(13)
  const health = await server.client.monitoring.health({ params: ENDPOINT, query: {} })
  assert.deepEqual([health.reference?.version, health.performance?.version], [2, 2])
  assert.equal(health.performance?.labelled, FILMS)
  assert.equal(health.performance?.state, 'well')
  const point = health.realisedLoss.points.find(({ version }) => version === 2)
  assert.deepEqual([point?.n, point?.mean], [FILMS, 0.5])
})

test('the window page has every check and counts beside the reference', async () => {
  const { windows } = await server.client.monitoring.listWindows({ params: ENDPOINT, query: {} })
  const faulty = windows.find((window) => window.from.startsWith('2000-07'))
  assert.ok(faulty)
  const detail = await server.client.monitoring.getWindow({ params: { ...ENDPOINT, window: faulty.id } })
  const unit = detail.checks.find((check) => check.kind === 'unit' && check.feature === 'budget')
  assert.equal(unit?.alarm, true)
  const budget = detail.features.find((feature) => feature.feature === 'budget')
  const window = budget?.cells.reduce((sum, cell) => sum + cell.window, 0) ?? 0
  assert.equal(window + (budget?.missing.window ?? 0), FILMS + 1)
  assert.equal(detail.features.at(-1)?.feature, 'prediction')
})

test('the metrics have alarms by kind, realised loss, quarantine', async () => {
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  assert.match(metrics, /tidemark_window_alarms_total\{workspace="default",endpoint="films",kind="unit"\} [1-9]/)
  assert.match(metrics, /tidemark_realised_loss\{workspace="default",endpoint="films",version="2"\} 0\.5/)
  assert.match(metrics, /tidemark_open_input_faults\{workspace="default",endpoint="films"\} 0/)
  assert.match(metrics, /tidemark_quarantined_things\{workspace="default",endpoint="films"\} [1-9]/)
})

test('an endpoint that does not exist is named in the error', async () => {
  await assert.rejects(server.client.monitoring.health({ params: { endpoint: 'songs' }, query: {} }), {
    code: 'ENDPOINT_NOT_FOUND',
    status: 404,
  })
})
