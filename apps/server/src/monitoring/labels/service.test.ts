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

async function putFile(type: string, body: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}/api/v1/endpoints/films/labels/file`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('a file of labels is checked to its last line before anything is stored, and sent again it is known', async () => {
  const lines = Array.from({ length: 12_000 }, (_, index) =>
    JSON.stringify({ entity: `file-${index}`, value: index % 7 }),
  )
  const broken = await putFile('application/x-ndjson', [...lines, '{"entity": "x"}'].join('\n'))
  assert.equal(broken.status, 400)
  assert.match(JSON.stringify(broken.body), /Line 12001 of the file is no label/)
  const { values } = await server.client.monitoring.getLabel({ params: { ...params, entity: 'file-1' } })
  assert.deepEqual(values, [])
  const first = await putFile('application/x-ndjson', lines.join('\n'))
  assert.deepEqual([first.status, first.body.accepted, first.body.repeated], [200, 12_000, 0])
  const second = await putFile('application/x-ndjson', lines.join('\n'))
  assert.deepEqual([second.body.accepted, second.body.repeated], [0, 12_000])
  assert.equal((await putFile('application/json', '{}')).status, 415)
})

test('classes are labels too; a CSV file may quote its keys; texts that are equal lose nothing and others lose one', async () => {
  writer.append([
    answerOf('Crash, "The" (1996)', month(7, 2), make(), null, { predictions: ['Drama'], error: null }),
    answerOf('Other', month(7, 3), make(), null, { predictions: ['Drama'], error: null }),
  ])
  await server.settled()
  const csv = 'entity,value,knownAt\r\n"Crash, ""The"" (1996)",Drama,2000-09-01T00:00:00Z\r\nOther,Horror,\r\n'
  assert.deepEqual((await putFile('text/csv', csv)).body.accepted, 2)
  assert.deepEqual((await losses()).at(-1), ['2000-08', 2, 0.5])
  const { values } = await server.client.monitoring.getLabel({ params: { ...params, entity: 'Other' } })
  assert.equal(values[0]?.value, 'Horror')
  assert.match(
    JSON.stringify((await putFile('text/csv', 'entity,worth\na,1\n')).body),
    /worth.* is none of the columns/,
  )
})

test('a CSV file whose first field is empty, or whose quotes do not close, is read or refused for what it is', async () => {
  const empty = 'knownAt,entity,value\n,"Quoted, first",3\n2000-09-01T00:00:00Z,"two\nlines",4\n'
  assert.equal((await putFile('text/csv', empty)).body.accepted, 2)
  const open = await putFile('text/csv', 'entity,value\n"a\nb",1\n"open,2\nnext,3\n')
  assert.match(JSON.stringify(open.body), /Line 4 of the file is no label: a quote that opens in it does not close/)
  const long = await putFile('text/csv', `entity,value\n"${'x\n'.repeat(200_000)}`)
  assert.match(JSON.stringify(long.body), /Line 2 .* does not close/)
  const endless = await putFile('application/x-ndjson', `{"entity": "${'x'.repeat(400_000)}`)
  assert.match(JSON.stringify(endless.body), /Line 1 .* longer than 65536/)
})

test('a correction that became known earlier than what holds is history, in whatever order and however often it comes', async () => {
  const at = (day: number) => month(8, day).toISOString()
  const three = [
    { entity: 'order', value: 3, knownAt: at(20) },
    { entity: 'order', value: 1, knownAt: at(2) },
    { entity: 'order', value: 2, knownAt: at(10) },
  ]
  const first = await put(three)
  assert.deepEqual([first.accepted, first.corrected, first.repeated], [1, 2, 0])
  const again = await put(three.toReversed())
  assert.deepEqual([again.accepted, again.corrected, again.repeated], [0, 0, 3])
  writer.append([answerOf('order', month(8, 1), make(), 6)])
  await server.settled()
  const { predictions } = await server.client.monitoring.listPredictions({ params, query: { entity: 'order' } })
  assert.equal(predictions[0]?.label, 3, 'the one that became known last holds')
})
