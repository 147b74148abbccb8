import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { ensureEnvironment } from '@tidemark/workers'
import { Gateways } from '../../deployments/gateways/index.ts'
import { fixtureModel, startTestGateway, type TestGateway } from '../../deployments/gateways/testing.ts'
import { PLATFORM_LOCK } from '../../platform/index.ts'
import { startTestServer, type TestServer } from '../../platform/testing.ts'

const run = promisify(execFile)
const params = { model: 'RandomForestRegressor', version: 1 }

let server: TestServer
let gateway: TestGateway
let logged: { columns: string[]; rows: (number | null)[][]; answers: { value: number }[] }

before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
  const environment = await ensureEnvironment(PLATFORM_LOCK)
  const script = join(import.meta.dirname, 'fixtures/estimators.py')
  const { stdout } = await run(environment.python, [script, 'log', server.url, params.model], {
    env: { PATH: '/usr/bin:/bin', HOME: server.dataDir, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR: 'false' },
  })
  logged = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{')) ?? '')
  gateway = await startTestGateway({
    dataDir: server.dataDir,
    serverUrl: server.url,
    token: server.internalToken,
  })
})
after(async () => {
  await gateway?.end()
  await server.close()
})

async function until<T>(look: () => Promise<T | null | undefined | false>, seconds = 60): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it did not happen in time')
}

const runtimeNow = () => server.client.runtimes.getVersionRuntime({ params })
const ask = () =>
  gateway.ask('/endpoints/forest/invocations', { dataframe_split: { columns: logged.columns, data: logged.rows } })

test('a version is prepared when it is registered: converted, compared, its columns measured', async () => {
  const found = await until(async () => {
    const now = await runtimeNow()
    return now.preparation === 'done' && now
  })
  assert.equal(found.runtime, 'onnx')
  assert.equal(found.verdict?.mismatches, 0)
  assert.equal(found.verdict?.realRows, 5)
  assert.match(found.verdict?.onnxDigest ?? '', /^sha256:/)
  assert.equal(found.verdict?.worst.length, 5)
  const importance = await server.client.explanations.getImportance({ params })
  assert.deepEqual(importance.columns.map(({ column }) => column).sort(), ['age', 'height', 'income'])
  assert.ok(Math.abs(importance.columns.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9)
  assert.ok((importance.columns[0]?.importance ?? 0) > 0)
})

test('a version that nobody registered has no runtime, and one that was never measured says how to have it measured', async () => {
  const missing = { model: 'RandomForestRegressor', version: 2 }
  await assert.rejects(server.client.runtimes.getVersionRuntime({ params: missing }), /no model version/)
  await assert.rejects(server.client.explanations.getImportance({ params: missing }), /no model version/)
})

test('its answers are Python’s', async () => {
  await server.client.deployments.putEndpoint({
    params: { endpoint: 'forest' },
    body: { ...params, policy: { recheck: { sharePercent: 100, minPerHour: 0 } } },
  })
  const reply = await until(async () => {
    const now = await ask()
    return now.status === 200 && now
  })
  logged.answers.forEach(({ value }, row) => {
    assert.ok(Math.abs((reply.body.predictions?.[row] ?? Number.NaN) - value) < 1e-3, `row ${row}`)
  })
})

test('a converted file that answers otherwise is caught while it serves, and the version runs in Python everywhere', async () => {
  // The fixture's model stands for a conversion that the gate's rows did not catch: another forest, under this version's name.
  const { platform } = server
  const gateways = new Gateways(platform)
  const published = await gateways.published('default', 'forest')
  assert.ok(published?.champion.runtime.kind === 'onnx')
  assert.equal(published.champion.runtime.python?.gap, 'request')
  const other = await platform.blobs.put(platform.db, 'default', fixtureModel('champion').bytes)
  const wrong = {
    ...published.champion.runtime,
    model: other.digest,
    inputs: [
      { column: 'income', tensor: 'budget', type: 'float32' as const },
      { column: 'age', tensor: 'running_time', type: 'float32' as const },
      { column: 'none', tensor: 'genre', type: 'string' as const },
    ],
  }
  await platform.db
    .transaction()
    .execute((tx) => gateways.publish(tx, { ...published, champion: { ...published.champion, runtime: wrong } }))
  const before = logged.answers[0]?.value ?? Number.NaN
  const caught = await until(async () => {
    const reply = await ask()
    return Math.abs((reply.body.predictions?.[0] ?? before) - before) > 1e-3 && reply.body.prediction_id
  })
  const {
    switched,
    runtime: now,
    verdict,
  } = await until(async () => {
    const found = await runtimeNow()
    return found.switched && found
  })
  assert.equal(now, 'python')
  assert.equal(verdict?.kind, 'onnx')
  assert.equal(switched?.endpoint, 'forest')
  assert.ok((switched?.difference ?? 0) > (switched?.tolerance ?? 0))
  assert.match(switched?.prediction ?? '', /^[0-9a-f-]{36}$/)
  assert.ok(caught)

  const events = await server.client.platform.listEvents({ query: {} })
  assert.equal(events.events.filter(({ type }) => type === 'evaluation.runtime_switched').length, 1)
  const right = await until(async () => {
    const reply = await ask()
    return Math.abs((reply.body.predictions?.[0] ?? Number.NaN) - before) < 1e-9 && reply
  })
  assert.equal(right.status, 200)
  const health = await server.client.monitoring.health({ params: { endpoint: 'forest' }, query: {} })
  assert.equal(health.state, 'watch')
  assert.match(health.sentence, /runs in Python since .* because its converted form answered otherwise/)
})
