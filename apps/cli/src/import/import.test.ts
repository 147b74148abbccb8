import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { testDatabase } from '@tidemark/postgres'
import pg from 'pg'
import { startTestServer, type TestServer } from '../../../server/src/platform/testing.ts'
import command from '../commands/import.ts'
import { folderReader } from './artifacts.ts'
import { sourceContent } from './fixtures/content.ts'
import { DELETED_MODEL, LOGGED_MODEL, RUNS, SmallMlflow, START_MS } from './fixtures/small-mlflow.ts'
import { importAll, type Report } from './import.ts'
import type { Source, SourceRun } from './source.ts'
import { databaseSource } from './sources/database.ts'
import { mlflowHttp } from './sources/http.ts'
import { openPostgres } from './sources/postgres.ts'
import { restSource } from './sources/rest.ts'
import { openSqlite } from './sources/sqlite.ts'
import { importTarget } from './target.ts'

let folder: string
let mlflow: SmallMlflow
let server: TestServer
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidemark-import-'))
  mlflow = new SmallMlflow(folder)
  server = await startTestServer()
})
after(async () => {
  await server.close()
  mlflow.close()
  rmSync(folder, { recursive: true })
})

const openSource = () => databaseSource(openSqlite(mlflow.address), 'default')

async function run(
  options: { source?: Source; artifacts?: string | null; into?: TestServer } = {},
): Promise<Report & { import: string; resumed: boolean }> {
  const { client, url } = options.into ?? server
  const source = options.source ?? (await openSource())
  try {
    const { id, resumed } = await client.imports.startImport({ body: { source: source.name } })
    const folderOf = options.artifacts === undefined ? mlflow.artifacts : options.artifacts
    const reader = folderOf === null ? null : folderReader(folderOf)
    const report = await importAll(source, reader, importTarget(id, client.imports, { url, headers: {} }), () => {})
    return { ...report, import: id, resumed }
  } finally {
    await source.close()
  }
}

/** What the platform's own MLflow API says, read as one reads any MLflow. */
const readBack = (url = server.url) => restSource(mlflowHttp(url, 'default', {}), 'default')

const changes = (report: Report) =>
  report.counts.map(({ imported, updated, mismatched }) => imported + updated + mismatched)
const row = (report: Report, kind: string) => report.counts.find((count) => count.kind === kind)

test('a whole MLflow comes over with its ids, times, numbers and history; read back through the MLflow API all of it is equal', async () => {
  const report = await run()
  assert.deepEqual(report.mismatched, [])
  assert.deepEqual(
    report.counts.map(({ kind, source, imported, skipped }) => [kind, source, imported, skipped]),
    [
      ['experiments', 3, 3, 0],
      ['runs', 7, 7, 0],
      ['metric points', 207, 207, 0],
      ['parameters', 3, 3, 0],
      ['tags of runs', 3, 3, 0],
      ['inputs and outputs of runs', 3, 3, 0],
      ['logged models', 2, 2, 0],
      ['artifact files', 7, 7, 0],
      ['registered models', 2, 2, 0],
      ['prompts', 1, 1, 0],
      ['versions', 5, 4, 1],
      ['aliases', 2, 2, 0],
    ],
  )
  const source = await openSource()
  const [there, here] = [await sourceContent(source), await sourceContent(readBack())]
  await source.close()
  // Only the database tells of a deleted logged model.
  assert.deepEqual(there.loggedModels.map(({ id }) => id).toSorted(), [LOGGED_MODEL, DELETED_MODEL])
  const visible = there.loggedModels.filter(({ lifecycle }) => lifecycle === 'active')
  assert.deepEqual(here.runs, there.runs)
  assert.deepEqual(here.loggedModels, visible)
  const ready = there.models.map((model) => ({
    ...model,
    versions: model.versions.filter(({ version }) => !(model.name === 'films' && version === 6)),
  }))
  assert.deepEqual(here.models, ready)
  assert.deepEqual(
    here.experiments.map(({ id, name, lifecycle }) => [id, name, lifecycle]),
    [
      ['0', 'Default', 'active'],
      ['3', 'Größe & Form', 'active'],
      ['9', 'gone', 'deleted'],
    ],
  )
  assert.deepEqual(here.experiments[1], there.experiments[1], 'times and tags too')
})

test('what does not come over is named, without what an address may hold in secret', async () => {
  const report = await run()
  assert.deepEqual(
    report.leftOut.map(({ what, count }) => [what, count]),
    [
      ['traces', 2],
      ['webhook "on-version" to https://hooks.example/x', 1],
      ['deleted model versions', 1],
    ],
  )
  assert.deepEqual(
    report.skipped.map(({ kind, id }) => [kind, id]),
    [['version', 'films/6']],
  )
  const noted = report.told.map(({ id, reason }) => `${id}: ${reason}`)
  assert.ok(noted.some((text) => text.startsWith(`s3://models/3/${RUNS.bucket}/artifacts: Files in an object store`)))
  assert.ok(noted.some((text) => text.startsWith('/etc: Files not read')))
})

test('the same tables in PostgreSQL read the same', async () => {
  const copy = await testDatabase().withTemplate('small mlflow', async (url) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await mlflow.copyTo((sql, values) => client.query(sql, values))
    await client.end()
  })
  const [sqlite, postgres] = [
    await openSource(),
    await databaseSource(await openPostgres(copy.url.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:')), 'default'),
  ]
  try {
    assert.deepEqual(await sourceContent(postgres), await sourceContent(sqlite))
    assert.deepEqual(
      (await postgres.leftOut()).map(({ what, count }) => [what, count]),
      (await sqlite.leftOut()).map(({ what, count }) => [what, count]),
    )
    assert.doesNotMatch(postgres.name, /@/, 'no user and no password in its name')
  } finally {
    await sqlite.close()
    await postgres.close()
    await copy.drop()
  }
})

test('a database that is none of MLflow’s, or older than 3.0, is refused with what to do', async () => {
  const file = join(folder, 'other.db')
  const other = new DatabaseSync(file)
  other.exec('create table users (id integer)')
  await assert.rejects(databaseSource(openSqlite(`sqlite:${file}`), 'default'), /holds no tables of MLflow/)
  other.exec('create table experiments (id integer); create table runs (id integer); create table metrics (id integer)')
  await assert.rejects(databaseSource(openSqlite(`sqlite:${file}`), 'default'), /before 3\.0 .* mlflow db upgrade/)
  other.close()
  assert.throws(() => openSqlite('sqlite:/nowhere.db'), /no such file/)
})

test('a server is asked with the login of the environment or of its address, and its name has none of it', async () => {
  const asked: (string | undefined)[] = []
  // Stands for a server behind a login, and keeps what it was told.
  const fake = createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.setHeader('content-type', 'application/json').end('{"experiments": []}')
  }).listen(0, '127.0.0.1')
  await once(fake, 'listening')
  const { port } = fake.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  try {
    const basic = { MLFLOW_TRACKING_USERNAME: 'ada', MLFLOW_TRACKING_PASSWORD: 'geheim', MLFLOW_TRACKING_TOKEN: 't' }
    for (const environment of [{}, basic, { MLFLOW_TRACKING_TOKEN: 't' }]) {
      await restSource(mlflowHttp(url, 'default', environment), 'default').experiments()
    }
    const named = restSource(mlflowHttp(`http://ada:geheim@127.0.0.1:${port}`, 'default', {}), 'default')
    await named.experiments()
    const login = `Basic ${Buffer.from('ada:geheim').toString('base64')}`
    assert.deepEqual(asked, [undefined, login, 'Bearer t', login])
    assert.equal(named.name, url)
  } finally {
    fake.close()
  }
})

test('imported again, nothing changes', async () => {
  const events = async () => (await server.client.platform.listEvents({ query: { limit: 1 } })).lastPosition
  const before = await events()
  const report = await run()
  assert.ok(changes(report).every((count) => count === 0))
  assert.equal(row(report, 'runs')?.unchanged, 7)
  assert.equal(row(report, 'artifact files')?.unchanged, 7)
  assert.equal((await events()) - before, 1, 'only that an import was finished')
})

test('the server’s own API gives the same content as its database: imported from there, nothing changes either', async () => {
  const other = await startTestServer()
  try {
    await run({ into: other })
    const report = await run({ source: readBack(), artifacts: null, into: other })
    // The experiment "Default" of every platform is its own.
    const counts = report.counts.filter(({ kind }) => kind !== 'experiments')
    assert.deepEqual(
      counts.filter(({ imported, updated, mismatched }) => imported + updated + mismatched > 0),
      [],
    )
    assert.deepEqual([row(report, 'runs')?.unchanged, row(report, 'versions')?.unchanged], [7, 4])
  } finally {
    await other.close()
  }
})

test('versions keep their numbers, are frozen like any other, and roll out nothing', async () => {
  const { client, url } = server
  const two = await client.registry.getVersion({ params: { model: 'films', version: 2 } })
  assert.deepEqual(
    two.files.map(({ path }) => path),
    ['MLmodel', 'model.pkl'],
  )
  assert.deepEqual(two.flavors, ['sklearn'])
  const four = await client.registry.getVersion({ params: { model: 'films', version: 4 } })
  assert.deepEqual([four.description, four.files.length], ['the old way', 1])
  const address = `${url}/api/2.0/mlflow-artifacts/artifacts/3/models/${LOGGED_MODEL}/artifacts/model.pkl`
  assert.equal((await fetch(address, { method: 'PUT', body: 'other' })).status, 409)
  const next = await fetch(`${url}/api/2.0/mlflow/model-versions/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'films', source: `runs:/${RUNS.fit}/old`, run_id: RUNS.fit }),
  })
  const made = (await next.json()) as { model_version: { version: string } }
  assert.equal(made.model_version.version, '7', 'numbers go on after the greatest that was given')
  const { aliasHistory } = await client.registry.getModel({ params: { model: 'films' } })
  assert.deepEqual(
    aliasHistory.map(({ alias, version, by }) => [alias, version, by.kind, by.id]),
    [['champion', 2, 'system', 'import']],
  )
  assert.deepEqual((await client.deployments.listRollouts({ query: {} })).rollouts, [])
  const { events } = await client.platform.listEvents({ query: { type: 'imports.' } })
  assert.ok(events.some(({ sentence }) => /^Versions 2, 4, 5 of films imported/.test(sentence)))
  assert.ok(events.some(({ type, sentence }) => type === 'imports.finished' && /7 of 7 runs/.test(sentence)))
})

test('a run that went on at its source gains what is new; what was logged here meanwhile stays', async () => {
  mlflow.addPoints(RUNS.running, 'loss', [[1, 0.5]])
  mlflow.execute(`update runs set status = 'FINISHED', end_time = ${START_MS + 5} where run_uuid = '${RUNS.running}'`)
  await fetch(`${server.url}/api/2.0/mlflow/runs/log-metric`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ run_id: RUNS.running, key: 'loss', value: 9, timestamp: START_MS, step: 7 }),
  })
  const report = await run()
  assert.deepEqual([row(report, 'runs')?.updated, row(report, 'runs')?.unchanged], [1, 6])
  assert.deepEqual(report.mismatched, [])
  assert.ok(report.told.some(({ id, reason }) => id === RUNS.running && /changed here too/.test(reason)))
  const query = { key: 'loss' }
  const { points } = await server.client.experiments.metricHistory({ params: { run: RUNS.running }, query })
  assert.deepEqual(
    points.map(({ step, value }) => [step, value]),
    [
      [0, 1],
      [1, 0.5],
      [7, 9],
    ],
  )
  const found = await server.client.experiments.getRun({ params: { run: RUNS.running } })
  assert.deepEqual([found.status, found.metrics[0]?.value], ['FINISHED', 9])
})

test('an import that was cut off goes on under its own number, and nothing is there twice', async () => {
  const other = await startTestServer()
  try {
    const cut = await openSource()
    let pages = 0
    const failing: Source = {
      ...cut,
      async *histories(runs: readonly SourceRun[]) {
        for await (const page of cut.histories(runs)) {
          pages += 1
          yield page
          if (pages === 1) throw new Error('cut off')
        }
      },
    }
    await assert.rejects(run({ source: failing, into: other }), /cut off/)
    const [first] = (await other.client.imports.listImports()).imports
    assert.equal(first?.state, 'running')
    const report = await run({ into: other })
    assert.deepEqual([report.resumed, report.import], [true, first?.id])
    assert.deepEqual(report.mismatched, [])
    const again = await run({ into: other })
    assert.ok(changes(again).every((count) => count === 0))
    assert.equal(again.resumed, false)
    const { runs } = await sourceContent(readBack(other.url))
    assert.deepEqual(
      runs.map(({ id }) => id),
      Object.values(RUNS),
    )
  } finally {
    await other.close()
  }
})

test('what reads differently here than at its source is named', async () => {
  const other = await startTestServer()
  try {
    const { pool } = other.platform.database
    await pool.query(
      `create function spoil() returns trigger language plpgsql as $$ begin new.value := new.value || '!'; return new; end $$`,
    )
    await pool.query('create trigger spoil before insert on run_parameter for each row execute function spoil()')
    const report = await run({ into: other })
    assert.deepEqual(
      report.mismatched.map(({ kind, id }) => [kind, id]),
      [
        ['run', RUNS.odd],
        ['run', RUNS.fit],
      ],
    )
    const args = ['mlflow', mlflow.address, '--artifacts', mlflow.artifacts, '--url', other.url]
    assert.equal(await command.run(args), 1, 'and it stays so')
    await pool.query('drop trigger spoil on run_parameter')
    assert.equal(await command.run(args), 0, 'what was never found good is written again')
  } finally {
    await other.close()
  }
})

test('files that were left behind come with a later import, which completes the versions made of them', async () => {
  const other = await startTestServer()
  try {
    const without = await run({ artifacts: null, into: other })
    assert.ok(without.told.some(({ id, reason }) => id === 'films/2' && /did not all come over/.test(reason)))
    const bare = await other.client.registry.getVersion({ params: { model: 'films', version: 2 } })
    assert.deepEqual(bare.files, [])
    await run({ into: other })
    const whole = await other.client.registry.getVersion({ params: { model: 'films', version: 2 } })
    assert.deepEqual([whole.files.length, whole.flavors], [2, ['sklearn']])
  } finally {
    await other.close()
  }
})

test('numbers and names that are taken here are left alone: experiments get another number or are joined, versions are skipped', async () => {
  const other = await startTestServer()
  try {
    const post = (path: string, body: object) =>
      fetch(`${other.url}/api/2.0/mlflow/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    for (const name of ['a', 'b', 'c']) await post('experiments/create', { name })
    mlflow.execute("update model_versions set user_id = 'grace' where name = 'films' and version = 2")
    await post('registered-models/create', { name: 'films' })
    await post('registered-models/create', { name: 'greeting' })
    await post('model-versions/create', {
      name: 'greeting',
      source: 'prompt-template',
      tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }],
    })
    const report = await run({ into: other })
    assert.deepEqual(report.mismatched, [])
    const experiment = report.told.find(({ reason }) => /^It was 3 and is/.test(reason))
    assert.equal(experiment?.id, 'Größe & Form')
    assert.ok(
      report.skipped.some(({ id, reason }) => id === 'greeting/1' && /Another version has this number/.test(reason)),
    )
    assert.ok(report.told.some(({ id, reason }) => id === 'films' && /joined/.test(reason)))
    const two = await other.client.registry.getVersion({ params: { model: 'films', version: 2 } })
    assert.deepEqual([two.files.length, two.user], [2, 'grace'])
    const created = (await (await post('experiments/create', { name: 'd' })).json()) as { experiment_id: string }
    assert.equal(created.experiment_id, '10', 'new experiments never get a number that came over')
  } finally {
    await other.close()
  }
})

test('nothing outside of the folder of artifacts is opened, neither by an address nor by a link', async () => {
  const outside = folderReader(mlflow.artifacts)
  const owner = (uri: string) => ({ kind: 'run' as const, id: RUNS.odd, uri })
  for (const uri of ['/etc', 'file:///etc', '../..', 'mlflow-artifacts:/../..', 'https://example.com/x', 's3://b/c']) {
    assert.equal((await outside.list(owner(uri))).kind, 'unreachable', uri)
    await assert.rejects(outside.open(owner(uri), 'passwd'), uri)
  }
  symlinkSync('/etc', join(mlflow.artifacts, 'link'))
  assert.equal((await outside.list(owner('mlflow-artifacts:/link'))).kind, 'unreachable')
  symlinkSync('/etc/hostname', join(mlflow.artifacts, `3/${RUNS.child}-link`))
  const listing = await outside.list(owner('mlflow-artifacts:/3'))
  assert.ok(listing.kind === 'files' && listing.leftOut.includes(`${RUNS.child}-link`))
})

test('a history that is too long for one request comes in parts; given again, it is not there twice', async () => {
  const id = `${'0'.repeat(30)}99`
  mlflow.addRun(id)
  const points = Array.from({ length: 120_000 }, (_, step) => [step, step / 7] as const)
  mlflow.addPoints(id, 'long', points)
  const first = await run()
  assert.deepEqual([row(first, 'metric points')?.imported, first.mismatched], [120_000, []])
  mlflow.addPoints(id, 'long', [[120_000, 1]])
  const second = await run()
  assert.deepEqual(
    [row(second, 'runs')?.updated, second.mismatched, second.told.some((told) => told.id === id)],
    [1, [], false],
  )
  const { total } = await server.client.experiments.metricHistory({ params: { run: id }, query: { key: 'long' } })
  assert.equal(total, 120_001)
})
