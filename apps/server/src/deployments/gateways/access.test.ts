import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestServer, type TestServer } from '../../platform/testing.ts'
import { Gateways } from './index.ts'
import {
  endpointOf,
  fixtureModel,
  publishAndWait,
  startTestGateway,
  storeVariant,
  type TestGateway,
  until,
} from './testing.ts'

const { columns, rows } = fixtureModel('champion')
const body = { dataframe_split: { columns, data: rows } }
let server: TestServer
let gateway: TestGateway

before(async () => {
  server = await startTestServer({ logLevel: 'fatal', login: true })
  gateway = await startTestGateway({ dataDir: server.dataDir, serverUrl: server.url, token: server.internalToken })
  const champion = await storeVariant(server.platform, 'champion', 'films/1')
  const gateways = new Gateways(server.platform)
  for (const name of ['films', 'ratings']) await publishAndWait(server.platform, gateways, endpointOf(name, champion))
})
after(async () => {
  await gateway.end()
  await server.close()
})

const ask = async (name: string, token?: string) =>
  (await gateway.ask(`/endpoints/${name}/invocations`, body, token ? { authorization: `Bearer ${token}` } : {})).status
const make = (more: { endpoints?: string[]; permissions?: ['data.read'] }) =>
  server.client.identity.createToken({ body: { name: 'shop', role: 'viewer', ...more } })

test('with login a gateway answers tokens that may ask, for their endpoints alone, soon after they are made', async () => {
  assert.equal(await ask('films'), 401)
  assert.equal(await ask('films', 'tdm_made-up'), 401)
  const { token, description } = await make({ endpoints: ['films'] })
  assert.deepEqual([description.endpoints, description.permissions], [['films'], ['deployments.read']])
  await until(async () => (await ask('films', token)) === 200)
  assert.equal(await ask('ratings', token), 403)
  const wide = await make({})
  await until(async () => (await ask('ratings', wide.token)) === 200)
  const other = await make({ permissions: ['data.read'] })
  assert.equal(await ask('films', other.token), 401, 'a token that may not see endpoints')
  const index = await fetch(`${gateway.url}/v2/repository/index`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  assert.deepEqual(
    ((await index.json()) as { name: string }[]).map(({ name }) => name),
    ['films'],
  )
  assert.equal((await fetch(`${gateway.url}/v2/models/films`)).status, 401)
})

test('a revoked token is refused with the next snapshot, and without the server who could ask still can', async () => {
  const { token, description } = await make({ endpoints: ['films'] })
  const kept = await make({ endpoints: ['films'] })
  await until(async () => (await ask('films', token)) === 200 && (await ask('films', kept.token)) === 200)
  await server.client.identity.revokeToken({ params: { token: description.id } })
  await until(async () => (await ask('films', token)) === 401)
  await server.server.app.close()
  assert.equal(await ask('films', kept.token), 200)
  await gateway.end('SIGKILL')
  gateway = await startTestGateway({ dataDir: server.dataDir, serverUrl: server.url, token: server.internalToken })
  assert.equal(await ask('films', kept.token), 200, 'the kept snapshot knows it too')
  assert.equal(await ask('films', token), 401)
  assert.equal(await ask('films'), 401)
})
