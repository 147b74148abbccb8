import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../../platform/testing.ts'

// What servers of this kind were attacked with, tried on the routes of tracking and registry. A table each; the rows are requests.

let server: TestServer
let run = ''
let other = ''
before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
  run = await newRun()
  other = await newRun()
  await post('runs/set-tag', { run_id: run, key: 'secret', value: 'x' })
  await post('registered-models/create', { name: 'm' })
})
after(() => server.close())

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  readonly milliseconds: number
}

async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const begun = performance.now()
  const response = await fetch(server.url + (path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`), {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  return { status: response.status, text, headers: response.headers, milliseconds: performance.now() - begun }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const post = (path: string, body: unknown) =>
  ask('POST', path, typeof body === 'string' ? body : JSON.stringify(body), JSON_TYPE)

async function newRun(): Promise<string> {
  const { text } = await post('runs/create', { experiment_id: '0', start_time: 1 })
  return (JSON.parse(text) as { run: { info: { run_id: string } } }).run.info.run_id
}

/** Words that only the inside knows: of SQL, of PostgreSQL, of our files. */
const INSIDE =
  /\bselect .+ from\b|\binsert into\b|syntax error|pg_catalog|relation "|column "|operator does not|\[SQL|node_modules|\.ts:\d|at async|kysely|postgres/i

/** An answer that is the server's own: not its failure, soon, and silent about what is inside. */
function assertComposed(answer: Answer, what: string): void {
  assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text.slice(0, 300)}`)
  // A busy machine is slow; what these requests try to cause takes a minute or for ever.
  assert.ok(answer.milliseconds < 20_000, `${what}: after ${answer.milliseconds} ms`)
  if (answer.status !== 200) assert.doesNotMatch(answer.text, INSIDE, what)
}

/** The five searches, each asked by a filter and an order. */
const SEARCHES: Readonly<Record<string, (filter: string, order: string[], size?: unknown) => Promise<Answer>>> = {
  runs: (filter, order_by, max_results) =>
    post('runs/search', {
      experiment_ids: ['0'],
      filter,
      order_by,
      ...(max_results === undefined ? {} : { max_results }),
    }),
  experiments: (filter, order_by, max_results = 10) => post('experiments/search', { filter, order_by, max_results }),
  'logged models': (filter, order, max_results) =>
    post('logged-models/search', {
      experiment_ids: ['0'],
      filter,
      order_by: order.map((field_name) => ({ field_name })),
      ...(max_results === undefined ? {} : { max_results }),
    }),
  'registered models': (filter, order, size) => ask('GET', `registered-models/search?${query(filter, order, size)}`),
  'model versions': (filter, order, size) => ask('GET', `model-versions/search?${query(filter, order, size)}`),
}

function query(filter: string, order: readonly string[], size: unknown): string {
  const asked = new URLSearchParams(filter === '' ? [] : [['filter', filter]])
  for (const key of order) asked.append('order_by', key)
  if (size !== undefined) asked.set('max_results', String(size))
  return asked.toString()
}

const INJECTIONS = [
  "' or '1'='1",
  "name = 'x' OR 1=1",
  "name = 'x'; drop table run; --",
  "name = 'x' union select current_user",
  "tags.`a') or ('1'='1` = 'x'",
  "tags.\"a' or pg_sleep(60) is null or '\" = 'x'",
  "name = 'x'' or pg_sleep(60) is null --'",
  "name LIKE 'x\\' AND name = ' or 1=1 --'",
  'name = $1',
  'name = (select pg_sleep(60))',
  "name IN ('x', (select 'y'))",
  "name = 'x'/**/or/**/1=1",
  "name = E'\\' or 1=1 --'",
  'metrics.a > 1; select pg_sleep(60)',
  "params.a = 'x\\') or pg_sleep(60) is null --'",
]

for (const [what, search] of Object.entries(SEARCHES)) {
  test(`SQL in a filter or an order of ${what} is text or a mistake, never a statement`, async () => {
    for (const injection of INJECTIONS) {
      const filtered = await search(injection, [])
      assertComposed(filtered, injection)
      // As text it is equal to nothing that is there.
      if (filtered.status === 200) assert.doesNotMatch(filtered.text, /run_id|"name"/, injection)
      for (const order of [
        injection,
        `${injection} DESC`,
        'name; select 1',
        'metrics.`a` , (select 1)',
        '1',
        'name ASC, 1',
      ]) {
        const ordered = await search('', [order])
        assertComposed(ordered, order)
        // The keys of logged models come without quotes: there, what follows the dot is a key, whatever it is.
        if (ordered.status !== 400) assert.match(`${what} ${order}`, /^logged models \w+\./)
      }
    }
    assert.equal((await ask('GET', `runs/get?run_id=${run}`)).status, 200)
  })

  test(`a pattern or a filter of ${what} that is made to take long, or to break off, does not`, async () => {
    const longs = [
      `name LIKE '${'%a'.repeat(2000)}b'`,
      `name ILIKE '${'%_'.repeat(4000)}'`,
      `tags.secret LIKE '${'%x'.repeat(3000)}'`,
      "name LIKE 'x\\'",
      "tags.secret ILIKE '\\'",
      `name = '${'a'.repeat(90_000)}'`,
      `name = '${"''".repeat(40_000)}'`,
      `${'('.repeat(50_000)}`,
      `${'`'.repeat(50_001)}`,
      `${'name.'.repeat(20_000)}name = 'x'`,
      Array.from({ length: 300 }, () => "name = 'x'").join(' AND '),
      ' '.repeat(99_000),
    ]
    for (const filter of what.endsWith('models') || what.endsWith('versions')
      ? longs.filter((each) => each.length < 12_000)
      : longs)
      assertComposed(await search(filter, []), filter.slice(0, 60))
  })

  test(`a page of ${what} is as large as may be, and no larger`, async () => {
    for (const size of [1e9, -1, 200_001, 2 ** 63, 1.5, 'many', '9'.repeat(400), '1; select 1']) {
      const answer = await search('', [], size)
      assert.equal(answer.status, 400, `${size}: ${answer.text.slice(0, 200)}`)
      assertComposed(answer, String(size))
    }
  })
}

test('a page token that somebody made up is a mistake of the request', async () => {
  const made = (value: unknown) =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')
  const tokens = [
    made({ offset: '1; select 1' }),
    made({ offset: -5 }),
    made({ offset: 1e300 }),
    made({ offset: [1] }),
    made({ __proto__: { offset: 1 } }),
    made("{'offset': 1}"),
    made('null'),
    made('['.repeat(50_000)),
    "' or 1=1",
    '%00',
    'A'.repeat(10_000),
  ]
  for (const token of tokens) {
    for (const [path, body] of [
      ['runs/search', { experiment_ids: ['0'] }],
      ['experiments/search', { max_results: 5 }],
      ['logged-models/search', { experiment_ids: ['0'] }],
    ] as const) {
      const answer = await post(path, { ...body, page_token: token })
      assert.equal(answer.status, 400, `${path} ${token.slice(0, 60)}: ${answer.text.slice(0, 200)}`)
      assertComposed(answer, token.slice(0, 60))
    }
    for (const path of [
      'registered-models/search?',
      'model-versions/search?',
      `metrics/get-history?run_id=${run}&metric_key=a&max_results=1&`,
    ]) {
      if (token.length > 5000) continue
      const answer = await ask('GET', `${path}page_token=${encodeURIComponent(token)}`)
      assert.equal(answer.status, 400, `${path} ${token.slice(0, 60)}: ${answer.text.slice(0, 200)}`)
    }
  }
})

test('values that a database refuses are mistakes of the request, and the answer is silent about the database', async () => {
  // Random, so that no compression makes it fit.
  const long = Array.from({ length: 30_000 }, (_, index) => ((index * 2_654_435_761) >>> 7).toString(36))
    .join('')
    .slice(0, 60_000)
  const nul = 'a\u0000b'
  const half = 'a\ud800b'
  const dataset = { name: 'n', digest: 'd', source_type: 's', source: 's' }
  const metric = { key: 'a', value: 1, timestamp: 1, step: 0 }
  const rows: [string, object][] = []
  for (const text of [nul, half, long]) {
    rows.push(
      ['experiments/create', { name: text }],
      ['experiments/create', { name: `x${text.length}`, tags: [{ key: text, value: 'x' }] }],
      ['experiments/set-experiment-tag', { experiment_id: '0', key: 'a', value: text }],
      ['runs/create', { experiment_id: '0', run_name: text, user_id: text }],
      ['runs/set-tag', { run_id: run, key: text, value: 'x' }],
      ['runs/set-tag', { run_id: run, key: 'a', value: text }],
      ['runs/log-parameter', { run_id: run, key: `p${text.length}`, value: text }],
      ['runs/log-metric', { run_id: run, ...metric, key: text }],
      ['runs/log-batch', { run_id: run, metrics: [{ ...metric, key: text }] }],
      [
        'runs/log-batch',
        { run_id: run, params: [{ key: `q${text.length}`, value: text }], tags: [{ key: 'b', value: text }] },
      ],
      ['runs/log-inputs', { run_id: run, datasets: [{ dataset: { ...dataset, name: text } }] }],
      ['runs/log-inputs', { run_id: run, datasets: [{ dataset: { ...dataset, source: text, schema: text } }] }],
      ['runs/log-inputs', { run_id: run, datasets: [{ dataset, tags: [{ key: text, value: text }] }] }],
      ['runs/log-inputs', { run_id: run, models: [{ model_id: text }] }],
      ['runs/outputs', { run_id: run, models: [{ model_id: text, step: 1 }] }],
      ['runs/update', { run_id: run, run_name: text }],
      ['logged-models', { experiment_id: '0', name: text }],
      ['logged-models', { experiment_id: '0', name: 'ok', model_type: text, params: [{ key: text, value: text }] }],
      ['registered-models/create', { name: text }],
      ['registered-models/create', { name: `x${text.length}`, description: text, tags: [{ key: text, value: text }] }],
      ['registered-models/rename', { name: 'm', new_name: text }],
      ['registered-models/set-tag', { name: 'm', key: text, value: text }],
      ['registered-models/alias', { name: 'm', alias: text, version: '1' }],
      ['model-versions/create', { name: 'm', source: `s3://b/${text}`, run_id: text }],
      ['model-versions/create', { name: 'm', source: 's3://b/k', run_link: text, description: text }],
    )
  }
  for (const number of [1e30, -1e30, '9'.repeat(30), 2 ** 63, -(2 ** 63) - 5000]) {
    rows.push(
      ['runs/create', { experiment_id: '0', start_time: number }],
      ['runs/update', { run_id: run, end_time: number }],
      ['runs/log-metric', { run_id: run, ...metric, timestamp: number }],
      ['runs/log-metric', { run_id: run, ...metric, step: number }],
      ['runs/log-batch', { run_id: run, metrics: [metric, { ...metric, step: number }] }],
      ['runs/outputs', { run_id: run, models: [{ model_id: 'm-1', step: number }] }],
      ['runs/search', { experiment_ids: [String(number)] }],
      ['experiments/delete', { experiment_id: String(number) }],
      ['registered-models/alias', { name: 'm', alias: 'a', version: String(number) }],
      ['model-versions/transition-stage', { name: 'm', version: String(number), stage: 'None' }],
    )
  }
  for (const word of ['toString', 'constructor', '__proto__', '1e9', 'hasOwnProperty']) {
    rows.push(
      ['runs/search', { experiment_ids: ['0'], run_view_type: word }],
      ['experiments/search', { max_results: 1, view_type: word }],
      ['runs/update', { run_id: run, status: word }],
    )
    const answer = await post('runs/search', { experiment_ids: ['0'], run_view_type: word })
    assert.equal(answer.status, 400, `${word}: ${answer.text.slice(0, 200)}`)
  }
  for (const [path, body] of rows)
    assertComposed(await post(path, body), `${path} ${JSON.stringify(body).slice(0, 120)}`)
  for (const text of [nul, long.slice(0, 6000)]) {
    for (const path of [
      'runs/get?run_id=',
      'experiments/get?experiment_id=',
      'experiments/get-by-name?experiment_name=',
      `metrics/get-history?run_id=${run}&metric_key=`,
      `artifacts/list?run_id=${run}&path=`,
      'registered-models/get?name=',
      'model-versions/get?name=m&version=',
      'registered-models/alias?name=m&alias=',
      'logged-models/',
    ])
      assertComposed(await ask('GET', path + encodeURIComponent(text)), path + text.slice(0, 20))
  }
})

test('a body that is too large, too deep or not a request is refused, and the server lives on', async () => {
  const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const wide = Array.from({ length: 200_000 }, (_, index) => String(index))
  const bodies: [string, string][] = [
    ['runs/log-metric', `{"run_id":${deep(200_000)},"key":"a","value":1,"timestamp":1}`],
    ['runs/log-batch', `{"run_id":"${run}","metrics":${deep(100_000)}}`],
    ['runs/set-tag', `{"run_id":"${run}","key":{"a":${deep(50_000)}},"value":"x"}`],
    ['runs/search', JSON.stringify({ experiment_ids: wide })],
    ['runs/log-batch', JSON.stringify({ run_id: run, tags: wide.map((key) => ({ key, value: key })) })],
    ['runs/log-batch', JSON.stringify({ run_id: run, metrics: wide.map((key) => ({ key, value: 1, timestamp: 1 })) })],
    ['runs/create', '{"experiment_id":"0","__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}'],
    ['runs/set-tag', `{"run_id":"${run}","key":"a","key":"../b","value":"x"}`],
    ['runs/set-tag', `"${'\\"'.repeat(1000)}"`],
    ['runs/set-tag', 'null'],
    ['runs/set-tag', '[]'],
    ['runs/set-tag', '1e999'],
    ['runs/set-tag', '\ufeff{}'],
  ]
  for (const [path, body] of bodies) assertComposed(await post(path, body), `${path} ${body.slice(0, 60)}`)
  assert.equal(({} as { isAdmin?: boolean }).isAdmin, undefined)
  const tooMuch = await post('runs/set-tag', `{"run_id":"${run}","key":"a","value":"${'x'.repeat(40_000_000)}"}`).catch(
    (error: unknown) => error as Error,
  )
  // Refused with an answer, or cut off while it still sent.
  if (!(tooMuch instanceof Error)) assert.ok(tooMuch.status >= 400 && tooMuch.status < 500, String(tooMuch.status))
  assert.equal((await ask('GET', `runs/get?run_id=${run}`)).status, 200)
})

const WRITES: readonly [string, string, object][] = [
  ['POST', 'experiments/create', { name: 'forged' }],
  ['POST', 'experiments/delete', { experiment_id: '0' }],
  ['POST', 'runs/create', { experiment_id: '0' }],
  ['POST', 'runs/delete', { run_id: 'RUN' }],
  ['POST', 'runs/set-tag', { run_id: 'RUN', key: 'forged', value: 'x' }],
  ['POST', 'runs/log-batch', { run_id: 'RUN', params: [{ key: 'forged', value: 'x' }] }],
  ['POST', 'registered-models/create', { name: 'forged' }],
  ['POST', 'registered-models/rename', { name: 'm', new_name: 'forged' }],
  ['POST', 'registered-models/alias', { name: 'm', alias: 'forged', version: '1' }],
  ['POST', 'model-versions/create', { name: 'm', source: 's3://b/forged' }],
  ['POST', 'logged-models', { experiment_id: '0', name: 'forged' }],
]
const SIMPLE_TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain; application/json',
]

test('what a form of another site can send changes nothing: not by its type, not by its origin', async () => {
  for (const [method, path, given] of WRITES) {
    const body = JSON.stringify(given).replace('RUN', other)
    for (const type of SIMPLE_TYPES) {
      const answer = await ask(method, path, body, { 'content-type': type })
      assert.equal(answer.status, 400, `${path} as ${type}: ${answer.text.slice(0, 200)}`)
    }
    for (const origin of [
      'http://evil.example.com',
      'null',
      server.url.replace('http', 'https'),
      `${server.url}.evil.example.com`,
    ]) {
      for (const prefix of ['/api/2.0/mlflow/', '/ajax-api/2.0/mlflow/']) {
        const answer = await ask(method, prefix + path, body, { ...JSON_TYPE, origin })
        assert.equal(answer.status, 403, `${path} from ${origin}: ${answer.text.slice(0, 200)}`)
        assert.equal(answer.headers.get('access-control-allow-origin'), null)
      }
    }
  }
  const asked = await ask('OPTIONS', 'runs/create', undefined, {
    origin: 'http://evil.example.com',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type',
  })
  assert.notEqual(asked.status, 200)
  assert.equal(asked.headers.get('access-control-allow-origin'), null)
  for (const search of Object.values(SEARCHES)) assert.doesNotMatch((await search('', [])).text, /forged/)
  const { text } = await ask('GET', `runs/get?run_id=${other}`)
  assert.doesNotMatch(text, /forged/)
  assert.match(text, /"lifecycle_stage":"active"/)
})

test('no answer may be framed, none is guessed to be a page, none gives back what it was sent as one', async () => {
  const script = '<script>alert(1)</script>'
  const encoded = encodeURIComponent(script)
  const rows: [string, string, string | undefined, Record<string, string>][] = [
    ['GET', 'experiments/get?experiment_id=0', undefined, {}],
    ['GET', `experiments/get?experiment_id=${encoded}`, undefined, {}],
    ['GET', `/api/2.0/mlflow/${encoded}`, undefined, {}],
    ['GET', `/ajax-api/2.0/mlflow/traces/${encoded}`, undefined, {}],
    ['GET', `/api/v1/${encoded}`, undefined, {}],
    ['GET', `/${encoded}`, undefined, {}],
    ['GET', '/', undefined, { accept: 'text/html' }],
    ['GET', '/version', undefined, {}],
    ['GET', '/health', undefined, {}],
    ['GET', `/get-artifact?run_id=${run}&path=${encoded}`, undefined, {}],
    ['GET', `/model-versions/get-artifact?name=${encoded}&version=1&path=x`, undefined, {}],
    ['POST', 'runs/search', '{}', { 'content-type': `text/html${script}` }],
    ['POST', 'runs/search', '{}', { 'content-type': `application/${script}` }],
    ['POST', 'runs/create', `{"experiment_id":"${script}"}`, JSON_TYPE],
    ['POST', 'runs/search', JSON.stringify({ experiment_ids: ['0'], filter: script }), JSON_TYPE],
    ['POST', 'registered-models/create', `{"name":"${script}"}`, JSON_TYPE],
    ['POST', '/graphql', script, JSON_TYPE],
    ['GET', 'experiments/get?experiment_id=0', undefined, { 'x-request-id': script }],
  ]
  for (const [method, path, body, headers] of rows) {
    const answer = await ask(method, path, body, headers)
    const what = `${method} ${path} ${JSON.stringify(headers)}`
    assertComposed({ ...answer, status: answer.status === 501 ? 400 : answer.status }, what)
    assert.equal(answer.headers.get('x-frame-options'), 'DENY', what)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', what)
    if (/html/.test(answer.headers.get('content-type') ?? '')) assert.doesNotMatch(answer.text, /alert\(1\)/, what)
    assert.doesNotMatch(answer.headers.get('x-request-id') ?? '', /</, what)
  }
})

test('a model whose name reads as another when it is decoded cannot be made', async () => {
  for (const name of ['%6d', '%6D', '%2e%2e', 'a%2Fb', '%256d', 'm%00']) {
    const answer = await post('registered-models/create', { name })
    assert.equal(answer.status, 400, `${name}: ${answer.text.slice(0, 200)}`)
    assert.equal((await post('registered-models/rename', { name: 'm', new_name: name })).status, 400, name)
    assert.equal((await ask('GET', `registered-models/get?name=${encodeURIComponent(name)}`)).status, 404, name)
  }
  assert.equal((await post('registered-models/create', { name: '100% of it' })).status, 200)
})

test('the files of the pages and of the API cannot be left', async () => {
  for (const base of ['/static-files', '/assets', '/api/2.0/mlflow', '/ajax-api/2.0/mlflow', '']) {
    for (const way of [
      '/../../../package.json',
      '/..%2f..%2f..%2fpackage.json',
      '/%2e%2e/%2e%2e/package.json',
      '/..%5c..%5cpackage.json',
      '/..%252f..%252fpackage.json',
      '/....//....//package.json',
      '//etc/passwd',
      '/%00/../package.json',
      '/.%2e/.%2e/etc/passwd',
      '/file:///etc/passwd',
    ]) {
      const text = await raw(`GET ${base}${way} HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\nConnection: close\r\n\r\n`)
      assert.doesNotMatch(text, /"workspaces"|root:/, base + way)
      assert.doesNotMatch(text, /^HTTP\/1\.1 500/, base + way)
    }
  }
})

test('a request hidden in another is not answered', async () => {
  const hidden = JSON.stringify({ name: 'smuggled' })
  const inner = `POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\nContent-Type: application/json\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`
  const outer = (headers: string, body: string) =>
    `POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`
  const chunked = `2\r\n{}\r\n0\r\n\r\n${inner}`
  for (const request of [
    outer(`Content-Length: 4\r\nTransfer-Encoding: chunked`, chunked),
    outer(`Transfer-Encoding: chunked\r\nContent-Length: ${chunked.length}`, chunked),
    outer(`Content-Length: 2\r\nContent-Length: ${2 + inner.length}`, `{}${inner}`),
    outer(`Transfer-Encoding : chunked\r\nContent-Length: 2`, `{}${inner}`),
    outer(`Transfer-Encoding: xchunked\r\nContent-Length: 2`, `{}${inner}`),
    outer(`Transfer-Encoding: chunked, identity`, chunked),
    outer(`Content-Length: +2`, `{}${inner}`),
    outer(`X: a\nContent-Length: 2`, `{}${inner}`),
  ]) {
    const answers = (await raw(request)).match(/HTTP\/1\.1 \d+/g) ?? []
    assert.ok(answers.length <= 1, `${request.split('\r\n').slice(3, 5)}: ${answers}`)
    assert.ok(
      answers[0] === undefined || answers[0].endsWith('400'),
      `${request.split('\r\n').slice(3, 5)}: ${answers}`,
    )
  }
  assert.equal((await ask('GET', 'experiments/get-by-name?experiment_name=smuggled')).status, 404)
})

test('who is asked for is told by one Host alone', async () => {
  const good = `127.0.0.1:${port()}`
  for (const headers of [
    `Host: evil.example.com\r\nX-Forwarded-Host: ${good}`,
    `Host: evil.example.com\r\nX-Host: ${good}\r\nForwarded: host=${good}`,
    `Host: ${good}\r\nHost: evil.example.com`,
    `Host: evil.example.com\r\nHost: ${good}`,
    `Host: ${good}@evil.example.com`,
    `Host: ${good}, evil.example.com`,
    `Host:`,
    `X: y`,
  ]) {
    const text = await raw(
      `GET /api/2.0/mlflow/experiments/get?experiment_id=0 HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`,
    )
    assert.match(text, /^HTTP\/1\.1 (400|403)/, headers)
    assert.doesNotMatch(text, /artifact_location/, headers)
  }
  const verb = await ask('POST', 'experiments/get?experiment_id=0', '{}', {
    ...JSON_TYPE,
    'x-http-method-override': 'GET',
  })
  assert.notEqual(verb.status, 200)
})

test('GraphQL is not here, however much is asked of it at once', async () => {
  const aliases = Array.from(
    { length: 3000 },
    (_, index) => `a${index}: mlflowGetExperiment(input: {experimentId: "0"}) { experiment { name } }`,
  )
  const query = `query q { ${aliases.join(' ')} }`
  for (const [method, path, body] of [
    ['POST', '/graphql', JSON.stringify({ query })],
    ['POST', '/graphql', JSON.stringify(Array.from({ length: 1000 }, () => ({ query: '{ __typename }' })))],
    ['GET', '/graphql?query=%7B__schema%7Btypes%7Bname%7D%7D%7D', undefined],
  ] as const) {
    const answer = await ask(method, path, body, body === undefined ? {} : JSON_TYPE)
    assert.equal(answer.status, 501)
    assert.equal((JSON.parse(answer.text) as { error_code: string }).error_code, 'NOT_IMPLEMENTED')
    assertComposed({ ...answer, status: 400 }, path)
  }
})

const port = () => server.server.port

/** Sends bytes as they are, and gives all that comes back until the connection ends or nothing more comes. */
function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port: port() })
    let text = ''
    socket.setTimeout(1500, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? undefined : reject(error),
    )
    socket.on('close', () => resolve(text))
    socket.end(bytes, 'latin1')
  })
}
