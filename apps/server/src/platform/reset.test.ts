import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { sql } from './db.ts'
import { firstBrokenPosition } from './events.ts'
import { childrenFirst } from './reset.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer({ devReset: true })
})
after(() => server.close())

async function mlflow(path: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(answer.status, 200, path)
  return (await answer.json()) as Record<string, unknown>
}

const get = async (path: string) => fetch(`${server.url}${path}`)

async function reset(): Promise<number> {
  const begun = performance.now()
  const answer = await fetch(`${server.url}/__reset`, { method: 'POST' })
  assert.equal(answer.status, 200)
  return performance.now() - begun
}

/** About 1,000 rows and 50 blobs, by the ordinary API. */
async function fill(): Promise<string> {
  const { experiment_id } = await mlflow('experiments/create', { name: 'one' })
  const created = await mlflow('runs/create', { experiment_id, run_name: 'r' })
  const run = (created.run as { info: { run_id: string } }).info.run_id
  const metrics = Array.from({ length: 800 }, (_, step) => ({ key: `m${step % 100}`, value: step, timestamp: 1, step }))
  const params = Array.from({ length: 100 }, (_, index) => ({ key: `p${index}`, value: 'v' }))
  const tags = Array.from({ length: 100 }, (_, index) => ({ key: `t${index}`, value: 'v' }))
  await mlflow('runs/log-batch', { run_id: run, metrics })
  await mlflow('runs/log-batch', { run_id: run, params, tags })
  for (let index = 0; index < 50; index += 1) {
    const answer = await fetch(
      `${server.url}/api/2.0/mlflow-artifacts/artifacts/${experiment_id}/${run}/artifacts/f${index}`,
      { method: 'PUT', body: randomBytes(2_000) },
    )
    assert.equal(answer.status, 200)
  }
  await mlflow('registered-models/create', { name: 'm' })
  await mlflow('model-versions/create', {
    name: 'm',
    source: `mlflow-artifacts:/${experiment_id}/${run}/artifacts`,
    run_id: run,
  })
  await mlflow('registered-models/alias', { name: 'm', alias: 'a', version: '1' })
  return run
}

test('a reset empties data and blobs, and everything begins anew', async (t) => {
  for (let round = 1; round <= 3; round += 1) {
    const run = await fill()
    assert.equal((await get(`/api/2.0/mlflow/runs/get?run_id=${run}`)).status, 200)
    const milliseconds = await reset()
    t.diagnostic(`reset ${round} of a throwaway database: ${milliseconds.toFixed(1)} ms`)
    assert.ok(milliseconds < 1000)

    assert.equal((await get(`/api/2.0/mlflow/runs/get?run_id=${run}`)).status, 404)
    assert.equal((await get('/api/2.0/mlflow/registered-models/get?name=m')).status, 404)
    assert.deepEqual(await readdir(join(server.dataDir, 'blobs')), [])
    const experiments = await mlflow('experiments/search', { max_results: 10 })
    assert.deepEqual(
      (experiments.experiments as { experiment_id: string; name: string }[]).map((e) => [e.experiment_id, e.name]),
      [['0', 'Default']],
    )
    assert.equal((await server.client.platform.listEvents({ query: {} })).lastPosition, 0)
    assert.equal((await mlflow('experiments/create', { name: 'first' })).experiment_id, '1')
    await reset()
  }
  await fill()
  assert.equal(await firstBrokenPosition(server.platform.db), null)
  await reset()
})

test('after a reset no table has a row but those that speak of the machine', async () => {
  await fill()
  await reset()
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace`.execute(
    server.platform.db,
  )
  assert.ok(rows.length > 40)
  const filled: string[] = []
  for (const { name } of rows) {
    const count = await sql<{ n: number }>`select count(*) as n from ${sql.id(name)}`.execute(server.platform.db)
    if (count.rows[0]?.n !== 0) filled.push(name)
  }
  const expected = ['event_head', 'experiment', 'gateway_configuration', 'schema_migration', 'workspace']
  assert.deepEqual(
    filled.filter((name) => !expected.includes(name)),
    [],
  )
})

test('requests that come during a reset are answered after it', async () => {
  const resetting = reset()
  const made = await Promise.all(
    Array.from({ length: 5 }, (_, index) => mlflow('experiments/create', { name: `during ${index}` })),
  )
  await resetting
  assert.equal(new Set(made.map(({ experiment_id }) => experiment_id)).size, 5)
  await reset()
})

test('without the flag there is no such route', async () => {
  const plain = await startTestServer()
  try {
    assert.equal((await fetch(`${plain.url}/__reset`, { method: 'POST' })).status, 404)
    assert.equal((await fetch(`${plain.url}/__reset`)).status, 404)
  } finally {
    await plain.close()
  }
})

test('rows go before those that they refer to', () => {
  const table = (oid: number, ...parents: number[]) => ({ oid, name: String(oid), parents })
  const order = childrenFirst([table(1), table(2, 1), table(3, 2, 1), table(4, 9)]).map(({ oid }) => oid)
  assert.ok(order.indexOf(3) < order.indexOf(2) && order.indexOf(2) < order.indexOf(1))
  assert.equal(order.length, 4)
  assert.throws(() => childrenFirst([table(1, 2), table(2, 1)]), /circle/)
})
