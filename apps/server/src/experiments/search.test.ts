import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { callMlflow, everyPage, type FoundRun } from './testing.ts'

let server: TestServer
let experiment: string
/** What was logged, in the order of starting. */
const made: { id: string; start: number; m?: number; p: string }[] = []

const call = (method: string, path: string, body?: unknown) => callMlflow(server.url, method, path, body)

async function makeRun(of: string, start: number, metrics: object[], params: object[]): Promise<string> {
  const { run } = (await call('POST', 'runs/create', { experiment_id: of, start_time: start })) as {
    run: { info: { run_id: string } }
  }
  await call('POST', 'runs/log-batch', { run_id: run.info.run_id, metrics, params })
  return run.info.run_id
}

/** All pages of a search. */
function search(question: Record<string, unknown>, size = 1000): Promise<FoundRun[]> {
  return everyPage(server.url, { experiment_ids: [experiment], max_results: size, ...question }, 10_000)
}

before(async () => {
  server = await startTestServer()
  experiment = ((await call('POST', 'experiments/create', { name: 'search' })) as { experiment_id: string })
    .experiment_id
  // Ties in start and value, a NaN, runs without the metric.
  const starts = Array.from({ length: 60 }, (_, index) => ({ index, start: 1000 + (index % 7) }))
  await Promise.all(
    starts.map(async ({ index, start }) => {
      const value = index % 10 === 9 ? undefined : index % 10 === 8 ? Number.NaN : (index * 7) % 11
      const metrics =
        value === undefined ? [] : [{ key: 'm', value: Number.isNaN(value) ? 'NaN' : value, timestamp: 1 }]
      const id = await makeRun(experiment, start, metrics, [{ key: 'p', value: String(index % 4) }])
      made.push({ id, start, p: String(index % 4), ...(value === undefined ? {} : { m: value }) })
    }),
  )
})

after(() => server.close())

/** The order that a search must have: numbers by size, then NaNs, then none; ties the newest first, then by id. */
function expected(ascending: boolean, keep: (run: (typeof made)[number]) => boolean = () => true): string[] {
  const rank = (m: number | undefined) => (m === undefined ? 2 : Number.isNaN(m) ? 1 : 0)
  return made
    .filter(keep)
    .sort((a, b) => {
      const [left, right] = [a.m ?? 0, b.m ?? 0]
      const byValue = rank(a.m) === 0 && rank(b.m) === 0 ? (ascending ? left - right : right - left) : 0
      return rank(a.m) - rank(b.m) || byValue || b.start - a.start || (a.id < b.id ? -1 : 1)
    })
    .map((run) => run.id)
}

for (const ascending of [true, false]) {
  for (const size of [1, 7, 20, 1000]) {
    test(`pages of ${size} by a metric, ${ascending ? 'least' : 'greatest'} first, hold every run once and in order`, async () => {
      const order_by = [`metrics.m ${ascending ? 'ASC' : 'DESC'}`]
      const found = await search({ order_by }, size)
      assert.deepEqual(
        found.map((run) => run.info.run_id),
        expected(ascending),
      )
    })
  }
}

test('pages of the newest first hold every run once and in order', async () => {
  const order = [...made].sort((a, b) => b.start - a.start || (a.id < b.id ? -1 : 1)).map((run) => run.id)
  for (const size of [1, 13]) {
    const found = await search({}, size)
    assert.deepEqual(
      found.map((run) => run.info.run_id),
      order,
    )
  }
})

test('a filter is held by every run that is found, and by no other, however the list is read', async () => {
  for (const order_by of [['metrics.m DESC'], [], ['params.p ASC', 'start_time DESC']]) {
    const found = await search({ filter: "params.p = '2' and metrics.m > 3", order_by }, 4)
    const right = expected(false, (run) => run.p === '2' && (run.m ?? 0) > 3)
    assert.deepEqual(found.map((run) => run.info.run_id).sort(), [...right].sort())
    if (order_by[0] === 'metrics.m DESC')
      assert.deepEqual(
        found.map((run) => run.info.run_id),
        right,
      )
  }
  const other = await search({ filter: 'metrics.m != 3' })
  assert.equal(other.length, made.filter((run) => run.m !== undefined && run.m !== 3).length)
  assert.equal((await search({ filter: 'metrics.never > 0' })).length, 0)
  assert.equal((await search({ filter: 'tags.never IS NULL' })).length, made.length)
})

test('a run that is added while somebody pages neither repeats nor hides another', async () => {
  const first = (await call('POST', 'runs/search', { experiment_ids: [experiment], max_results: 10 })) as {
    runs: FoundRun[]
    next_page_token: string
  }
  const late = await makeRun(experiment, 5000, [], [])
  const rest = (await call('POST', 'runs/search', {
    experiment_ids: [experiment],
    max_results: 1000,
    page_token: first.next_page_token,
  })) as { runs: FoundRun[] }
  const ids = [...first.runs, ...rest.runs].map((run) => run.info.run_id)
  assert.equal(new Set(ids).size, made.length)
  assert.equal(ids.length, made.length)
  assert.ok(!ids.includes(late))
  await call('POST', 'runs/delete', { run_id: late })
})

test('a token of another MLflow server, which knows an offset alone, is understood', async () => {
  const token = Buffer.from('{"offset": 55}').toString('base64')
  for (const order_by of [['metrics.m ASC'], []]) {
    const all = await search({ order_by })
    const page = (await call('POST', 'runs/search', { experiment_ids: [experiment], page_token: token, order_by })) as {
      runs: FoundRun[]
    }
    assert.deepEqual(
      page.runs.map((run) => run.info.run_id),
      all.slice(55).map((run) => run.info.run_id),
    )
  }
})

test('a page of more runs than one slice is whole JSON, in order', async () => {
  const many = ((await call('POST', 'experiments/create', { name: 'many' })) as { experiment_id: string }).experiment_id
  await sql`
    insert into run (workspace, id, experiment, name, user_id, status, start_ms, artifact_uri)
    select 'default', md5(i::text), ${Number(many)}::bigint, 'r' || i, '', 'FINISHED', i, 'mlflow-artifacts:/x' from generate_series(1, 700) i`.execute(
    server.platform.db,
  )
  const found = await search({ experiment_ids: [many] })
  assert.deepEqual(
    found.map((run) => run.info.start_time),
    Array.from({ length: 700 }, (_, index) => 700 - index),
  )
})

test('a list gives each run letter for letter as it is given alone', async () => {
  const of = ((await call('POST', 'experiments/create', { name: 'letters' })) as { experiment_id: string })
    .experiment_id
  const metrics = [0, -0, 1e21, 1e-7, Number.MAX_VALUE, 'NaN', 'Infinity', '-Infinity', 0.1 + 0.2].map(
    (value, index) => ({
      key: `m ${index}/x:y`,
      value,
      timestamp: index === 0 ? 0 : 1_700_000_000_000 + index,
      step: index - 3,
    }),
  )
  const params = ['', '"', '\\', 'line\nend', 'Übung 映画 🎬', '</script>\u2028'].map((value, index) => ({
    key: `p.${index}/x`,
    value,
  }))
  const full = await makeRun(of, 2, metrics, params)
  await call('POST', 'runs/set-tag', { run_id: full, key: 'tag/with:marks', value: '\u0001' })
  const dataset = { name: 'films', digest: 'd', source_type: 'local', source: '{}', schema: '[]' }
  await call('POST', 'runs/log-inputs', { run_id: full, datasets: [{ dataset, tags: [{ key: 'a', value: 'b' }] }] })
  await call('POST', 'runs/log-inputs', { run_id: full, models: [{ model_id: 'm-1' }] })
  await call('POST', 'runs/outputs', { run_id: full, models: [{ model_id: 'm-2', step: 3 }] })
  const bare = await makeRun(of, 1, [], [])
  const asText = async (path: string, body?: object) => {
    const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
      ...(body ? { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    })
    assert.equal(response.headers.get('content-type'), 'application/json')
    return response.text()
  }
  const alone = await Promise.all(
    [full, bare].map(async (id) => (await asText(`runs/get?run_id=${id}`)).slice('{"run":'.length, -1)),
  )
  assert.match(alone[0] ?? '', /"dataset_inputs".*"model_inputs".*"model_outputs"/)
  assert.equal(await asText('runs/search', { experiment_ids: [of] }), `{"runs":[${alone.join(',')}]}`)
  const none = await asText('runs/search', { experiment_ids: [of], filter: 'metrics.never > 0' })
  assert.equal(none, '{}')
})

test('a projection answers with the values asked for and nothing else', async () => {
  const id = await makeRun(
    experiment,
    9000,
    [
      { key: 'kept', value: 1, timestamp: 1 },
      { key: 'left out', value: 2, timestamp: 1 },
    ],
    [
      { key: 'kept', value: 'x' },
      { key: 'left out', value: 'y' },
    ],
  )
  const [run] = await search({ columns: ['metrics.kept', 'params.`kept`', 'tags.none'] }, 1)
  assert.equal(run?.info.run_id, id)
  assert.deepEqual(run?.data, {
    metrics: [{ key: 'kept', value: 1, timestamp: 1, step: 0 }],
    params: [{ key: 'kept', value: 'x' }],
  })
  const own = await server.client.experiments.searchRuns({
    query: { experiment, limit: 1, columns: 'metrics."left out",params.kept' },
  })
  assert.deepEqual(own.runs[0]?.metrics, { 'left out': 2 })
  assert.deepEqual(own.runs[0]?.parameters, { kept: 'x' })
  const counted = await server.client.experiments.countRuns({ query: { experiment, filter: 'metrics.kept > 0' } })
  assert.equal(counted.total, 1)
  await call('POST', 'runs/delete', { run_id: id })
})

test('a filter of sixty comparisons and twenty sort keys is answered at once', async () => {
  const filters = [
    Array.from({ length: 60 }, (_, index) => `params.p = '${index % 4}'`),
    Array.from({ length: 60 }, (_, index) => `metrics.m > ${index / 100}`),
    Array.from({ length: 60 }, (_, index) => `metrics.other${index} > 1`),
  ]
  const order_by = Array.from({ length: 20 }, (_, index) => (index === 0 ? 'params.p' : `metrics.m${index} DESC`))
  for (const filter of filters) {
    const started = performance.now()
    await search({ filter: filter.join(' and '), order_by })
    await server.client.experiments.countRuns({ query: { experiment, filter: filter.join(' and ') } })
    assert.ok(performance.now() - started < 5_000, `took ${performance.now() - started} ms`)
  }
})
