import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { uuidv7 } from '@tidemark/contracts'
import { systemActor } from '../../platform/actor.ts'
import { answerOf, filmMaker, type MonitoringTest, month, SegmentWriter, startMonitoringTest } from '../testing.ts'

const params = { endpoint: 'films' }
const make = filmMaker(31)
let server: MonitoringTest
let writer: SegmentWriter

before(async () => {
  server = await startMonitoringTest({ minEntities: 2 })
  server.world.holdout = { losses: Array.from({ length: 50 }, (_, index) => index / 50), predictions: [] }
  await server.monitoring.adoptReference(systemActor('test', 'default'), 'films', 'films', 1)
  writer = new SegmentWriter(server.logFolder, 'g', 1)
})
after(async () => {
  writer.close()
  await server.close()
})

const put = (labels: Parameters<typeof server.client.monitoring.putLabels>[0]['body']['labels']) =>
  server.client.monitoring.putLabels({ params, body: { labels } })
const losses = async () =>
  (await server.client.monitoring.health({ params, query: {} })).realisedLoss.points.map(({ from, n, mean }) => [
    from.slice(0, 7),
    n,
    Number(mean.toFixed(6)),
  ])

test('a label is joined with the first prediction, not with a later one', async () => {
  writer.append([answerOf('a', month(0, 2), make(), 6), answerOf('a', month(0, 3), make(), 9)])
  await server.settled()
  assert.deepEqual(await put([{ entity: 'a', value: 6.5 }]), { accepted: 1, corrected: 0, repeated: 0, unknown: [] })
  assert.deepEqual(await losses(), [['2000-01', 1, 0.5]])
})

test('the same label again is counted as repeated; a correction is kept and evidence stays', async () => {
  assert.equal((await put([{ entity: 'a', value: 6.5 }])).repeated, 1)
  assert.equal((await put([{ entity: 'a', value: 8 }])).corrected, 1)
  assert.deepEqual(await losses(), [['2000-01', 1, 0.5]])
  const { values } = await server.client.monitoring.getLabel({ params: { ...params, entity: 'a' } })
  assert.deepEqual(
    values.map(({ value, by }) => [value, by]),
    [
      [6.5, 'local'],
      [8, 'local'],
    ],
  )
})

test('a label that is known before its prediction waits for it', async () => {
  await put([{ entity: 'early', value: 5 }])
  writer.append([answerOf('early', month(0, 4), make(), 6)])
  await server.settled()
  assert.deepEqual(await losses(), [['2000-01', 2, 0.75]])
})

test('labels by prediction id find their thing, also when the log was not read so far and rows had no key', async () => {
  const named = answerOf('by-id', month(0, 5), make(), 6)
  const unnamed = answerOf(null, month(0, 6), make(), 6, {
    rows: [
      [1, 2, 'Drama', null],
      [3, 4, 'Comedy', null],
    ],
    entities: [null, null],
    predictions: [6, 7],
  })
  writer.append([named, unnamed])
  const stranger = uuidv7()
  const reply = await put([
    { prediction: named.id, value: 6 },
    { prediction: unnamed.id, row: 1, value: 7.25 },
    { prediction: unnamed.id, row: 2, value: 1 },
    { prediction: stranger, value: 1 },
  ])
  assert.deepEqual(reply, { accepted: 2, corrected: 0, repeated: 0, unknown: [`${unnamed.id} row 2`, stranger] })
  await server.settled()
  assert.deepEqual(await losses(), [['2000-01', 4, (0.5 + 1 + 0 + 0.25) / 4]])
})

test('of two values for one thing in one request the first is joined and the second is its correction', async () => {
  writer.append([answerOf('twice', month(1, 2), make(), 6)])
  await server.settled()
  const reply = await put([
    { entity: 'twice', value: 7 },
    { entity: 'twice', value: 9 },
  ])
  assert.deepEqual([reply.accepted, reply.corrected], [1, 1])
  assert.deepEqual((await losses()).at(-1), ['2000-02', 1, 1])
})

test('labels that are late beyond the policy are overdue, those that came have a delay', async () => {
  writer.append([answerOf('never', month(1, 3), make(), 6), answerOf('now', month(4, 3), make(), 6)])
  await server.settled()
  await put([{ entity: 'now', value: 6, knownAt: month(4, 13).toISOString() }])
  const { labels } = await server.client.monitoring.health({ params, query: {} })
  // `never`, and the row that nobody labelled.
  assert.equal(labels.overdue, 2)
  assert.equal(labels.entities - labels.labelled, 2)
  assert.ok(labels.p90DelayDays !== null && labels.p90DelayDays >= 5)
})

test('the same labels from many callers at once are joined once', async () => {
  writer.append(Array.from({ length: 50 }, (_, index) => answerOf(`many-${index}`, month(5, 2), make(), 6)))
  await server.settled()
  const labels = Array.from({ length: 50 }, (_, index) => ({ entity: `many-${index}`, value: 7 }))
  const replies = await Promise.all(Array.from({ length: 6 }, () => put(labels)))
  assert.equal(
    replies.reduce((sum, reply) => sum + reply.accepted, 0),
    50,
  )
  assert.equal(
    replies.reduce((sum, reply) => sum + reply.repeated, 0),
    250,
  )
  assert.deepEqual((await losses()).at(-1), ['2000-06', 50, 1])
})

test('a label that is no label is refused with the field that is wrong', async () => {
  const response = await fetch(`${server.url}/api/v1/endpoints/films/labels`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ labels: [{ entity: 'x', value: { seven: 7 } }] }),
  })
  assert.equal(response.status, 400)
  assert.match(await response.text(), /labels\.0/)
})
