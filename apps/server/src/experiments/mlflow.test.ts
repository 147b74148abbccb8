import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../platform/testing.ts'

let server: TestServer

before(async () => {
  server = await startTestServer()
})
after(() => server.close())

interface Answer {
  readonly status: number
  readonly body: Record<string, never> & Record<string, unknown>
  readonly headers: Headers
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const url = path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`
  const response = await fetch(server.url + url, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    body: text.startsWith('{') ? JSON.parse(text) : { text },
    headers: response.headers,
  }
}

async function newRun(tags: { key: string; value: string }[] = []): Promise<string> {
  const { body } = await call('POST', 'runs/create', { experiment_id: '0', start_time: '5', tags })
  return (body as unknown as { run: { info: { run_id: string } } }).run.info.run_id
}

const refused = (answer: Answer, status: number, code: string, message: RegExp) => {
  assert.equal(answer.status, status, JSON.stringify(answer.body))
  assert.equal(answer.body.error_code, code)
  assert.match(String(answer.body.message), message)
}

test('a new run has the fields that MLflow gives it, int64 as numbers, empty lists left out', async () => {
  const { body, status } = await call('POST', 'runs/create', {
    experiment_id: '0',
    start_time: '5',
    tags: [{ key: 'a', value: 'b' }],
    run_name: 'n',
  })
  assert.equal(status, 200)
  const { run } = body as unknown as {
    run: { info: Record<string, unknown>; data: unknown; inputs: unknown; outputs?: unknown }
  }
  const id = run.info.run_id
  assert.deepEqual(run, {
    info: {
      run_uuid: id,
      experiment_id: '0',
      run_name: 'n',
      user_id: '',
      status: 'RUNNING',
      start_time: 5,
      artifact_uri: `mlflow-artifacts:/0/${id}/artifacts`,
      lifecycle_stage: 'active',
      run_id: id,
    },
    data: {
      tags: [
        { key: 'a', value: 'b' },
        { key: 'mlflow.runName', value: 'n' },
      ],
    },
    inputs: {},
  })
  const read = await call('GET', `runs/get?run_uuid=${id}`)
  assert.deepEqual((read.body as unknown as { run: { outputs: unknown } }).run.outputs, {})
})

test('a value that is too long is cut, a key that is too long refused', async () => {
  const run = await newRun()
  await call('POST', 'runs/log-parameter', { run_id: run, key: 'p', value: 'é'.repeat(6001) })
  await call('POST', 'runs/set-tag', { run_id: run, key: 't', value: 'x'.repeat(8001) })
  await call('POST', 'runs/log-batch', { run_id: run, params: [{ key: 'b', value: 'x'.repeat(6001) }] })
  const { body } = await call('GET', `runs/get?run_id=${run}`)
  const { params, tags } = (
    body as unknown as { run: { data: Record<'params' | 'tags', { key: string; value: string }[]> } }
  ).run.data
  assert.deepEqual(
    [...params, ...tags]
      .filter(({ key }) => key.length === 1)
      .map(({ key, value }) => [key, value.length])
      .sort(),
    [
      ['b', 6000],
      ['p', 6000],
      ['t', 8000],
    ],
  )
  refused(
    await call('POST', 'runs/log-parameter', { run_id: run, key: 'k'.repeat(251), value: '1' }),
    400,
    'INVALID_PARAMETER_VALUE',
    /^'Param key' exceeds the maximum length of 250 characters$/,
  )
})

test('errors have MLflow’s shape, status and text', async () => {
  const run = await newRun()
  refused(
    await call('POST', 'runs/create', { experiment_id: 6 }),
    400,
    'INVALID_PARAMETER_VALUE',
    /^Invalid value 6 for parameter 'experiment_id' supplied: {2}Hint: Value was of type 'int'\. See the API docs/,
  )
  refused(await call('GET', 'runs/get?run_id=xx'), 404, 'RESOURCE_DOES_NOT_EXIST', /^Run with id=xx not found$/)
  refused(
    await call('POST', 'runs/log-metric', '{bad'),
    400,
    'INVALID_PARAMETER_VALUE',
    /^Missing value for required parameter 'run_id'/,
  )
  refused(
    await call('POST', 'runs/log-metric', '{}', { 'content-type': 'text/plain' }),
    400,
    'INVALID_PARAMETER_VALUE',
    /^Bad Request\. Content-Type must be one of \['application\/json'\]\.$/,
  )
  refused(
    await call('POST', 'runs/log-metric'),
    400,
    'INVALID_PARAMETER_VALUE',
    /^Bad Request\. Content-Type header is missing\.$/,
  )
  refused(
    await call('GET', 'experiments/search'),
    400,
    'INVALID_PARAMETER_VALUE',
    /^Invalid value 0 for parameter 'max_results'/,
  )
  refused(
    await call('POST', 'runs/search', { experiment_ids: ['0'], max_results: 50_001 }),
    400,
    'INVALID_PARAMETER_VALUE',
    /max_results/,
  )
  refused(
    await call('POST', 'runs/search', { experiment_ids: ['0'], max_results: 1e9 }),
    400,
    'INVALID_PARAMETER_VALUE',
    /max_results/,
  )
  refused(
    await call('GET', 'experiments/get?experiment_id=99999'),
    404,
    'RESOURCE_DOES_NOT_EXIST',
    /^No Experiment with id=99999 exists$/,
  )
  refused(
    await call('POST', 'runs/log-batch', {
      run_id: run,
      metrics: Array.from({ length: 1001 }, () => ({ key: 'm', value: 1, timestamp: 1 })),
    }),
    400,
    'INVALID_PARAMETER_VALUE',
    /^A batch logging request can contain at most 1000 metrics\. Got 1001 metrics\./,
  )
  refused(
    await call('POST', 'runs/set-tag', { run_id: run, key: '../a', value: 'x' }),
    400,
    'INVALID_PARAMETER_VALUE',
    /would resolve to '\.\.\/a'/,
  )
  const { body } = await call('GET', 'runs/get?run_id=xx')
  assert.deepEqual(Object.keys(body), ['error_code', 'message', 'sqlstate', 'error_class'])
})

test('text with NUL, quotes and SQL in it is a mistake of the request or plain text, never a statement', async () => {
  const run = await newRun()
  refused(
    await call('POST', 'runs/set-tag', { run_id: run, key: 'a', value: 'a\u0000b' }),
    400,
    'INVALID_PARAMETER_VALUE',
    /NUL/,
  )
  refused(await call('GET', 'runs/get?run_id=%00'), 400, 'INVALID_PARAMETER_VALUE', /NUL/)
  const evil = `'; drop table run; -- " \\ $1 \${x}`
  assert.equal((await call('POST', 'runs/set-tag', { run_id: run, key: 'evil', value: evil })).status, 200)
  const search = (filter: string, order_by: string[] = []) =>
    call('POST', 'runs/search', { experiment_ids: ['0'], filter, order_by })
  const found = await search("tags.evil LIKE '%drop table%'")
  assert.equal((found.body as unknown as { runs: unknown[] }).runs.length, 1)
  for (const order of ['start_time; drop table run', 'metrics.`a` , (select 1)', '1', 'pg_sleep(5)']) {
    refused(await search('', [order]), 400, 'INVALID_PARAMETER_VALUE', /order|clause|Invalid/)
  }
  assert.equal((await search("tags.`a' or 'b` = 'x'")).status, 200)
  refused(
    await call('POST', 'runs/log-metric', { run_id: run, key: 'm', value: 1, timestamp: '9223372036854775808' }),
    400,
    'INVALID_PARAMETER_VALUE',
    /out of range/,
  )
})

test('the latest value of a metric is that of the greatest step, then time, then value, in any order of arrival', async () => {
  const run = await newRun()
  const metric = (value: unknown, timestamp: number, step: number) => ({ key: 'm', value, timestamp, step })
  await call('POST', 'runs/log-batch', { run_id: run, metrics: [metric(1, 9, 1), metric(7, 1, 2), metric(3, 5, 0)] })
  await call('POST', 'runs/log-metric', { run_id: run, ...metric(5, 100, 1) })
  const latest = async () => {
    const { body } = await call('GET', `runs/get?run_id=${run}`)
    return (body as unknown as { run: { data: { metrics: { value: unknown }[] } } }).run.data.metrics[0]?.value
  }
  assert.equal(await latest(), 7)
  await call('POST', 'runs/log-metric', { run_id: run, ...metric('NaN', 1, 3) })
  assert.equal(await latest(), 'NaN')
  await call('POST', 'runs/log-metric', { run_id: run, ...metric('NaN', 1, 3) })
  const { body } = await call('GET', `metrics/get-history?run_id=${run}&metric_key=m`)
  assert.deepEqual(
    (body as unknown as { metrics: { timestamp: number }[] }).metrics.map((m) => m.timestamp),
    [1, 1, 5, 9, 100],
  )
})

test('two writers of the same parameter never both win', async () => {
  const run = await newRun()
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      call('POST', 'runs/log-batch', {
        run_id: run,
        params: [{ key: 'p', value: String(index) }],
        metrics: [{ key: `m${index % 3}`, value: index, timestamp: 1 }],
      }),
    ),
  )
  assert.equal(answers.filter((answer) => answer.status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    refused(
      answer,
      400,
      'INVALID_PARAMETER_VALUE',
      /^Changing param values is not allowed\. Params were already logged='\[\{'key': 'p'/,
    )
  }
})

test('pages of a search follow each other without gap or repeat', async () => {
  const experiment = (await call('POST', 'experiments/create', { name: 'paged' })).body.experiment_id
  for (let index = 0; index < 7; index++)
    await call('POST', 'runs/create', { experiment_id: experiment, start_time: 3 })
  const seen: string[] = []
  let token: string | undefined
  do {
    const { body } = await call('POST', 'runs/search', {
      experiment_ids: [experiment],
      max_results: 3,
      page_token: token,
    })
    const answer = body as unknown as { runs: { info: { run_id: string } }[]; next_page_token?: string }
    seen.push(...answer.runs.map((run) => run.info.run_id))
    token = answer.next_page_token
  } while (token)
  assert.equal(new Set(seen).size, 7)
  assert.equal(seen.length, 7)
})

test('a sampled history keeps both ends and is no longer than asked', async () => {
  const run = await newRun()
  const metrics = Array.from({ length: 1000 }, (_, step) => ({ key: 'loss', value: step, timestamp: 1, step }))
  await call('POST', 'runs/log-batch', { run_id: run, metrics })
  for (const most of [1, 2, 7, 320]) {
    const { body } = await call(
      'GET',
      `/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids=${run}&metric_key=loss&max_results=${most}`,
    )
    const steps = (body as unknown as { metrics: { step: number }[] }).metrics.map((metric) => metric.step)
    assert.equal(steps.length, most)
    assert.equal(steps.at(-1), 999)
    if (most > 1) assert.equal(steps[0], 0)
  }
  const own = await server.client.experiments.metricHistory({ params: { run }, query: { key: 'loss', points: 10 } })
  assert.equal(own.total, 1000)
  assert.deepEqual(own.points[0], { step: 99, at: '1970-01-01T00:00:00.001Z', value: 99, min: 0, max: 99, count: 100 })
})

test('parts of MLflow that are not here say so by name; paths it has not either are its 404 page', async () => {
  refused(
    await call('POST', '/api/3.0/mlflow/traces', {}),
    501,
    'NOT_IMPLEMENTED',
    /^Tracing is not part of this release/,
  )
  refused(
    await call('POST', '/ajax-api/2.0/mlflow/gateway-proxy', { gateway_path: '..@host' }),
    501,
    'NOT_IMPLEMENTED',
    /gateway/,
  )
  const nothing = await call('GET', '/api/2.0/mlflow/nothing')
  assert.equal(nothing.status, 404)
  assert.match(String(nothing.body.text), /<title>404 Not Found<\/title>/)
  assert.equal((await call('GET', '/version')).body.text, '3.17.2')
  assert.equal((await call('GET', '/health')).body.text, 'OK')
  assert.equal((await call('GET', '/api/3.0/mlflow/server-info')).body.store_type, 'SqlStore')
})

test('requests by another name, from another site, or with a wrong token are refused in MLflow’s shape', async () => {
  const { request } = await import('node:http')
  const statusOf = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      request(`${server.url}/api/2.0/mlflow/experiments/get?experiment_id=0`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
        .on('error', reject)
        .end()
    })
  const port = new URL(server.url).port
  assert.equal(await statusOf({ host: `127.0.0.1:${port}` }), 200)
  for (const host of [
    'evil.example.com',
    `10.evil.example.com:${port}`,
    `localhost:${port}@evil.example.com`,
    `127.0.0.1.evil.com:${port}`,
    `127.0.0.1:${port}.evil.com`,
  ]) {
    assert.equal(await statusOf({ host }), 403, host)
  }
  assert.equal(await statusOf({ host: `127.0.0.1:${port}`, origin: 'http://evil' }), 403)
  for (const path of [
    'experiments/get?experiment_id=0',
    '/api/2.0/mlflow-artifacts/artifacts/a',
    '/get-artifact?run_id=a&path=b',
    '/model-versions/get-artifact?name=a&version=1&path=b',
    '/api/3.0/mlflow/traces/x',
    '/api/v1/experiments',
  ]) {
    assert.equal((await call('GET', path, undefined, { authorization: 'Bearer wrong' })).status, 401, path)
  }
  refused(await call('POST', '/v1/traces', {}, { authorization: 'Bearer wrong' }), 401, 'UNAUTHENTICATED', /token/)
})
