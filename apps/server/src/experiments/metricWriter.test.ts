import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { createKeyNumbers } from './keys.ts'
import { createMetricWriter } from './metricWriter.ts'

let server: TestServer

async function post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function makeRun(): Promise<string> {
  const { body } = await post('runs/create', { experiment_id: '0' })
  return (body as { run: { info: { run_id: string } } }).run.info.run_id
}

before(async () => {
  server = await startTestServer()
})
after(() => server.close())

test('writers that arrive together share a commit, and each value is there when its writer is told', async () => {
  const runs = await Promise.all(Array.from({ length: 4 }, makeRun))
  const { statements } = server.platform.database
  const writer = createMetricWriter(statements, createKeyNumbers(statements))
  const told = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      writer.log('default', runs[index % 4] ?? '', [{ key: `k${index % 5}`, value: index, atMs: 1, step: index }]),
    ),
  )
  assert.ok(told.every(({ lifecycle }) => lifecycle === 'active'))
  const { rows } = await sql<{ commits: number }>`
    select count(distinct l.xmin::text) as commits from metric_log l join run r on r.no = l.run where r.id = any (${runs}::text[])`.execute(
    server.platform.db,
  )
  assert.deepEqual(rows, [{ commits: 1 }])
  for (const [index, run] of runs.entries()) {
    const response = await fetch(`${server.url}/api/2.0/mlflow/runs/get?run_id=${run}`)
    const { run: read } = (await response.json()) as { run: { data: { metrics: { key: string; value: number }[] } } }
    const latest = new Map(read.data.metrics.map((metric) => [metric.key, metric.value]))
    for (let key = 0; key < 5; key++) {
      const last = Array.from({ length: 200 }, (_, value) => value).findLast((v) => v % 4 === index && v % 5 === key)
      assert.equal(latest.get(`k${key}`), last)
    }
  }
})

test('a run that is gone or a number out of range refuses its own metric alone', async () => {
  const [good, deleted] = [await makeRun(), await makeRun()]
  await post('runs/delete', { run_id: deleted })
  const metric = { key: 'm', value: 1, timestamp: 1, step: 0 }
  const answers = await Promise.all([
    post('runs/log-metric', { run_id: good, ...metric }),
    post('runs/log-metric', { run_id: deleted, ...metric }),
    post('runs/log-metric', { run_id: '0'.repeat(32), ...metric }),
    post('runs/log-metric', { run_id: good, ...metric, step: '9223372036854775808' }),
    post('runs/log-metric', { run_id: good, ...metric, key: 'with\u0000NUL' }),
    post('runs/log-metric', { run_id: good, ...metric, step: 1 }),
  ])
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 400, 404, 400, 400, 200],
  )
})
