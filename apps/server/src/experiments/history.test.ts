import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inTransaction, sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { gatherLog } from './historyStore.ts'

let server: TestServer

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return (await response.json()) as Record<string, unknown>
}

async function makeRun(): Promise<string> {
  const { run } = (await call('POST', 'runs/create', { experiment_id: '0' })) as { run: { info: { run_id: string } } }
  return run.info.run_id
}

async function history(run: string, key: string): Promise<{ value: number; step: number; timestamp: number }[]> {
  const { metrics } = await call('GET', `metrics/get-history?run_id=${run}&metric_key=${key}`)
  return (metrics ?? []) as { value: number; step: number; timestamp: number }[]
}

async function numberOf(run: string): Promise<number> {
  const { rows } = await sql<{ no: number }>`select no from run where id = ${run}`.execute(server.platform.db)
  return rows[0]?.no ?? -1
}

before(async () => {
  server = await startTestServer()
})
after(() => server.close())

test('gathering the log changes nothing that is read: no value lost, none doubled, each metric alone', async () => {
  const run = await makeRun()
  for (let batch = 0; batch < 12; batch++) {
    const metrics = Array.from({ length: 900 }, (_, index) => ({
      key: `k${index % 3}`,
      value: index + batch * 0.5,
      timestamp: 1000 + batch,
      step: batch * 900 + index,
    }))
    await call('POST', 'runs/log-batch', { run_id: run, metrics })
    // The same batch again, as a client sends it that did not hear the answer.
    if (batch === 3) await call('POST', 'runs/log-batch', { run_id: run, metrics })
  }
  const unsorted = { k0: await history(run, 'k0'), k2: await history(run, 'k2') }
  assert.equal(unsorted.k0.length, 3600)
  const no = await numberOf(run)
  await inTransaction(server.platform.db, (tx) => gatherLog(tx, no))
  assert.deepEqual(await history(run, 'k0'), unsorted.k0)
  await call('POST', 'runs/log-metric', { run_id: run, key: 'k0', value: -1, timestamp: 1, step: 0 })
  await inTransaction(server.platform.db, (tx) => gatherLog(tx, no))
  assert.deepEqual(await history(run, 'k0'), [{ key: 'k0', value: -1, timestamp: 1, step: 0 }, ...unsorted.k0])
  assert.deepEqual(await history(run, 'k2'), unsorted.k2)
  const { rows } = await sql<{ logged: number; chunks: number }>`
    select (select count(*) from metric_log where run = ${no}) as logged, (select count(*) from metric_chunk where run = ${no}) as chunks`.execute(
    server.platform.db,
  )
  assert.deepEqual(rows, [{ logged: 0, chunks: 3 }])
})

test('a log of many calls is gathered by itself, while they go on', async () => {
  const run = await makeRun()
  for (let from = 0; from < 1200; from += 40) {
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        call('POST', 'runs/log-metric', { run_id: run, key: 'loss', value: 1, timestamp: 1, step: from + index }),
      ),
    )
  }
  const steps = (await history(run, 'loss')).map((point) => point.step)
  assert.deepEqual(
    steps,
    Array.from({ length: 1200 }, (_, step) => step),
  )
  await server.server.app.close()
  const no = await numberOf(run)
  for (let waited = 0; waited < 100; waited++) {
    const { rows } = await sql<{ count: number }>`select count(*) as count from metric_log where run = ${no}`.execute(
      server.platform.db,
    )
    if ((rows[0]?.count ?? 0) < 600) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.fail('the log was never gathered')
})
