import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from '../platform/index.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { forgetDeliveries } from './store.ts'
import { type Received, Receiver } from './testing.ts'

let server: TestServer
let strict: TestServer
let receiver: Receiver
before(async () => {
  server = await startTestServer({ devReset: true, devLoopbackWebhooks: true, logLevel: 'fatal' })
  strict = await startTestServer({ logLevel: 'fatal' })
  receiver = await Receiver.open()
})
after(async () => {
  await receiver.close()
  await server.close()
  await strict.close()
})
beforeEach(async () => {
  await fetch(`${server.url}/__reset`, { method: 'POST' })
  receiver.received.length = 0
  receiver.answer = (response) => response.end('thanks')
})

interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers of another's API, whose shape is what is tested.
  readonly body: any
}

async function call(method: string, path: string, body?: object, url = server.url): Promise<Reply> {
  const answer = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  })
  return { status: answer.status, body: JSON.parse(await answer.text()) }
}

async function done(method: string, path: string, body?: object): Promise<Reply['body']> {
  const { status, body: answer } = await call(method, path, body)
  assert.equal(status, 200, `${path}: ${JSON.stringify(answer)}`)
  return answer
}

const ALL = [
  ...['REGISTERED_MODEL CREATED', 'MODEL_VERSION CREATED', 'MODEL_VERSION_TAG SET', 'MODEL_VERSION_TAG DELETED'],
  ...['MODEL_VERSION_ALIAS CREATED', 'MODEL_VERSION_ALIAS DELETED', 'PROMPT CREATED', 'PROMPT_VERSION CREATED'],
  ...['PROMPT_TAG SET', 'PROMPT_TAG DELETED', 'PROMPT_VERSION_TAG SET', 'PROMPT_VERSION_TAG DELETED'],
  ...['PROMPT_ALIAS CREATED', 'PROMPT_ALIAS DELETED', 'BUDGET_POLICY EXCEEDED'],
].map((pair) => {
  const [entity, action] = pair.split(' ')
  return { entity, action }
})

async function subscribe(events: readonly object[] = ALL, more: object = {}): Promise<string> {
  const { webhook } = await done('POST', 'webhooks', { name: 'hook', url: receiver.url, events, ...more })
  return webhook.webhook_id
}

async function version(name: string, more: object = {}): Promise<void> {
  const { run } = await done('POST', 'runs/create', { experiment_id: '0' })
  const source = `mlflow-artifacts:/0/${run.info.run_id}/artifacts/model`
  await done('POST', 'model-versions/create', { name, source, run_id: run.info.run_id, ...more })
}

function signedBy(secret: string, { headers, body }: Received): boolean {
  const content = `${headers['x-mlflow-delivery-id']}.${headers['x-mlflow-timestamp']}.${body}`
  const expected = `v1,${createHmac('sha256', secret).update(content).digest('base64')}`
  return headers['x-mlflow-signature'] === expected
}

test('every kind of event reaches a listener, with its payload and a valid signature', async () => {
  await subscribe(ALL, { secret: 'hunter2' })
  const tags = [{ key: 'team', value: 'red' }]
  const told: [string, object][] = []
  const expect = async (topic: string, data: object, act: () => Promise<unknown>) => {
    await act()
    told.push([topic, data])
    await receiver.until(told.length)
  }
  await expect('registered_model.created', { name: 'm', tags: { team: 'red' }, description: 'd' }, () =>
    done('POST', 'registered-models/create', { name: 'm', tags, description: 'd' }),
  )
  await expect('model_version.created', { name: 'm', version: '1', tags: { team: 'red' }, description: null }, () =>
    version('m', { tags }),
  )
  const versionTag = { name: 'm', version: '1', key: 'k' }
  await expect('model_version_tag.set', { ...versionTag, value: 'v' }, () =>
    done('POST', 'model-versions/set-tag', { ...versionTag, value: 'v' }),
  )
  await expect('model_version_tag.deleted', versionTag, () => done('DELETE', 'model-versions/delete-tag', versionTag))
  await expect('model_version_alias.created', { name: 'm', alias: 'champion', version: '1' }, () =>
    done('POST', 'registered-models/alias', { name: 'm', alias: 'champion', version: '1' }),
  )
  await expect('model_version_alias.deleted', { name: 'm', alias: 'champion' }, () =>
    done('DELETE', 'registered-models/alias', { name: 'm', alias: 'champion' }),
  )
  const isPrompt = { key: 'mlflow.prompt.is_prompt', value: 'true' }
  const kind = { key: '_mlflow_prompt_type', value: 'text' }
  await expect('prompt.created', { name: 'p', tags: { team: 'red' }, description: '' }, () =>
    done('POST', 'registered-models/create', { name: 'p', tags: [...tags, isPrompt, kind] }),
  )
  const text = { key: 'mlflow.prompt.text', value: 'Hello {{who}}' }
  await expect(
    'prompt_version.created',
    { name: 'p', version: '1', template: 'Hello {{who}}', tags: { team: 'red' }, description: 'first' },
    () =>
      done('POST', 'model-versions/create', {
        ...{ name: 'p', source: 'prompt-template', description: 'first', tags: [...tags, isPrompt, kind, text] },
      }),
  )
  const promptTag = { name: 'p', key: 'k' }
  await expect('prompt_tag.set', { ...promptTag, value: 'v' }, () =>
    done('POST', 'registered-models/set-tag', { ...promptTag, value: 'v' }),
  )
  await expect('prompt_tag.deleted', promptTag, () => done('DELETE', 'registered-models/delete-tag', promptTag))
  const promptVersionTag = { name: 'p', version: '1', key: 'k' }
  await expect('prompt_version_tag.set', { ...promptVersionTag, value: 'v' }, () =>
    done('POST', 'model-versions/set-tag', { ...promptVersionTag, value: 'v' }),
  )
  await expect('prompt_version_tag.deleted', promptVersionTag, () =>
    done('DELETE', 'model-versions/delete-tag', promptVersionTag),
  )
  await expect('prompt_alias.created', { name: 'p', alias: 'live', version: '1' }, () =>
    done('POST', 'registered-models/alias', { name: 'p', alias: 'live', version: '1' }),
  )
  await expect('prompt_alias.deleted', { name: 'p', alias: 'live' }, () =>
    done('DELETE', 'registered-models/alias', { name: 'p', alias: 'live' }),
  )
  // MLflow tells tags of models to nobody.
  await done('POST', 'registered-models/set-tag', { name: 'm', key: 'k', value: 'v' })
  await sleep(100)

  assert.equal(told.length, 14)
  assert.equal(receiver.received.length, told.length)
  const deliveries = new Set<unknown>()
  for (const [index, [topic, data]] of told.entries()) {
    const got = receiver.received[index]
    assert.ok(got)
    const body = JSON.parse(got.body)
    assert.equal(`${body.entity}.${body.action}`, topic)
    for (const [key, value] of Object.entries(data)) assert.deepEqual(body.data[key], value, `${topic} ${key}`)
    assert.equal('workspace' in body, false)
    assert.ok(Math.abs(Date.parse(body.timestamp) - Date.now()) < 60_000)
    assert.ok(Math.abs(Number(got.headers['x-mlflow-timestamp']) * 1000 - Date.now()) < 60_000)
    assert.ok(signedBy('hunter2', got), topic)
    assert.equal(signedBy('hunter3', got), false)
    assert.equal(got.headers['content-type'], 'application/json')
    deliveries.add(got.headers['x-mlflow-delivery-id'])
  }
  assert.equal(deliveries.size, told.length)
  const created = JSON.parse(receiver.received[1]?.body ?? '{}').data
  assert.match(created.source, /^mlflow-artifacts:\/0\//)
  assert.match(created.run_id, /^[0-9a-f]{32}$/)
})

test('only active webhooks are told, only of what they asked for', async () => {
  await subscribe([{ entity: 'MODEL_VERSION', action: 'CREATED' }])
  await subscribe(ALL, { status: 'DISABLED' })
  await done('POST', 'registered-models/create', { name: 'm' })
  await version('m')
  await receiver.until(1)
  await sleep(150)
  assert.deepEqual(
    receiver.received.map(({ body, headers }) => [JSON.parse(body).entity, headers['x-mlflow-signature']]),
    [['model_version', undefined]],
  )
})

test('without a webhook no job is queued', async () => {
  const jobs = async () =>
    (await sql<{ n: number }>`select count(*) as n from graphile_worker._private_jobs`.execute(server.platform.db))
      .rows[0]?.n
  await done('POST', 'registered-models/create', { name: 'quiet' })
  assert.equal(await jobs(), 0)
})

test('a receiver in trouble is tried again, by the same delivery id, and the log tells it', async () => {
  const id = await subscribe([{ entity: 'REGISTERED_MODEL', action: 'CREATED' }], { secret: 's' })
  receiver.answer = (response) => {
    if (receiver.received.length === 1) response.writeHead(503, { 'retry-after': '0' }).end('later')
    else if (receiver.received.length === 2) response.destroy()
    else response.end('thanks')
  }
  await done('POST', 'registered-models/create', { name: 'm' })
  const calls = await receiver.until(3)
  assert.equal(calls.length, 3)
  assert.equal(new Set(calls.map(({ headers }) => headers['x-mlflow-delivery-id'])).size, 1)
  assert.equal(new Set(calls.map(({ body }) => body)).size, 1)
  for (const got of calls) assert.ok(signedBy('s', got))
  const delivery = await settled(id)
  assert.equal(delivery?.id, calls[0]?.headers['x-mlflow-delivery-id'])
  assert.deepEqual(
    [delivery?.state, delivery?.attempts, delivery?.status, delivery?.response],
    ['delivered', 3, 200, 'thanks'],
  )
})

/** The newest delivery, once it is over. */
async function settled(webhook: string) {
  for (let tries = 0; tries < 300; tries += 1) {
    const { deliveries } = await server.client.webhooks.deliveries({ params: { webhook }, query: {} })
    if (deliveries[0] && deliveries[0].state !== 'waiting') return deliveries[0]
    await sleep(20)
  }
  return undefined
}

test('a receiver that asks to be tried at once is, as often as there are tries', async () => {
  receiver.answer = (response) => response.writeHead(503, { 'retry-after': '0' }).end()
  const ids = [await subscribe(), await subscribe(), await subscribe()]
  await done('POST', 'registered-models/create', { name: 'm' })
  for (const id of ids) {
    const delivery = await settled(id)
    assert.deepEqual([delivery?.state, delivery?.attempts, delivery?.status], ['failed', 4, 503])
  }
  assert.equal(receiver.received.length, 12)
})

test('redirects are not followed, and a refusal is final', async () => {
  const inside = await Receiver.open()
  const id = await subscribe([{ entity: 'REGISTERED_MODEL', action: 'CREATED' }])
  receiver.answer = (response) => response.writeHead(307, { location: inside.url }).end()
  await done('POST', 'registered-models/create', { name: 'm' })
  const delivery = await settled(id)
  assert.deepEqual([delivery?.state, delivery?.status, delivery?.attempts], ['failed', 307, 1])
  assert.match(delivery?.problem ?? '', /redirects are not followed/)
  const { result } = await done('POST', `webhooks/${id}/test`, {})
  assert.deepEqual([result.success, result.response_status], [false, 307])
  assert.equal(inside.received.length, 0)
  await inside.close()
})

test('an answer without end is cut', async () => {
  const id = await subscribe()
  receiver.answer = (response) => {
    const pour = () => {
      while (!response.destroyed && response.write('x'.repeat(16_384))) {}
    }
    response.on('drain', pour)
    pour()
  }
  const { result } = await done('POST', `webhooks/${id}/test`, {})
  assert.equal(result.success, true)
  assert.equal(result.response_body.length, 65_536)
})

test('the test call sends an example of each event, signed', async () => {
  const id = await subscribe(ALL, { secret: 'k' })
  for (const event of ALL) {
    const { result } = await done('POST', `webhooks/${id}/test`, { event })
    assert.deepEqual(result, { success: true, response_status: 200, response_body: 'thanks' })
    const got = receiver.received.at(-1)
    assert.ok(got && signedBy('k', got))
    const body = JSON.parse(got.body)
    assert.deepEqual([body.entity, body.action], [event.entity?.toLowerCase(), event.action?.toLowerCase()])
    assert.ok(Object.keys(body.data).length >= 2)
  }
  await done('PATCH', `webhooks/${id}`, { url: 'http://127.0.0.1:9/' })
  const { result } = await done('POST', `webhooks/${id}/test`, {})
  assert.equal(result.success, false)
  assert.match(result.error_message, /^Failed to test webhook: /)
})

test('a webhook is made, listed by pages, changed and deleted as MLflow does it', async () => {
  const first = await subscribe([
    { entity: 'REGISTERED_MODEL', action: 'CREATED' },
    { entity: 'MODEL_VERSION', action: 'CREATED' },
  ])
  const made = (await done('GET', `webhooks/${first}`)).webhook
  assert.deepEqual(Object.keys(made), [
    'webhook_id',
    'name',
    'url',
    'events',
    'status',
    'creation_timestamp',
    'last_updated_timestamp',
  ])
  assert.deepEqual(made.events, [
    { entity: 'MODEL_VERSION', action: 'CREATED' },
    { entity: 'REGISTERED_MODEL', action: 'CREATED' },
  ])
  assert.equal(made.status, 'ACTIVE')
  await sleep(2)
  const second = await subscribe(ALL, { description: 'words', status: 'DISABLED' })
  const page = await done('GET', 'webhooks?max_results=1')
  assert.deepEqual(
    [page.webhooks.length, page.webhooks[0].webhook_id, page.webhooks[0].description],
    [1, second, 'words'],
  )
  const rest = await done('GET', `webhooks?max_results=1&page_token=${page.next_page_token}`)
  assert.deepEqual([rest.webhooks[0].webhook_id, rest.next_page_token], [first, undefined])

  const changed = (
    await done('PATCH', `webhooks/${second}`, { name: 'b', description: '', status: 'ACTIVE', events: [] })
  ).webhook
  assert.deepEqual(
    [changed.name, changed.description, changed.status, changed.events.length],
    ['b', undefined, 'ACTIVE', 15],
  )
  assert.deepEqual(await done('DELETE', `webhooks/${second}`), {})
  assert.equal((await call('GET', `webhooks/${second}`)).status, 404)
  assert.deepEqual((await done('GET', 'webhooks')).webhooks.length, 1)
})

test('what MLflow refuses is refused in its words', async () => {
  const event = [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }]
  const table: [object, RegExp][] = [
    [{ name: '-a', events: event }, /^Webhook name '-a' is invalid\. It must start and end with a letter or digit/],
    [{ name: 'a'.repeat(64), events: event }, /^Webhook name/],
    [{ events: event }, /^Missing value for required parameter 'name'/],
    [{ name: 'a', events: [] }, /^Webhook events must be a non-empty list of WebhookEvent objects: \[\]\.$/],
    [
      { name: 'a', events: 'x' },
      /^Invalid value "x" for parameter 'events' supplied: {2}Hint: Value was of type 'str'/,
    ],
    [
      { name: 'a', events: [{ entity: 'REGISTERED_MODEL', action: 'DELETED' }] },
      /^Invalid action 'deleted' for entity 'registered_model'\. Valid actions are: \['created'\]$/,
    ],
    [
      { name: 'a', events: [{ entity: 'MODEL_VERSION_TAG', action: 'CREATED' }] },
      /Valid actions are: \['deleted', 'set'\]$/,
    ],
    [{ name: 'a', events: [{ entity: 'RUN', action: 'CREATED' }] }, /^Invalid value/],
    [{ name: 'a', url: 'ftp://x/', events: event }, /^Invalid webhook URL scheme: 'ftp'\. Allowed schemes are: /],
    [{ name: 'a', url: ' ', events: event }, /^Webhook URL cannot be empty or just whitespace: ' '$/],
    [{ name: 'a', url: 'http://', events: event }, /^Webhook URL must include a hostname: 'http:\/\/'$/],
  ]
  for (const [body, message] of table) {
    const { status, body: answer } = await call('POST', 'webhooks', { url: receiver.url, ...body })
    assert.equal(status, 400)
    assert.equal(answer.error_code, 'INVALID_PARAMETER_VALUE')
    assert.match(answer.message, message)
  }
  for (const size of [1001, -1]) {
    assert.match(
      (await call('GET', `webhooks?max_results=${size}`)).body.message,
      /^max_results must be between 1 and 1000\.$/,
    )
  }
  for (const [method, path] of [
    ['GET', 'nope'],
    ['DELETE', 'nope'],
    ['PATCH', 'nope'],
    ['POST', 'nope/test'],
  ] as const) {
    const { status, body } = await call(
      method,
      `webhooks/${path}`,
      method === 'GET' || method === 'DELETE' ? undefined : {},
    )
    assert.deepEqual(
      [status, body.error_code, body.message],
      [404, 'RESOURCE_DOES_NOT_EXIST', 'Webhook with ID nope not found.'],
    )
  }
})

const ATTACKS = [
  ...[
    'http://127.0.0.1:1/',
    'https://127.0.0.1/',
    'https://localhost/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
  ],
  ...[
    'https://2130706433/',
    'https://0177.0.0.1/',
    'https://0x7f.1/',
    'https://169.254.169.254/latest/',
    'https://10.0.0.1/',
  ],
  ...[
    'https://192.168.1.1/',
    'https://172.16.0.1/',
    'https://[fd00::1]/',
    'https://[fe80::1]/',
    'https://0.0.0.0/',
    'http://localhost/',
  ],
]

test('no webhook may lead into the network of the server: not when made, changed, tried out or told', async () => {
  const events = [{ entity: 'REGISTERED_MODEL', action: 'CREATED' }]
  const { status, body } = await call(
    'POST',
    'webhooks',
    { name: 'ok', url: 'https://8.8.8.8/hook', events },
    strict.url,
  )
  assert.equal(status, 200)
  const id = body.webhook.webhook_id
  for (const url of ATTACKS) {
    for (const [method, path] of [
      ['POST', 'webhooks'],
      ['PATCH', `webhooks/${id}`],
    ] as const) {
      const answer = await call(method, path, { name: 'x', url, events }, strict.url)
      assert.deepEqual([answer.status, answer.body.error_code], [400, 'INVALID_PARAMETER_VALUE'], `${method} ${url}`)
    }
  }
  assert.equal((await call('GET', 'webhooks', undefined, strict.url)).body.webhooks.length, 1)
  // As if the row came from elsewhere, or the name meant another address by now.
  for (const [index, url] of [...ATTACKS, receiver.url].entries()) {
    await sql`update webhook set url = ${url}`.execute(strict.platform.db)
    const { result } = (await call('POST', `webhooks/${id}/test`, {}, strict.url)).body
    assert.equal(result.success, false, url)
    assert.equal(result.response_status, undefined, url)
    await call('POST', 'registered-models/create', { name: `m${index}` }, strict.url)
  }
  for (let tries = 0; tries < 300; tries += 1) {
    const { deliveries } = await strict.client.webhooks.deliveries({ params: { webhook: id }, query: {} })
    if (deliveries.length === ATTACKS.length + 1 && deliveries.every((delivery) => delivery.state === 'failed')) break
    await sleep(20)
  }
  const { deliveries } = await strict.client.webhooks.deliveries({ params: { webhook: id }, query: {} })
  assert.equal(deliveries.length, ATTACKS.length + 1)
  for (const delivery of deliveries) {
    assert.deepEqual([delivery.state, delivery.attempts, delivery.status], ['failed', 1, null])
  }
  assert.equal(receiver.received.length, 0)
})

test('a secret is encrypted in the database, and no answer or event has it', async () => {
  const id = await subscribe(ALL, { secret: 'correct horse battery' })
  const { rows } = await sql<{ secret: Buffer }>`select secret from webhook`.execute(server.platform.db)
  assert.equal(rows.length, 1)
  assert.equal(rows[0]?.secret.includes('correct horse'), false)
  const answers = [
    await call('GET', `webhooks/${id}`),
    await call('GET', 'webhooks'),
    await call('PATCH', `webhooks/${id}`, { secret: 'correct horse battery' }),
    await server.client.platform.listEvents({ query: { type: 'webhooks.' } }),
    await server.client.webhooks.list({}),
  ]
  assert.doesNotMatch(JSON.stringify(answers), /correct horse/)
  assert.equal((answers[3] as { events: unknown[] }).events.length, 2)

  await done('PATCH', `webhooks/${id}`, { secret: '' })
  await done('POST', `webhooks/${id}/test`, {})
  assert.equal(receiver.received.at(-1)?.headers['x-mlflow-signature'], undefined)
})

test('a webhook whose secret cannot be read sends nothing rather than unsigned', async () => {
  const id = await subscribe(ALL, { secret: 's' })
  await sql`update webhook set secret = ${Buffer.alloc(40)}`.execute(server.platform.db)
  await done('POST', 'registered-models/create', { name: 'm' })
  const delivery = await settled(id)
  assert.equal(delivery?.state, 'failed')
  assert.match(delivery?.problem ?? '', /secret cannot be read/)
  assert.equal(receiver.received.length, 0)
})

test('a server that stops does not wait for slow receivers, and loses no delivery', async () => {
  const other = await startTestServer({ devLoopbackWebhooks: true, logLevel: 'fatal' })
  const made = { name: 'hook', url: receiver.url, events: ALL }
  await call('POST', 'webhooks', made, other.url)
  receiver.answer = () => {}
  await call('POST', 'registered-models/create', { name: 'm' }, other.url)
  await receiver.until(1)
  const rows = async () =>
    (
      await sql<{ state: string; jobs: number }>`
        select state, (select count(*) from graphile_worker._private_jobs where key like 'webhook:%') as jobs from webhook_delivery`.execute(
        other.platform.db,
      )
    ).rows
  assert.deepEqual(await rows(), [{ state: 'waiting', jobs: 1 }])
  const begun = Date.now()
  await other.close()
  assert.ok(Date.now() - begun < 20_000)
})

test('while a delivery is under way a job waits that makes it again, should the server be killed', async () => {
  const id = await subscribe([{ entity: 'REGISTERED_MODEL', action: 'CREATED' }])
  let release = () => {}
  receiver.answer = (response) => {
    if (receiver.received.length === 1) release = () => response.end()
    else response.end('thanks')
  }
  await done('POST', 'registered-models/create', { name: 'm' })
  await receiver.until(1)
  const waiting = await sql<{ seconds: number }>`
    select extract(epoch from run_at - now())::int as seconds from graphile_worker._private_jobs where key like 'webhook:%'`.execute(
    server.platform.db,
  )
  assert.equal(waiting.rows.length, 1)
  assert.ok((waiting.rows[0]?.seconds ?? 0) > 30)
  release()
  assert.equal((await settled(id))?.state, 'delivered')
})

test('the log of deliveries is kept for a while, and never without bound', async () => {
  const id = await subscribe()
  await sql`
    insert into webhook_delivery (id, webhook, cause, event, body, state, created_at)
    select gen_random_uuid(), ${id}, gen_random_uuid(), 'prompt.created', '{}', case when n = 50 then 'waiting' else 'delivered' end,
      now() - n * interval '1 day' from generate_series(1, 50) n`.execute(server.platform.db)
  const before = new Date(Date.now() - 30.5 * 86_400_000)
  await server.platform.db.transaction().execute((tx) => forgetDeliveries(tx, id, before, 1000))
  const count = async () =>
    (await server.client.webhooks.deliveries({ params: { webhook: id }, query: {} })).deliveries.length
  assert.equal(await count(), 31)
  await server.platform.db.transaction().execute((tx) => forgetDeliveries(tx, id, before, 10))
  assert.equal(await count(), 11)
})
