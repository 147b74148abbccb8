import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { HEADERS, type Routing, type Variant } from '@tidemark/contracts'
import { startTestServer, type TestServer } from '../../platform/testing.ts'
import { Gateways } from './index.ts'
import {
  endpointOf,
  fixtureModel,
  publishAndWait,
  readLog,
  startTestGateway,
  storePythonVariant,
  storeVariant,
  type TestGateway,
  until,
} from './testing.ts'

const ROLLOUT = '00000000-0000-7000-8000-000000000001'
const { columns, rows, expected } = fixtureModel('champion')
const body = (...data: unknown[][]) => ({ dataframe_split: { columns, data } })
const film = [20.5, 110, 'Drama']

let server: TestServer
let gateways: Gateways
let gateway: TestGateway
let champion: Variant
let candidate: Variant

const start = () => startTestGateway({ dataDir: server.dataDir, serverUrl: server.url, token: server.internalToken })
const publish = (name: string, routing: Routing = { kind: 'single' }) =>
  publishAndWait(server.platform, gateways, endpointOf(name, champion, routing))
const canary = (weightPercent: number, of = candidate, salt = 'salt'): Routing => ({
  kind: 'canary',
  rollout: ROLLOUT,
  stage: 2,
  candidate: of,
  weightPercent,
  salt,
})

before(async () => {
  server = await startTestServer({ logLevel: 'fatal' })
  // The server has its own: all of them speak through the database.
  gateways = new Gateways(server.platform)
  champion = await storeVariant(server.platform, 'champion', 'films/1')
  candidate = await storeVariant(server.platform, 'candidate', 'films/2')
  gateway = await start()
})
after(async () => {
  await gateway.end()
  await server.close()
})

test('a published endpoint answers as Python does, in MLflow’s protocol, with its record in the log', async () => {
  await publish('films')
  const reply = await gateway.ask('/endpoints/films/invocations', body(...rows), {
    [HEADERS.caller]: 'visitor-1',
    [HEADERS.entity]: rows.map((_, row) => `film%20${row}`).join(','),
    [HEADERS.eventTime]: '2001-05-25T00:00:00Z',
    'x-request-id': 'request-1',
  })
  assert.equal(reply.status, 200)
  assert.equal(reply.body.model_version, 'films/1')
  reply.body.predictions?.forEach((value, row) => {
    assert.ok(Math.abs(value - (expected[row] ?? Number.NaN)) < 1e-5, `row ${row}`)
  })
  assert.equal(reply.body.predictions?.length, rows.length)
  assert.equal(reply.headers.get(HEADERS.predictionId), reply.body.prediction_id)
  assert.match(
    reply.headers.get('server-timing') ?? '',
    /^parse;dur=[\d.]+, validate;dur=[\d.]+, queue;dur=[\d.]+, infer;dur=[\d.]+, log;dur=[\d.]+$/,
  )

  const record = readLog(server.dataDir).answers.find(({ id }) => id === reply.body.prediction_id)
  assert.ok(record)
  assert.deepEqual(record.rows, rows)
  assert.deepEqual(record.predictions, reply.body.predictions)
  assert.equal(record.entities[3], 'film 3')
  assert.equal(record.eventTime, Date.parse('2001-05-25T00:00:00Z'))
  assert.equal(record.caller, 'visitor-1')
  assert.equal(record.requestId, 'request-1')
  assert.equal(record.rollout, null)
})

test('in shadow the champion answers and the candidate is asked the same, unseen', async () => {
  await publish('shadowed', { kind: 'shadow', rollout: ROLLOUT, stage: 1, candidate })
  const reply = await gateway.ask('/endpoints/shadowed/invocations', body(film), { [HEADERS.entity]: 'film' })
  assert.equal(reply.body.model_version, 'films/1')
  const mirrors = () => readLog(server.dataDir).mirrors.filter(({ id }) => id === reply.body.prediction_id)
  await until(() => mirrors().length > 0)
  const [mirror] = mirrors()
  assert.equal(mirror?.version, 'films/2')
  assert.deepEqual(mirror?.rollout, { id: ROLLOUT, stage: 1, arm: 'candidate' })
  assert.deepEqual(mirror?.entities, ['film'])
  assert.notDeepEqual(mirror?.predictions, reply.body.predictions)
})

test('in a canary a caller keeps its version, a higher weight moves nobody back, and the other version is mirrored', async () => {
  const callers = Array.from({ length: 40 }, (_, n) => `caller-${n}`)
  const versions = async () =>
    Promise.all(
      callers.map(async (caller) => {
        const { body: answer } = await gateway.ask('/endpoints/canary/invocations', body(film), {
          [HEADERS.caller]: caller,
        })
        return answer.model_version
      }),
    )
  await publish('canary', canary(30))
  const first = await versions()
  assert.deepEqual(await versions(), first)
  assert.deepEqual(new Set(first), new Set(['films/1', 'films/2']))
  await publish('canary', canary(70))
  const later = await versions()
  first.forEach((version, n) => {
    if (version === 'films/2') assert.equal(later[n], 'films/2')
  })
  assert.ok(later.filter((version) => version === 'films/2').length > first.filter((v) => v === 'films/2').length)

  const answers = () => readLog(server.dataDir).answers.filter(({ endpoint }) => endpoint === 'canary')
  const mirrors = () => readLog(server.dataDir).mirrors.filter(({ endpoint }) => endpoint === 'canary')
  await until(() => mirrors().length === 120)
  for (const answer of answers()) {
    const mirror = mirrors().find(({ id }) => id === answer.id)
    assert.ok(mirror && mirror.version !== answer.version)
    assert.equal(mirror.rollout.arm, answer.rollout?.arm === 'candidate' ? 'champion' : 'candidate')
    assert.equal(answer.rollout?.arm, answer.version === 'films/2' ? 'candidate' : 'champion')
  }
  assert.deepEqual(new Set(answers().map(({ rollout }) => rollout?.weightPercent)), new Set([30, 70]))
})

test('a version that fails answers 500 with its prediction id and no reason, and the log has the reason', async () => {
  const failing = await storeVariant(server.platform, 'failing', 'films/3')
  await publish('fails', canary(100, failing))
  const reply = await gateway.ask('/endpoints/fails/invocations', body(film), { [HEADERS.caller]: 'a' })
  assert.equal(reply.status, 500)
  assert.equal(reply.body.error_code, 'VERSION_FAILED')
  assert.match(reply.body.message ?? '', /^version failed: films\/3/)
  const record = readLog(server.dataDir).answers.find(({ id }) => id === reply.body.prediction_id)
  assert.equal(record?.predictions, null)
  assert.match(record?.error ?? '', /feature/)
  assert.equal(record?.rollout?.arm, 'candidate')

  await publish('fails')
  const after = await gateway.ask('/endpoints/fails/invocations', body(film), { [HEADERS.caller]: 'a' })
  assert.equal(after.body.model_version, 'films/1')
})

test('a candidate that cannot be loaded is named to the server, and the champion answers alone', async () => {
  const runtime = candidate.runtime
  assert.equal(runtime.kind, 'onnx')
  const absent: Variant = { version: 'films/4', runtime: { ...runtime, model: `sha256:${'0'.repeat(64)}` } }
  const version = await publish('absent', canary(100, absent))
  const failures = await gateways.failures(version)
  assert.deepEqual(
    failures.map(({ workspace, endpoint, version }) => ({ workspace, endpoint, version })),
    [{ workspace: 'default', endpoint: 'absent', version: 'films/4' }],
  )
  const reply = await gateway.ask('/endpoints/absent/invocations', body(film))
  assert.equal(reply.body.model_version, 'films/1')
  await publish('absent')
  assert.deepEqual(await gateways.failures(version), [])
})

const mistakes: [string, unknown, Record<string, string>, number, RegExp][] = [
  ['another content type', 'a,b', { 'content-type': 'text/plain' }, 415, /following content types/],
  ['no JSON', '{"secret"', {}, 400, /valid JSON/],
  ['no known key', { secret: 1 }, {}, 400, /exactly one/],
  ['a missing column', { inputs: { genre: ['secret'] } }, {}, 400, /"budget"/],
  ['a wrong type', body(['secret', 1, 'x']), {}, 400, /column "budget", row 0/],
  ['an entity too many', body(film, film), { [HEADERS.entity]: 'a,b,secret' }, 400, /tidemark-entity/],
  ['an event time that is none', body(film), { [HEADERS.eventTime]: 'secret' }, 400, /tidemark-event-time/],
]
test('a mistake of the caller names what is wrong, repeats nothing, and is no answer of the version', async () => {
  const before = readLog(server.dataDir).answers.length
  for (const [name, sent, headers, status, message] of mistakes) {
    const reply = await gateway.ask('/endpoints/films/invocations', sent, headers)
    assert.equal(reply.status, status, name)
    assert.match(reply.body.message ?? '', message, name)
    assert.doesNotMatch(JSON.stringify(reply.body), /secret/, name)
  }
  assert.equal((await gateway.ask('/endpoints/nothing/invocations', body(film))).status, 404)
  assert.equal(readLog(server.dataDir).answers.length, before)
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text()
  assert.match(metrics, /tidemark_gateway_caller_mistakes_total\{endpoint="films",code="INVALID_PARAMETER_VALUE"\} 3/)
})

test('the root serves the only endpoint; with several it lists them', async () => {
  const several = await gateway.ask('/invocations', body(film))
  assert.equal(several.status, 400)
  assert.match(several.body.message ?? '', /absent, canary, fails, films, shadowed/)
  assert.equal((await fetch(`${gateway.url}/ping`)).status, 400)
  assert.equal(await (await fetch(`${gateway.url}/version`)).text(), '3.17.2')
  assert.equal(await (await fetch(`${gateway.url}/health`)).text(), '\n')
  assert.equal((await fetch(`${gateway.url}/endpoints/films/ping`)).status, 200)

  for (const name of ['absent', 'canary', 'fails', 'shadowed']) {
    const version = await server.platform.db.transaction().execute((tx) => gateways.remove(tx, 'default', name))
    await until(() => gateways.confirmed(version))
  }
  const only = await gateway.ask('/invocations', body(film))
  assert.equal(only.body.model_version, 'films/1')
  const ping = await fetch(`${gateway.url}/ping`)
  assert.equal(`${ping.status} ${await ping.text()}`, '200 \n')
})

test('another host and pages of other sites are refused', async () => {
  const { request } = await import('node:http')
  const status = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve) => {
      request(`${gateway.url}/ping`, { headers }, (response) => resolve(response.resume().statusCode)).end()
    })
  assert.equal(await status({}), 200)
  assert.equal(await status({ host: 'evil.example' }), 403)
  assert.equal(await status({ host: new URL(gateway.url).host.replace('127.0.0.1', '127.0.0.1.evil.example') }), 403)
  assert.equal(await status({ origin: 'http://evil.example' }), 403)
})

test('what is internal needs the token', async () => {
  const { internalToken: token, url } = server
  const digest = champion.runtime.kind === 'onnx' ? champion.runtime.model : ''
  const status = async (path: string, authorization?: string, method = 'GET') =>
    (await fetch(url + path, { method, headers: authorization === undefined ? {} : { authorization } })).status
  for (const wrong of [undefined, '', token, `Bearer ${token}x`, `Bearer ${token.slice(1)}`]) {
    assert.equal(await status('/internal/snapshot?gateway=x', wrong), 401)
    assert.equal(await status(`/internal/blobs/${digest}`, wrong), 401)
    assert.equal(await status('/internal/confirmations', wrong, 'POST'), 401)
    assert.equal(await status('/internal/gateways/x', wrong, 'DELETE'), 401)
  }
  assert.equal(await status(`/internal/blobs/${digest}`, `Bearer ${token}`), 200)
  assert.equal(await status(`/internal/blobs/sha256:${'1'.repeat(64)}`, `Bearer ${token}`), 404)
  assert.equal(await status('/internal/blobs/..%2f..%2fetc%2fpasswd', `Bearer ${token}`), 400)
})

test('a Python model is served from the blob store; when it ends its process the answer names the version', async () => {
  const python = await storePythonVariant(server.platform, 'films/6')
  await publish('python', canary(100, python))
  const ask = (genre: string) =>
    gateway.ask('/endpoints/python/invocations', body([2, null, genre]), { [HEADERS.caller]: 'a' })
  assert.deepEqual((await ask('Drama')).body.predictions, [4])
  const raised = await ask('raise')
  assert.deepEqual([raised.status, raised.body.error_code], [500, 'VERSION_FAILED'])
  const wrong = { ...body([2, null, 'Drama']), params: { factor: 'secret' } }
  const refused = await gateway.ask('/endpoints/python/invocations', wrong, { [HEADERS.caller]: 'a' })
  assert.deepEqual([refused.status, refused.body.error_code], [400, 'INVALID_PARAMETER_VALUE'])
  assert.match(refused.body.message ?? '', /The parameter "factor" must be of type double\.$/)
  assert.ok(!readLog(server.dataDir).answers.some(({ params }) => params), 'a caller’s mistake is no prediction')
  const crashed = await ask('crash')
  assert.deepEqual([crashed.status, crashed.body.error_code], [502, 'VERSION_CRASHED'])
  assert.match(crashed.body.message ?? '', /films\/6/)
  assert.deepEqual((await ask('Drama')).body.predictions, [4])
  const record = readLog(server.dataDir).answers.find(({ id }) => id === crashed.body.prediction_id)
  assert.equal(record?.runtime, 'python')
  assert.match(record?.error ?? '', /process ended/)
})

test('SIGTERM answers what is in flight, logs it, and says goodbye', async () => {
  const callers = Array.from({ length: 20 }, (_, n) =>
    gateway.ask('/endpoints/films/invocations', body(...rows), { [HEADERS.caller]: `${n}` }).catch(() => null),
  )
  const first = await Promise.race(callers)
  await gateway.end('SIGTERM')
  const replies = (await Promise.all(callers)).filter((reply) => reply !== null)
  assert.equal(first?.status, 200)
  const logged = new Set(readLog(server.dataDir).answers.map(({ id }) => id))
  for (const reply of replies) {
    assert.ok(reply.status === 200 || reply.status === 503, `${reply.status}`)
    if (reply.status === 200) assert.ok(logged.has(reply.body.prediction_id ?? ''))
  }
  assert.equal(gateway.process.exitCode, 0)
  assert.deepEqual(await gateways.states(), [])
  gateway = await start()
})

test('kill -9 under load loses no answer that a caller received', async () => {
  const received: string[] = []
  for (let round = 0; round < 3; round++) {
    let killed = false
    const callers = Array.from({ length: 16 }, async (_, caller) => {
      while (!killed) {
        const reply = await gateway
          .ask('/endpoints/films/invocations', body(film), { [HEADERS.caller]: `${caller}` })
          .catch(() => null)
        if (!reply) return
        if (reply.status === 200 && reply.body.prediction_id) received.push(reply.body.prediction_id)
      }
    })
    const count = received.length
    await until(() => received.length >= count + 300)
    await gateway.end('SIGKILL')
    killed = true
    await Promise.all(callers)
    gateway = await start()
  }
  const logged = new Set(readLog(server.dataDir).answers.map(({ id }) => id))
  assert.ok(received.length >= 900)
  assert.deepEqual(
    received.filter((id) => !logged.has(id)),
    [],
  )
})

test('without its server a gateway goes on, gives canary traffic back when the lease ends, and starts again from its disk', async () => {
  await publish('films', canary(100))
  const version = async () =>
    (await gateway.ask('/endpoints/films/invocations', body(film), { [HEADERS.caller]: 'a' })).body.model_version
  assert.equal(await version(), 'films/2')
  await server.server.app.close()
  assert.equal(await version(), 'films/2')
  await until(async () => (await version()) === 'films/1', 30_000)
  const { answers } = readLog(server.dataDir)
  assert.equal(answers.at(-1)?.rollout, null)

  await gateway.end('SIGKILL')
  gateway = await start()
  assert.equal(await version(), 'films/1')
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200)
})
