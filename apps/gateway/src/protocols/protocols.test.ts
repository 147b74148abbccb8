import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type AnswerRecord, LogRecord } from '@tidemark/contracts'
import { endpoint, fixture, snapshot } from '../fixtures.ts'
import { type RunningGateway, startGateway } from '../gateway.ts'
import { DEFAULT_LIMITS } from '../scoring/admission.ts'
import { createLog } from '../telemetry.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-protocols-'))
const { rows, expected, bytes, digest } = fixture('champion')
let gateway: RunningGateway

before(async () => {
  mkdirSync(join(dataDir, 'gateway/blobs'), { recursive: true })
  writeFileSync(join(dataDir, 'gateway/blobs', digest.slice('sha256:'.length)), bytes)
  const served = [endpoint('films'), { ...endpoint('small'), limits: { ...DEFAULT_LIMITS, bodyBytes: 300, rows: 2 } }]
  writeFileSync(join(dataDir, 'gateway/snapshot.json'), JSON.stringify(snapshot(7, served)))
  gateway = await startGateway(
    {
      dataDir,
      host: '127.0.0.1',
      port: 0,
      // Nobody is there: what was kept is served.
      serverUrl: 'http://127.0.0.1:9',
      internalToken: 'a-token-of-at-least-thirty-two-characters',
      defaultEndpoint: 'films',
      logLevel: 'fatal',
    },
    createLog('silent'),
  )
})
after(async () => {
  await gateway.stop()
  rmSync(dataDir, { recursive: true })
})

interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}
async function post(
  path: string,
  body: string | Uint8Array | object,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const sent = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: sent as string,
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? JSON.parse(text) : { text },
  }
}
async function get(path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(gateway.url + path)
  return { status: response.status, body: await response.json() }
}
function records(): AnswerRecord[] {
  const folder = join(dataDir, 'log', gateway.id)
  return readdirSync(folder)
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').slice(1))
    .map((line) => LogRecord.parse(JSON.parse(line)))
    .filter((record) => record.kind === 'answer')
}
function assertNear(got: unknown, wanted: readonly number[] = expected): void {
  assert.ok(Array.isArray(got))
  assert.equal(got.length, wanted.length)
  for (const [row, value] of got.entries())
    assert.ok(Math.abs(value - (wanted[row] ?? 0)) < 1e-5, `row ${row}: ${value}`)
}

const column = (place: number) => rows.map((row) => row[place] ?? null)
const tensor = (name: string, datatype: string, data: unknown[], shape = [data.length, 1]) => ({
  name,
  datatype,
  shape,
  data,
})
const inputs = () => [
  tensor('budget', 'FP64', column(0)),
  tensor('running_time', 'FP64', column(1), [rows.length]),
  tensor('genre', 'BYTES', column(2)),
]

test('V2: one input for each column answers as the scoring protocol does, and leaves the same record', async () => {
  const mlflow = await post('/invocations', {
    dataframe_split: { columns: ['budget', 'running_time', 'genre'], data: rows },
  })
  const { status, body } = await post('/v2/models/films/infer', { id: 'mine', inputs: inputs() })
  assert.equal(status, 200)
  const [output] = body.outputs as { name: string; datatype: string; shape: number[]; data: number[] }[]
  assert.deepEqual([output?.name, output?.datatype, output?.shape], ['predictions', 'FP64', [rows.length]])
  assert.deepEqual(output?.data, mlflow.body.predictions)
  assertNear(output?.data)
  assert.deepEqual([body.model_name, body.model_version, body.id], ['films', '1', 'mine'])
  const [first, second] = records().slice(-2)
  assert.deepEqual(second?.rows, first?.rows)
  assert.deepEqual(second?.predictions, first?.predictions)
})

test('V2: raw tensors both ways, NaN for what is missing', async () => {
  const numbers = (place: number) => {
    const buffer = Buffer.alloc(rows.length * 4)
    for (const [row, value] of column(place).entries())
      buffer.writeFloatLE(value === null ? Number.NaN : Number(value), row * 4)
    return buffer
  }
  const texts = Buffer.concat(
    column(2).flatMap((value) => {
      const text = Buffer.from(String(value ?? ''))
      const length = Buffer.alloc(4)
      length.writeUInt32LE(text.length)
      return [length, text]
    }),
  )
  const raw = [numbers(0), numbers(1), texts]
  const names = ['budget', 'running_time', 'genre']
  const json = Buffer.from(
    JSON.stringify({
      inputs: raw.map((bytes, place) => ({
        name: names[place],
        datatype: place === 2 ? 'BYTES' : 'FP32',
        shape: [rows.length, 1],
        parameters: { binary_data_size: bytes.length },
      })),
      outputs: [{ name: 'predictions', parameters: { binary_data: true } }],
    }),
  )
  const length = { 'inference-header-content-length': String(json.length) }
  const response = await fetch(`${gateway.url}/v2/models/films/versions/1/infer`, {
    method: 'POST',
    headers: length,
    body: Buffer.concat([json, ...raw]),
  })
  assert.equal(response.status, 200)
  const body = Buffer.from(await response.arrayBuffer())
  const end = Number(response.headers.get('inference-header-content-length'))
  const { outputs } = JSON.parse(body.subarray(0, end).toString())
  assert.equal(outputs[0].parameters.binary_data_size, rows.length * 8)
  const values = rows.map((_, row) => body.readDoubleLE(end + row * 8))
  for (const [row, value] of values.entries()) assert.ok(Math.abs(value - (expected[row] ?? 0)) < 1e-3, `row ${row}`)

  const cut = await post('/v2/models/films/infer', Buffer.concat([json, ...raw.slice(0, 2)]), length)
  assert.deepEqual([cut.status, cut.body.error], [400, 'The input "genre" names more binary data than the body has.'])
  const more = await post('/v2/models/films/infer', Buffer.concat([json, ...raw, texts]), length)
  assert.match(String(more.body.error), /more binary data than its inputs name/)
})

test('V2: health, metadata, configuration, statistics and the repository', async () => {
  assert.deepEqual(await get('/v2/health/live'), { status: 200, body: { live: true } })
  assert.deepEqual(await get('/v2/health/ready'), { status: 200, body: { ready: true } })
  const { body } = (await get('/v2/models/films')) as { body: { versions: string[]; inputs: object[] } }
  assert.deepEqual(body.versions, ['1'])
  assert.deepEqual(body.inputs[2], { name: 'genre', datatype: 'BYTES', shape: [-1, 1] })
  assert.equal((await get('/v2/models/films/versions/1/ready')).status, 200)
  const config = (await get('/v2/models/films/config')).body as { input: object[] }
  assert.deepEqual(config.input[0], { name: 'budget', data_type: 'TYPE_FP64', dims: [-1, 1] })
  const stats = (await get('/v2/models/films/stats')).body as {
    model_stats: { inference_stats: { success: { count: number; ns: number } } }[]
  }
  assert.ok((stats.model_stats[0]?.inference_stats.success.count ?? 0) >= 3)
  assert.ok((stats.model_stats[0]?.inference_stats.success.ns ?? 0) > 0)
  const index = await fetch(`${gateway.url}/v2/repository/index`, { method: 'POST' })
  assert.deepEqual(
    ((await index.json()) as { name: string; state: string }[]).map(({ name, state }) => [name, state]),
    [
      ['films', 'READY'],
      ['small', 'READY'],
    ],
  )
  assert.equal((await post('/v2/repository/models/films/load', {})).status, 200)
  assert.equal((await post('/v2/repository/models/none/load', {})).status, 404)
  assert.deepEqual(await get('/v2/models/none'), {
    status: 404,
    body: { error: 'No endpoint of this name is served here.' },
  })
  assert.equal((await get('/v2/models/films/versions/9')).status, 404)
  assert.deepEqual(await get('/v2/nothing'), { status: 404, body: { error: 'No such address in this protocol.' } })
})

const mistakes: [string, unknown, RegExp][] = [
  ['no JSON', '{"secret', /valid JSON/],
  ['a list', [1], /must be a JSON object/],
  ['no inputs', { inputs: [] }, /"inputs" must list/],
  ['an input without a name', { inputs: [{ data: ['secret'] }] }, /Input 0 must be an object with a "name"/],
  ['an unknown datatype', { inputs: [tensor('budget', 'secret', [1])] }, /input "budget" has no datatype/],
  ['a shape of nothing', { inputs: [tensor('budget', 'FP64', [], [0])] }, /input "budget" must have a shape/],
  [
    'too few values',
    { inputs: [tensor('budget', 'FP64', [1], [7, 1])] },
    /input "budget" has 1 values, and by its shape 7/,
  ],
  ['a missing column', { inputs: inputs().slice(1) }, /missing inputs "budget"/],
  [
    'a text for a number',
    { inputs: [tensor('budget', 'BYTES', new Array(rows.length).fill('secret')), ...inputs().slice(1)] },
    /column "budget", row 0/,
  ],
  ['a name twice', { inputs: [...inputs(), ...inputs()] }, /input is named twice/],
  ['an output twice', { inputs: inputs(), outputs: [{ name: 'a' }, { name: 'a' }] }, /output is named twice/],
  [
    'two outputs of a model that has one',
    { inputs: inputs(), outputs: [{ name: 'label' }, { name: 'probabilities' }] },
    /no output "label".* "predictions"/,
  ],
]
test('V2: a mistake is told as the protocol tells it, names the input and repeats no value', async () => {
  for (const [name, sent, message] of mistakes) {
    const body = typeof sent === 'string' ? sent : JSON.stringify(sent)
    const reply = await post('/v2/models/films/infer', body)
    assert.equal(reply.status, 400, `${name}: ${JSON.stringify(reply.body)}`)
    assert.deepEqual(Object.keys(reply.body), ['error'], name)
    assert.match(String(reply.body.error), message, name)
    assert.doesNotMatch(String(reply.body.error), /secret/, name)
  }
})

test('TensorFlow Serving: rows and names, status and metadata, its own errors', async () => {
  const records = rows.map(([budget, running_time, genre]) => ({ budget, running_time, genre }))
  for (const instances of [rows, records]) {
    const { status, body } = await post('/v1/models/films:predict', { signature_name: 'serving_default', instances })
    assert.equal(status, 200)
    assertNear(body.predictions)
  }
  const byName = { budget: column(0), running_time: column(1), genre: column(2) }
  const named = await post('/v1/models/films/versions/1:predict', { inputs: byName })
  assertNear(named.body.outputs)
  const status = (await get('/v1/models/films')).body as { model_version_status: object[] }
  assert.deepEqual(status.model_version_status, [
    { version: '1', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
  ])
  const { body } = (await get('/v1/models/films/metadata')) as {
    body: {
      metadata: { signature_def: { signature_def: { serving_default: { inputs: Record<string, { dtype: string }> } } } }
    }
  }
  assert.equal(body.metadata.signature_def.signature_def.serving_default.inputs.genre?.dtype, 'DT_STRING')
  assert.equal((await get('/v1/models/films/versions/1/metadata')).status, 200)
  for (const path of ['/v1/models/films/versions/9', '/v1/models/films/versions/9/metadata'])
    assert.equal((await get(path)).status, 404, path)
  const wrong = await post('/v1/models/films:predict', { instances: [['secret', 1, 'x']] })
  assert.deepEqual([wrong.status, Object.keys(wrong.body)], [400, ['error']])
  assert.match(String(wrong.body.error), /column "budget", row 0/)
  assert.doesNotMatch(String(wrong.body.error), /secret/)
  assert.equal((await post('/v1/models/none:predict', { instances: rows })).status, 404)
  assert.equal((await post('/v1/models/films:predict', { signature_name: 'other', instances: rows })).status, 400)
})

test('CSV is read as pandas writes it', async () => {
  const line = (row: unknown[]) => row.map((cell) => (cell === null ? '' : `"${String(cell)}"`)).join(',')
  const csv = ['budget,running_time,genre', ...rows.map(line), ''].join('\r\n')
  const plain = await post('/invocations', csv, { 'content-type': 'text/csv' })
  assert.equal(plain.status, 200, JSON.stringify(plain.body))
  assertNear(plain.body.predictions)
  const indexed = ['budget,running_time,genre', ...rows.map((row, place) => `${place},${line(row)}`)].join('\n')
  assertNear((await post('/invocations', indexed, { 'content-type': 'text/csv; charset=utf-8' })).body.predictions)
  for (const [sent, message] of [
    ['', /It is empty/],
    ['budget,genre\n1,"x', /A quote of line 2 does not end/],
    ['budget,genre\n1,"x"y', /line 2 something follows a closing quote/],
    ['budget,genre\n1,x,2,3', /more values than the header/],
    ['budget,genre\nsecret,x', /column "budget" in row 0 is not a number/],
    ['genre\nx', /missing inputs "budget"/],
    [`${','.repeat(100_000)}\n${'1\n'.repeat(5000)}`, /fewer values than the header/],
  ] as const) {
    const { status, body } = await post('/invocations', sent, { 'content-type': 'text/csv' })
    assert.equal(status, 400, sent.slice(0, 80))
    assert.match(String(body.message), message)
    assert.doesNotMatch(String(body.message), /secret/)
  }
})

test('what is no Parquet is refused, and the gateway goes on', async () => {
  for (const sent of [
    Buffer.from('secret'),
    Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(64, 255), Buffer.from('PAR1')]),
  ]) {
    const { status, body } = await post('/invocations', sent, { 'content-type': 'application/vnd.apache.parquet' })
    assert.equal(status, 400, JSON.stringify(body))
    assert.match(String(body.message), /valid Parquet file/)
    assert.doesNotMatch(String(body.message), /secret/)
  }
  assert.equal((await post('/invocations', { instances: rows })).status, 200)
})

test('an endpoint takes as large a body and as many rows as its limits say', async () => {
  const film = [1, 2, 'x']
  assert.equal((await post('/endpoints/small/invocations', { instances: [film, film] })).status, 200)
  const many = await post('/endpoints/small/invocations', { instances: [film, film, film] })
  assert.deepEqual([many.status, /at most 2 rows/.test(String(many.body.message))], [413, true])
  const large = await post('/v2/models/small/infer', { inputs: [tensor('budget', 'FP64', new Array(200).fill(1))] })
  assert.deepEqual([large.status, /300 bytes/.test(String(large.body.error))], [413, true])
})

test('a record has the times of its request and the trace that it belongs to, and what it logs is what was sent', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const sent =
    '{"dataframe_split": {"columns": ["budget", "running_time", "genre"], "data": [[ 20.50, null, "Drama"]]}}'
  const reply = await post('/invocations', sent, { traceparent: `00-${trace}-b7ad6b7169203331-01` })
  assert.equal(reply.status, 200)
  const names = (reply.headers.get('server-timing') ?? '').split(', ').map((each) => each.split(';')[0])
  assert.deepEqual(names, ['parse', 'validate', 'queue', 'infer', 'log'])
  const record = records().find(({ id }) => id === reply.body.prediction_id)
  assert.equal(record?.trace, trace)
  assert.deepEqual(record?.rows, [[20.5, null, 'Drama']])
  assert.deepEqual(record?.predictions, reply.body.predictions)
  assert.ok(record?.timings && record.timings.infer > 0 && record.timings.queue === 0)
  const without = await post('/invocations', sent, { traceparent: '00-0-0-0' })
  assert.equal(records().find(({ id }) => id === without.body.prediction_id)?.trace, undefined)
})
