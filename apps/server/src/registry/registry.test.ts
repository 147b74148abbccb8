import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { uuidv7 } from '@tidemark/contracts'
import { z } from 'zod'
import { createExperiments } from '../experiments/index.ts'
import { createRunTokens } from '../identity/index.ts'
import { systemActor } from '../platform/actor.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { createRegistry, type RegistryModule } from './index.ts'

/** Sends so many megabytes to an address, reads them back, and prints the status and the number of bytes. */
const SENDER = `
  import { request } from 'node:http'
  import { Readable } from 'node:stream'
  const [url, megabytes] = process.argv.slice(1)
  const chunk = Buffer.alloc(1024 * 1024, 7)
  const sent = request(url, { method: 'PUT' }, (put) => put.resume().on('end', () => {
    request(url, async (got) => {
      let bytes = 0
      for await (const part of got) bytes += part.length
      process.stdout.write(put.statusCode + ' ' + bytes)
    }).end()
  }))
  Readable.from((function* () { for (let i = 0; i < megabytes; i++) yield chunk })()).pipe(sent)
`

let server: TestServer
let registry: RegistryModule

before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
  const experiments = createExperiments(server.platform, { versionsOfRun: async () => [] })
  registry = createRegistry(server.platform, experiments)
})
after(() => server.close())

async function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(`${server.url}${path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    body: text.startsWith('{') ? JSON.parse(text) : { text },
    headers: response.headers,
  }
}

const upload = (path: string, content: string) =>
  fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body: content })

async function runWithModel(): Promise<{ run: string; folder: string }> {
  const { body } = await call('POST', 'runs/create', { experiment_id: '0' })
  const run = (body.run as { info: { run_id: string } }).info.run_id
  const folder = `0/${run}/artifacts/model`
  const file = `flavors: {sklearn: {}}\nsignature:\n  inputs: '[{"type": "double", "name": "x", "required": true}]'\n`
  assert.equal((await upload(`${folder}/MLmodel`, file)).status, 200)
  assert.equal((await upload(`${folder}/model.pkl`, 'bytes of a model')).status, 200)
  return { run, folder }
}

async function registered(name: string): Promise<{ run: string; folder: string; version: string }> {
  const made = await runWithModel()
  await call('POST', 'registered-models/create', { name })
  const { body, status } = await call('POST', 'model-versions/create', {
    name,
    source: `runs:/${made.run}/model`,
    run_id: made.run,
  })
  assert.equal(status, 200, JSON.stringify(body))
  return { ...made, version: (body.model_version as { version: string }).version }
}

test('the files of a registered version never change: writing, replacing and deleting them is refused', async () => {
  const { folder, run } = await registered('frozen')
  for (const path of [`${folder}/model.pkl`, `${folder}/new.txt`, `${folder}/deep/new.txt`, folder]) {
    const answer = await upload(path, 'other')
    assert.equal(answer.status, 409, path)
    assert.match(await answer.text(), /belongs to frozen\/1: the files of a registered version never change/)
  }
  for (const path of [`${folder}/model.pkl`, folder, `0/${run}/artifacts`, `0/${run}`, '0']) {
    assert.equal((await call('DELETE', `/api/2.0/mlflow-artifacts/artifacts/${path}`)).status, 409, path)
  }
  assert.equal((await upload(`0/${run}/artifacts/model-other/x.txt`, 'free')).status, 200)
  const file = await fetch(`${server.url}/model-versions/get-artifact?name=frozen&version=1&path=model.pkl`)
  assert.equal(await file.text(), 'bytes of a model')
})

test('a file that is written while its folder is registered is in the version, or refused', async () => {
  await call('POST', 'registered-models/create', { name: 'raced' })
  for (let round = 0; round < 5; round++) {
    const { run, folder } = await runWithModel()
    const writes = Array.from({ length: 6 }, (_, index) => upload(`${folder}/f${index}`, `${index}`))
    const registration = call('POST', 'model-versions/create', {
      name: 'raced',
      source: `runs:/${run}/model`,
      run_id: run,
    })
    const answers = await Promise.all(writes)
    const { body } = await registration
    const version = Number((body.model_version as { version: string }).version)
    const files = await registry.versionFiles(server.platform.db, 'default', 'raced', version)
    const names = new Set(files.map((file) => file.path))
    for (const [index, answer] of answers.entries()) {
      assert.equal(answer.status === 200, names.has(`f${index}`), `round ${round}, file ${index}: ${answer.status}`)
    }
  }
})

test('registering appends one event with the content address of the files, and the own API shows the version', async () => {
  const { run } = await registered('shown')
  const { events } = await server.client.platform.listEvents({ query: { subject: 'model-version:shown/1' } })
  assert.equal(events.length, 1)
  const version = await server.client.registry.getVersion({ params: { model: 'shown', version: 1 } })
  assert.equal(events[0]?.payload.digest, version.digest)
  assert.deepEqual(
    version.files.map((file) => file.path),
    ['MLmodel', 'model.pkl'],
  )
  assert.deepEqual(version.signature, [{ name: 'x', type: 'double', required: true }])
  assert.deepEqual(version.flavors, ['sklearn'])
  assert.equal(version.run?.id, run)
  const shownRun = await server.client.experiments.getRun({ params: { run } })
  assert.deepEqual(shownRun.versions, [{ model: 'shown', version: 1 }])
  const { models } = await server.client.registry.listModels({ query: { search: 'SHO' } })
  assert.deepEqual(
    models.map(({ name, versions, latestVersion }) => ({ name, versions, latestVersion })),
    [{ name: 'shown', versions: 1, latestVersion: 1 }],
  )
})

test('where an alias pointed is answered for any past instant, with who moved it', async () => {
  const { run } = await registered('aliased')
  await call('POST', 'model-versions/create', { name: 'aliased', source: `runs:/${run}/model`, run_id: run })
  const before = new Date()
  await new Promise((done) => setTimeout(done, 5))
  assert.equal(
    (await call('POST', 'registered-models/alias', { name: 'aliased', alias: 'champion', version: '1' })).status,
    200,
  )
  const first = new Date()
  await new Promise((done) => setTimeout(done, 5))
  const set = await server.client.registry.setAlias({
    params: { model: 'aliased', alias: 'champion' },
    body: { version: 2 },
  })
  assert.equal(set.previousVersion, 1)
  await server.client.registry.setAlias({ params: { model: 'aliased', alias: 'champion' }, body: { version: 2 } })
  const at = async (instant?: Date) =>
    (
      await server.client.registry.aliasAt({
        params: { model: 'aliased', alias: 'champion' },
        query: instant ? { at: instant.toISOString() } : {},
      })
    ).version
  assert.equal(await at(before), null)
  assert.equal(await at(first), 1)
  assert.equal(await at(), 2)
  assert.equal(await registry.aliasVersion(server.platform.db, 'default', 'aliased', 'champion'), 2)
  const model = await server.client.registry.getModel({ params: { model: 'aliased' } })
  assert.deepEqual(
    model.aliasHistory.map(({ version, previousVersion, by }) => ({ version, previousVersion, by: by.id })),
    [
      { version: 2, previousVersion: 1, by: 'local' },
      { version: 1, previousVersion: null, by: 'local' },
    ],
  )
  const { events } = await server.client.platform.listEvents({ query: { subject: 'model:aliased' } })
  assert.deepEqual(
    events.map((event) => event.type),
    ['registry.alias_set', 'registry.alias_set', 'registry.model_created'],
  )
  const missing = await call('GET', 'registered-models/alias?name=aliased&alias=none')
  assert.deepEqual([missing.status, missing.body.message], [400, 'Registered model alias none not found.'])
})

test("the history of an alias is read through the own API and as a tag that MLflow's clients see, which nobody may write", async () => {
  const { run } = await registered('told')
  await call('POST', 'model-versions/create', { name: 'told', source: `runs:/${run}/model`, run_id: run })
  for (const version of ['1', '2'])
    await call('POST', 'registered-models/alias', { name: 'told', alias: 'champion', version })
  await call('DELETE', 'registered-models/alias', { name: 'told', alias: 'champion' })
  await call('POST', 'registered-models/alias', { name: 'told', alias: 'other', version: '2' })
  await call('POST', 'registered-models/set-tag', { name: 'told', key: 'own', value: 'kept' })

  const { changes } = await server.client.registry.aliasHistory({
    params: { model: 'told', alias: 'champion' },
    query: {},
  })
  assert.deepEqual(
    changes.map(({ version, previousVersion }) => [version, previousVersion]),
    [
      [null, 2],
      [2, 1],
      [1, null],
    ],
  )
  await assert.rejects(server.client.registry.aliasHistory({ params: { model: 'told', alias: 'none' }, query: {} }), {
    code: 'NOT_FOUND',
  })

  const tagsOf = async () => {
    const { body } = await call('GET', 'registered-models/get?name=told')
    const { tags } = body.registered_model as { tags: { key: string; value: string }[] }
    return new Map(tags.map(({ key, value }) => [key, value]))
  }
  const tags = await tagsOf()
  assert.deepEqual([...tags.keys()], ['own', 'tidemark.alias_history.champion', 'tidemark.alias_history.other'])
  const told: unknown = JSON.parse(tags.get('tidemark.alias_history.champion') ?? '')
  assert.deepEqual(
    told,
    changes.toReversed().map(({ version, at }) => ({ version, from: at, by: 'person:local' })),
  )

  const key = 'tidemark.alias_history.champion'
  for (const answer of [
    await call('POST', 'registered-models/set-tag', { name: 'told', key, value: '[]' }),
    await call('DELETE', 'registered-models/delete-tag', { name: 'told', key }),
    await call('POST', 'registered-models/create', { name: 'forged', tags: [{ key, value: '[]' }] }),
  ]) {
    assert.equal(answer.status, 400)
    assert.match(String(answer.body.message), /is read-only: it tells the history of an alias/)
  }
  assert.deepEqual(await tagsOf(), tags)
  assert.equal((await call('GET', 'registered-models/get?name=forged')).status, 404)
})

test('a number is never given twice: versions of a deleted model go on counting when its name returns', async () => {
  await registered('reborn')
  assert.equal((await call('DELETE', 'registered-models/delete', { name: 'reborn' })).status, 200)
  assert.equal((await call('GET', 'registered-models/get?name=reborn')).status, 404)
  assert.equal((await registered('reborn')).version, '2')
  assert.equal((await registry.versionFiles(server.platform.db, 'default', 'reborn', 1)).length, 2)
})

test('only a retraining’s version becomes a candidate, and only once', async () => {
  await registered('candidates')
  const actor = systemActor('registry', 'default')
  const payload = {
    run: uuidv7(),
    pipeline: 'films',
    purpose: 'retraining',
    endpoint: 'films',
    modelVersion: 'candidates/1',
    seconds: 1,
    cachedSteps: 0,
  }
  await registry.registerCandidate(actor, { payload: { ...payload, purpose: 'manual', run: uuidv7() } })
  await registry.registerCandidate(actor, { payload: { ...payload, modelVersion: null, run: uuidv7() } })
  const candidates = async () =>
    (await server.client.platform.listEvents({ query: { type: 'registry.candidate_registered' } })).events.length
  assert.equal(await candidates(), 0)
  await registry.registerCandidate(actor, { payload })
  await registry.registerCandidate(actor, { payload })
  assert.equal(await candidates(), 1)
})

test('a version cannot be made of another run’s files, nor of what lies elsewhere on this machine or the network', async () => {
  const mine = await runWithModel()
  const other = await runWithModel()
  await call('POST', 'registered-models/create', { name: 'thief' })
  for (const source of [
    `runs:/${other.run}/model`,
    `mlflow-artifacts:/${other.folder}`,
    `mlflow-artifacts:/${mine.folder}/../../../${other.run}/artifacts`,
    '/etc',
    'http://127.0.0.1:1/x',
    'ftp://b/k',
  ]) {
    assert.equal(
      (await call('POST', 'model-versions/create', { name: 'thief', source, run_id: mine.run })).status,
      400,
      source,
    )
  }
  assert.equal((await call('GET', 'model-versions/get?name=thief&version=1')).status, 404)
})

test('what is deleted loses its aliases, and both are events', async () => {
  await registered('gone')
  await call('POST', 'registered-models/alias', { name: 'gone', alias: 'champion', version: '1' })
  assert.equal((await call('DELETE', 'model-versions/delete', { name: 'gone', version: '1' })).status, 200)
  assert.equal(await registry.aliasVersion(server.platform.db, 'default', 'gone', 'champion'), null)
  const types = async (subject: string) =>
    (await server.client.platform.listEvents({ query: { subject } })).events.map((event) => event.type)
  assert.deepEqual(await types('model:gone'), [
    'registry.alias_removed',
    'registry.alias_set',
    'registry.model_created',
  ])
  assert.deepEqual(await types('model-version:gone/1'), ['registry.version_deleted', 'registry.version_registered'])
})

test('a version in an object store is noted and has no files here', async () => {
  await call('POST', 'registered-models/create', { name: 'far' })
  assert.equal((await call('POST', 'model-versions/create', { name: 'far', source: 's3://b/k' })).status, 200)
  const version = await server.client.registry.getVersion({ params: { model: 'far', version: 1 } })
  assert.deepEqual([version.source, version.digest, version.files, version.signature], ['s3://b/k', null, [], null])
})

test('names that resolve to others are refused, also where they look encoded', async () => {
  for (const name of ['../a', 'a/b', 'a:b', '..', '.', ' ', '']) {
    assert.equal((await call('POST', 'registered-models/create', { name })).status, 400, name)
  }
})

test('an artifact of any size is streamed: memory does not grow with it', async () => {
  const { run } = await runWithModel()
  const megabytes = 384
  const url = `${server.url}/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts/big.bin`
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 5)
  const start = process.memoryUsage().rss
  // The sender is a process of its own, so that what is measured here is the server alone.
  const sender = spawn(process.execPath, ['--input-type=module', '-e', SENDER, url, String(megabytes)])
  let answer = ''
  for await (const text of sender.stdout) answer += text
  clearInterval(watch)
  assert.equal(answer, `200 ${megabytes * 1024 * 1024}`)
  assert.ok(peak - start < 192 * 1024 * 1024, `${Math.round((peak - start) / 1024 / 1024)} MB more`)
  const { body: listed } = await call('GET', `artifacts/list?run_id=${run}`)
  assert.deepEqual(
    (listed.files as { path: string }[]).map((file) => file.path),
    ['big.bin', 'model'],
  )
})

test('a pipeline run registers a source once, however often its step is tried; people may register it again', async () => {
  const { run, folder } = await runWithModel()
  await call('POST', 'registered-models/create', { name: 'tried again' })
  const body = { name: 'tried again', source: `mlflow-artifacts:/${folder}`, run_id: run }
  const runTokens = createRunTokens(server.internalToken, { now: () => new Date() })
  const versionBy = async (pipelineRun: string | null) => {
    const token = pipelineRun && runTokens.issue({ id: pipelineRun, workspace: 'default' }, new Date('2100-01-01'))
    const response = await fetch(`${server.url}/api/2.0/mlflow/model-versions/create`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
    })
    return z.object({ model_version: z.object({ version: z.string() }) }).parse(await response.json()).model_version
      .version
  }
  const [first, second] = [uuidv7(), uuidv7()]
  assert.deepEqual(await Promise.all([versionBy(first), versionBy(first), versionBy(first)]), ['1', '1', '1'])
  assert.deepEqual([await versionBy(second), await versionBy(null), await versionBy(null)], ['2', '3', '4'])
  const { events } = await server.client.platform.listEvents({
    query: { type: 'registry.version_registered', after: 0, limit: 1000 },
  })
  const registrations = events.filter(({ payload }) => payload.model === 'tried again')
  assert.deepEqual(
    registrations.map(({ payload }) => payload.version),
    [1, 2, 3, 4],
  )
})
