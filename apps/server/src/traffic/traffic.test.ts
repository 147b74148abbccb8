import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type TidemarkError, uuidv7 } from '@tidemark/contracts'
import { fixtureModel, type TestGateway, until } from '../deployments/gateways/testing.ts'
import { startTestServing, type TestServing } from '../deployments/servingTesting.ts'
import { inTransaction } from '../platform/index.ts'
import type { TestServer } from '../platform/testing.ts'
import { trafficFold } from './fold.ts'

const { rows, expected } = fixtureModel('champion')
const params = { endpoint: 'films' }
let serving: TestServing
let server: TestServer
let gateway: TestGateway

before(async () => {
  serving = await startTestServing()
  server = serving.server
  gateway = serving.gateway
})
after(() => serving?.close())

const ask = (input: Record<string, never>, more: { caller?: string; entity?: string } = {}) =>
  server.client.traffic.ask({ params, body: { input, ...more } })

test('a request by hand is answered as the model answers, and is in the log with its caller and its thing', async () => {
  const answer = await ask({ inputs: [rows[0]] } as never, { caller: 'Ann', entity: 'Amélie (2001)' })
  assert.equal(answer.status, 200)
  assert.equal(answer.version, 'films/1')
  const { predictions } = answer.body as { predictions: number[] }
  assert.ok(Math.abs((predictions[0] ?? 0) - (expected[0] ?? 1)) < 1e-5)
  assert.ok((answer.stages.infer ?? 0) > 0 && (answer.stages.log ?? 0) > 0)
  const logged = await server.client.monitoring.getPrediction({ params: { id: answer.prediction ?? '' } })
  assert.equal(logged.answer.caller, 'Ann')
  assert.deepEqual(logged.answer.entities, ['Amélie (2001)'])
})

test('what the gateway refuses is shown with its own status and words', async () => {
  const answer = await ask({ inputs: [['a lot', 110, 'Drama']] } as never)
  assert.equal(answer.status, 400)
  assert.match(JSON.stringify(answer.body), /budget/)
  assert.equal(answer.prediction, null)
})

test('traffic counts what was answered, by minute and by version, with quantiles of its stages', async () => {
  const many = { inputs: [rows[0], rows[1]] }
  for (let request = 0; request < 20; request += 1) await gateway.ask('/endpoints/films/invocations', many)
  const answered = async () => {
    const found = await server.client.traffic.getTraffic({ params, query: {} })
    return found.rows >= 42 ? found : undefined
  }
  await until(async () => (await answered()) !== undefined)
  const found = await answered()
  assert.ok(found)
  assert.equal(found.points.length, 60)
  assert.equal(found.stepSeconds, 60)
  assert.equal(
    found.points.reduce((sum, { requests }) => sum + requests, 0),
    found.requests,
  )
  assert.equal(found.errors, 0)
  assert.deepEqual(
    found.versions.map(({ version, requests }) => [version, requests]),
    [['films/1', found.requests]],
  )
  const { infer, total } = found.stages
  assert.ok(infer && total && infer.p50 > 0 && total.p50 >= infer.p50 && total.p99 >= total.p50)
})

test('counts of two batches in one minute add up; another day and another workspace are not in them', async () => {
  const fold = trafficFold()
  const minute = Date.UTC(2026, 0, 2, 12, 30)
  const record = (arrivedAt: number, milliseconds: number, failed = false, workspace = 'default') => ({
    kind: 'answer' as const,
    id: uuidv7(arrivedAt),
    workspace,
    endpoint: 'films',
    arrivedAt,
    eventTime: 0,
    requestId: 'request',
    caller: null,
    entities: [null, null],
    version: 'films/1',
    runtime: 'onnx' as const,
    rollout: null,
    columns: ['budget'],
    rows: [[1], [2]],
    predictions: failed ? null : [1, 2],
    error: failed ? 'it failed' : null,
    milliseconds,
  })
  const apply = (...records: ReturnType<typeof record>[]) =>
    inTransaction(server.platform.db, (tx) => fold.apply(tx, records))
  await apply(record(minute, 1), record(minute + 59_999, 1), record(minute - 86_400_000, 1))
  await apply(record(minute + 1, 16, true), record(minute, 1, false, 'other'), record(minute + 60_000, 1))
  const found = await server.client.traffic.getTraffic({
    params,
    query: { range: '1h', to: new Date(minute + 90_000).toISOString() },
  })
  assert.deepEqual([found.requests, found.rows, found.errors], [4, 8, 1])
  const busy = found.points.filter(({ requests }) => requests > 0)
  assert.deepEqual(
    busy.map(({ at, requests, errors }) => [at, requests, errors]),
    [
      ['2026-01-02T12:30:00.000Z', 3, 1],
      ['2026-01-02T12:31:00.000Z', 1, 0],
    ],
  )
  assert.deepEqual(busy[0]?.stages.total, { p50: 1.024, p95: 16.384, p99: 16.384 })
  await apply({ ...record(minute + 120_000, 4), timings: { parse: 1, validate: 1, queue: 8, infer: 4 } } as never)
  const split = await server.client.traffic.getTraffic({
    params,
    query: { range: '1h', to: new Date(minute + 150_000).toISOString() },
  })
  const stages = split.points.find(({ at }) => at === '2026-01-02T12:32:00.000Z')?.stages
  assert.deepEqual(
    [stages?.parse, stages?.queue, stages?.infer, stages?.total].map((each) => Math.round((each?.p50 ?? 0) * 1000)),
    [1024, 8192, 4096, 13_777],
  )
  const day = await server.client.traffic.getTraffic({
    params,
    query: { range: '24h', to: new Date(minute).toISOString() },
  })
  assert.deepEqual([day.points.length, day.requests], [96, 5])
})

test('an endpoint that is not there has no traffic, and a gateway that is gone is named', async () => {
  const refused = (code: string) => (error: TidemarkError) => error.code === code
  await assert.rejects(
    server.client.traffic.getTraffic({ params: { endpoint: 'none' }, query: {} }),
    refused('ENDPOINT_NOT_FOUND'),
  )
  await gateway.end()
  await assert.rejects(ask({ inputs: [rows[0]] } as never), refused('GATEWAY_SILENT'))
})
