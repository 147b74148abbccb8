import assert from 'node:assert/strict'
import { existsSync, utimesSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { blobColumns } from '../blobColumns.ts'
import * as experimentPurge from '../experiments/purgeStore.ts'
import { createBlobSweep } from '../platform/blobSweep.ts'
import { firstBrokenPosition } from '../platform/events.ts'
import { sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import * as registryPurge from '../registry/purgeStore.ts'
import { cutoff, isDue } from './decide.ts'
import { createService } from './service.ts'

let server: TestServer
before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
})
after(() => server.close())

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: response.status, body: (await response.json()) as Json }
}
type Json = Record<string, unknown>

async function good(method: string, path: string, body?: unknown): Promise<Json> {
  const answer = await call(method, path, body)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  return answer.body
}

async function experiment(name: string): Promise<string> {
  return String((await good('POST', 'experiments/create', { name })).experiment_id)
}

/** A run with a value of every kind, and a file. */
async function runWithEverything(of: string, content = `file of ${of}`): Promise<string> {
  const created = (await good('POST', 'runs/create', { experiment_id: of })).run as { info: { run_id: string } }
  const { run_id } = created.info
  const metrics = [1, 2].map((step) => ({ key: 'loss', value: step, step, timestamp: step }))
  await good('POST', 'runs/log-batch', {
    run_id,
    metrics,
    params: [{ key: 'p', value: '1' }],
    tags: [{ key: 't', value: '1' }],
  })
  const dataset = { name: 'films', digest: 'd', source_type: 'local', source: '{}' }
  await good('POST', 'runs/log-inputs', { run_id, datasets: [{ dataset }] })
  const path = `${of}/${run_id}/artifacts/model/MLmodel`
  const put = await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body: content })
  assert.equal(put.status, 200)
  return run_id
}

async function register(name: string, run_id: string): Promise<void> {
  await call('POST', 'registered-models/create', { name })
  await good('POST', 'model-versions/create', { name, source: `runs:/${run_id}/model`, run_id })
}

/** As if everything that is deleted had been deleted so many days ago. */
async function age(days: number): Promise<void> {
  const at = Date.now() - days * 86_400_000
  for (const table of ['experiment', 'run', 'logged_model', 'registered_model', 'model_version'])
    await sql`update ${sql.raw(table)} set deleted_ms = ${at} where deleted_ms is not null`.execute(server.platform.db)
}

const purge = (olderThanDays: number, more: { dryRun?: boolean; experiment?: string } = {}) =>
  server.client.retention.purge({ body: { olderThanDays, ...more } })

/** How many rows speak of runs at all. */
async function rowsOfRuns(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of [
    'run',
    'run_tag',
    'run_parameter',
    'latest_metric',
    'metric_log',
    'metric_chunk',
    'run_input',
    'artifact',
  ]) {
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.raw(table)}`.execute(
      server.platform.db,
    )
    counts[table] = rows[0]?.count ?? 0
  }
  return counts
}

async function status(run: string): Promise<number> {
  return (await call('GET', `runs/get?run_id=${run}`)).status
}

test('a run that a version comes from cannot be lost: it stays restorable, with its files, and who deletes it for good is told the versions', async () => {
  const of = await experiment('kept')
  const run = await runWithEverything(of)
  await register('kept', run)
  await register('kept', run)
  await good('POST', 'runs/delete', { run_id: run })
  await age(400)

  const refused = { code: 'RESOURCE_CONFLICT', message: /the model versions kept\/1, kept\/2 come from it/ }
  await assert.rejects(server.client.retention.deleteRun({ params: { run } }), refused)
  const report = await purge(30)
  assert.deepEqual(report.kept, [{ kind: 'run', id: run, versions: ['kept/1', 'kept/2'] }])
  assert.deepEqual([report.runs, report.keptCount], [0, 1])

  await good('POST', 'experiments/delete', { experiment_id: of })
  await age(400)
  await assert.rejects(server.client.retention.deleteExperiment({ params: { experiment: of } }), refused)
  const second = await purge(30)
  assert.deepEqual([second.experiments, second.runs, second.keptCount], [0, 0, 1])

  await good('POST', 'experiments/restore', { experiment_id: of })
  assert.equal(await status(run), 200)
  const file = await fetch(`${server.url}/get-artifact?run_uuid=${run}&path=model/MLmodel`)
  assert.equal(await file.text(), `file of ${of}`)

  // The versions deleted, nothing holds it any more.
  for (const version of ['1', '2']) await good('DELETE', 'model-versions/delete', { name: 'kept', version })
  await good('POST', 'runs/delete', { run_id: run })
  await server.client.retention.deleteRun({ params: { run } })
  assert.equal(await status(run), 404)
})

test('a run is held through a logged model that came from it, and the logged model itself', async () => {
  const of = await experiment('through a logged model')
  const run = await runWithEverything(of)
  const { model } = (await good('POST', 'logged-models', {
    experiment_id: of,
    name: 'm',
    source_run_id: run,
  })) as { model: { info: { model_id: string } } }
  const { model_id } = model.info
  const path = `${of}/models/${model_id}/artifacts/MLmodel`
  await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body: 'flavors: {}' })
  await call('POST', 'registered-models/create', { name: 'logged' })
  // Registered for another run: the one that it came from is held all the same.
  const other = await runWithEverything(of)
  await good('POST', 'model-versions/create', {
    name: 'logged',
    source: `models:/${model_id}`,
    run_id: other,
    model_id,
  })
  await good('DELETE', `logged-models/${model_id}`)
  for (const run_id of [run, other]) await good('POST', 'runs/delete', { run_id })
  for (const each of [run, other])
    await assert.rejects(server.client.retention.deleteRun({ params: { run: each } }), { code: 'RESOURCE_CONFLICT' })
  await age(100)
  const expected = [
    { kind: 'run', id: run, versions: ['logged/1'] },
    { kind: 'run', id: other, versions: ['logged/1'] },
    { kind: 'loggedModel', id: model_id, versions: ['logged/1'] },
  ]
  const wouldKeep = await purge(30, { dryRun: true, experiment: of })
  const byId = (list: readonly { id: string }[]) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual(byId(wouldKeep.kept), byId(expected))
  const report = await purge(30, { experiment: of })
  assert.deepEqual(byId(report.kept), byId(expected))
  assert.deepEqual([report.runs, report.loggedModels], [0, 0])
  await good('DELETE', 'model-versions/delete', { name: 'logged', version: '1' })
  const done = await purge(30, { experiment: of })
  assert.deepEqual([done.runs, done.loggedModels, done.keptCount], [2, 1, 0])
})

test('a run that was deleted goes for good with every row and file of it and no other, and the audit says so', async () => {
  const of = await experiment('one run')
  const stays = await runWithEverything(of, 'stays')
  const before = await rowsOfRuns()
  const goes = await runWithEverything(of, 'goes')
  await assert.rejects(server.client.retention.deleteRun({ params: { run: goes } }), { code: 'NOT_DELETED' })
  await assert.rejects(server.client.retention.deleteRun({ params: { run: 'none' } }), { code: 'NOT_FOUND' })
  await good('POST', 'runs/delete', { run_id: goes })
  const { rows } = await sql<{ digest: string }>`
    select digest from artifact where path = ${`${of}/${goes}/artifacts/model/MLmodel`}`.execute(server.platform.db)
  const path = server.platform.blobs.path(rows[0]?.digest ?? '')
  assert.ok(existsSync(path))
  assert.deepEqual(await server.client.retention.deleteRun({ params: { run: goes } }), { runs: 1, files: 1, bytes: 4 })
  assert.deepEqual(await rowsOfRuns(), before)
  assert.equal(await status(goes), 404)
  assert.equal(await status(stays), 200)

  utimesSync(path, new Date(0), new Date(0))
  await server.client.platform.sweepBlobs({ body: {} })
  assert.equal(existsSync(path), false)
  const file = await fetch(`${server.url}/get-artifact?run_uuid=${stays}&path=model/MLmodel`)
  assert.equal(await file.text(), 'stays')

  const { events } = await server.client.platform.listEvents({ query: { type: 'retention.purged', limit: 1 } })
  assert.deepEqual(events[0]?.payload, { kind: 'run', ids: [goes], files: 1, bytes: 4 })
  assert.equal(await firstBrokenPosition(server.platform.db), null)
})

test('an experiment that was deleted goes for good with its runs, and its name is free', async () => {
  const of = await experiment('freed')
  await runWithEverything(of)
  await runWithEverything(of)
  const params = { experiment: of }
  await assert.rejects(server.client.retention.deleteExperiment({ params }), { code: 'NOT_DELETED' })
  await good('POST', 'experiments/delete', { experiment_id: of })
  assert.equal((await call('POST', 'experiments/create', { name: 'freed' })).status, 400)
  const dropped = await server.client.retention.deleteExperiment({ params })
  assert.deepEqual([dropped.runs, dropped.files], [2, 2])
  await assert.rejects(server.client.retention.deleteExperiment({ params }), { code: 'NOT_FOUND' })
  assert.notEqual(await experiment('freed'), of)
})

test('the default experiment stays, its deleted runs go', async () => {
  const run = await runWithEverything('0')
  await good('POST', 'experiments/delete', { experiment_id: '0' })
  await age(10)
  await assert.rejects(server.client.retention.deleteExperiment({ params: { experiment: '0' } }), {
    code: 'DEFAULT_EXPERIMENT',
  })
  const report = await purge(5, { experiment: '0' })
  assert.deepEqual([report.experiments, report.runs], [0, 1])
  assert.equal(await status(run), 404)
  await good('POST', 'experiments/restore', { experiment_id: '0' })
})

test('only what was deleted long enough ago goes, and a dry run says the same and changes nothing', async () => {
  const of = await experiment('by age')
  const gone = await experiment('gone by age')
  const [old, young, active] = [await runWithEverything(of), await runWithEverything(of), await runWithEverything(of)]
  await runWithEverything(gone)
  await good('POST', 'runs/delete', { run_id: old })
  await good('POST', 'experiments/delete', { experiment_id: gone })
  await age(31)
  await good('POST', 'runs/delete', { run_id: young })
  // Deleted again: its time goes on from the first time.
  await good('POST', 'runs/delete', { run_id: old })

  const before = await rowsOfRuns()
  const would = await purge(30, { dryRun: true })
  assert.deepEqual(await rowsOfRuns(), before)
  const did = await purge(30)
  const counts = ({ experiments, runs, loggedModels, versions, models, files, bytes, keptCount }: typeof did) => ({
    ...{ experiments, runs, loggedModels, versions, models, files, bytes, keptCount },
  })
  assert.deepEqual(counts(did), counts(would))
  assert.deepEqual([did.experiments, did.runs, did.files], [1, 2, 2])
  assert.deepEqual([await status(old), await status(young), await status(active)], [404, 200, 200])
  assert.equal(did.sweep?.dryRun, false)
  // What is brought back is not deleted any more, however long it was.
  await age(31)
  await good('POST', 'runs/restore', { run_id: young })
  assert.equal((await purge(30)).runs, 0)
})

test('many runs go in short transactions, each with its event', async () => {
  const of = await experiment('many')
  const { db } = server.platform
  await sql`
    insert into run (workspace, id, experiment, name, user_id, status, start_ms, artifact_uri, lifecycle, deleted_ms)
    select 'default', 'many' || g, ${Number(of)}, 'r', '', 'FINISHED', g, 'mlflow-artifacts:/' || ${of} || '/many' || g || '/artifacts', 'deleted', 0
    from generate_series(1, 450) g`.execute(db)
  const report = await purge(1, { experiment: of })
  assert.deepEqual([report.runs, report.complete], [450, true])
  const { events } = await server.client.platform.listEvents({ query: { type: 'retention.purged', limit: 3 } })
  assert.deepEqual(
    events.map(({ payload }) => (payload.ids as string[]).length),
    [50, 200, 200],
  )
})

test('deleted versions and models go unless they are served, their files thaw with the last one, and no number comes twice', async () => {
  const of = await experiment('versions')
  const run = await runWithEverything(of)
  await register('going', run)
  await register('going', run)
  const folder = `${of}/${run}/artifacts/model`
  const change = async () =>
    (await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${folder}/x`, { method: 'PUT', body: 'x' })).status
  await good('DELETE', 'model-versions/delete', { name: 'going', version: '1' })
  await age(50)
  assert.equal((await purge(40)).versions, 1)
  assert.equal(await change(), 409)

  await good('DELETE', 'registered-models/delete', { name: 'going' })
  await age(50)
  const { db } = server.platform
  await sql`
    insert into endpoint (workspace, name, model, champion_version, state, replay, policy, columns, created_at)
    values ('default', 'e', 'going', 2, 'broken', false, '{}', '[]', now())`.execute(db)
  const served = await purge(40)
  assert.deepEqual([served.versions, served.models], [0, 0])
  await sql`delete from endpoint where name = 'e'`.execute(db)
  const report = await purge(40)
  assert.deepEqual([report.versions, report.models], [1, 1])
  assert.equal((await purge(40)).models, 0)
  assert.equal(await change(), 200)

  await register('going', run)
  const { body } = await call('GET', 'model-versions/get?name=going&version=3')
  assert.equal((body.model_version as { version: string }).version, '3')
})

test('a policy is off until it is set, and then works once a day', async () => {
  const { retention } = server.client
  assert.deepEqual(await retention.getPolicy({}), { olderThanDays: null, lastRunAt: null })
  const of = await experiment('policy')
  const run = await runWithEverything(of)
  await good('POST', 'runs/delete', { run_id: run })
  await age(8)
  const service = createService(server.platform, {
    experiments: experimentPurge,
    registry: registryPurge,
    served: async () => [],
    sweepBlobs: createBlobSweep(server.platform, blobColumns).sweepBlobs,
  })
  await service.runDue()
  assert.equal(await status(run), 200)
  assert.equal((await retention.setPolicy({ body: { olderThanDays: 7 } })).olderThanDays, 7)
  await service.runDue()
  assert.equal(await status(run), 404)
  const { lastRunAt } = await retention.getPolicy({})
  assert.ok(lastRunAt !== null && Date.now() - Date.parse(lastRunAt) < 60_000)

  const second = await runWithEverything(of)
  await good('POST', 'runs/delete', { run_id: second })
  await age(8)
  await service.runDue()
  assert.equal(await status(second), 200)
  assert.deepEqual((await retention.setPolicy({ body: { olderThanDays: null } })).olderThanDays, null)
})

test('a day of a policy is over after 24 hours, and ages are counted in days', () => {
  const now = new Date('2026-03-02T12:00:00Z')
  assert.equal(isDue(null, now), true)
  assert.equal(isDue(new Date('2026-03-01T12:00:01Z'), now), false)
  assert.equal(isDue(new Date('2026-03-01T12:00:00Z'), now), true)
  assert.equal(cutoff(1.5, now).toISOString(), '2026-03-01T00:00:00.000Z')
})
