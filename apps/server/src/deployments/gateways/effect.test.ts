import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { HEADERS, type Routing, type Variant } from '@tidemark/contracts'
import { type Cable, layCable } from '@tidemark/process'
import { inTransaction } from '../../platform/index.ts'
import { startTestServer, type TestServer } from '../../platform/testing.ts'
import { Gateways } from './index.ts'
import {
  endpointOf,
  publishAndWait,
  readLog,
  startTestGateway,
  storeVariant,
  type TestGateway,
  until,
} from './testing.ts'
import { LEASE_SECONDS } from './types.ts'

const ROLLOUT = '00000000-0000-7000-8000-000000000002'
const film = { dataframe_split: { columns: ['budget', 'running_time', 'genre'], data: [[20.5, 110, 'Drama']] } }

let server: TestServer
let gateways: Gateways
let gateway: TestGateway
/** The line between the gateway and its server. */
let cable: Cable
let champion: Variant
let candidate: Variant

const canary = (weightPercent: number, stage: number): Routing => ({
  kind: 'canary',
  rollout: ROLLOUT,
  stage,
  candidate,
  weightPercent,
  salt: 'salt',
})
const publish = (name: string, routing: Routing = { kind: 'single' }) =>
  publishAndWait(server.platform, gateways, endpointOf(name, champion, routing))
const ask = (name: string, caller: string) =>
  gateway.ask(`/endpoints/${name}/invocations`, film, { [HEADERS.caller]: caller })

before(async () => {
  cable = await layCable()
  // The relay passes the gateway's Host header on, which names the relay.
  server = await startTestServer({ logLevel: 'fatal', allowedHosts: [new URL(cable.url).host] })
  cable.lead(server.url)
  gateways = new Gateways(server.platform)
  champion = await storeVariant(server.platform, 'champion', 'films/1')
  candidate = await storeVariant(server.platform, 'candidate', 'films/2')
  gateway = await startTestGateway({ dataDir: server.dataDir, serverUrl: cable.url, token: server.internalToken })
})
after(async () => {
  await gateway.end()
  cable.close()
  await server.close()
})

test('while weights change under load no request is dropped, answered twice, or given to both arms; a rollback is in force within a second', async (t) => {
  await publish('shop', canary(10, 1))
  const seen: { caller: string; version: string; id: string; at: number }[] = []
  let going = true
  const callers = Array.from({ length: 12 }, async (_, n) => {
    for (let turn = 0; going; turn += 1) {
      const caller = `caller-${n}-${turn % 40}`
      const at = performance.now()
      const { status, body } = await ask('shop', caller)
      assert.equal(status, 200)
      seen.push({ caller, version: body.model_version ?? '', id: body.prediction_id ?? '', at })
    }
  })
  for (const [stage, weight] of [
    [2, 40],
    [3, 90],
  ] as const) {
    const count = seen.length
    await until(() => seen.length > count + 150)
    await publish('shop', canary(weight, stage))
  }
  const count = seen.length
  await until(() => seen.length > count + 150)
  const begun = performance.now()
  await publish('shop')
  const confirmed = performance.now()
  await until(() => seen.some(({ at }) => at > confirmed + 100))
  going = false
  await Promise.all(callers)
  t.diagnostic(`rolled back and confirmed in ${Math.round(confirmed - begun)} ms, over ${seen.length} requests`)
  assert.ok(confirmed - begun < 1000, `${confirmed - begun} ms`)
  const late = seen.filter(({ at, version }) => at > confirmed && version !== 'films/1')
  assert.deepEqual(late, [])

  const answers = readLog(server.dataDir).answers.filter(({ endpoint }) => endpoint === 'shop')
  assert.equal(new Set(answers.map(({ id }) => id)).size, answers.length)
  assert.deepEqual(new Set(answers.map(({ id }) => id)), new Set(seen.map(({ id }) => id)))
  const versionOf = new Map(answers.map(({ id, version }) => [id, version]))
  for (const { id, version } of seen) assert.equal(versionOf.get(id), version)
  // Within a stage a caller has one arm; over rising stages it moves to the candidate at most once.
  const arms = new Map<string, Set<string>>()
  for (const { caller, rollout } of answers) {
    if (!rollout) continue
    const key = `${caller} ${rollout.stage}`
    arms.set(key, (arms.get(key) ?? new Set()).add(rollout.arm))
  }
  for (const [key, own] of arms) assert.equal(own.size, 1, key)
})

test('a gateway that is cut off from its server gives callers back to the champion within its lease, and goes on when the line is mended', async (t) => {
  await publish('cut', canary(100, 1))
  assert.equal((await ask('cut', 'a')).body.model_version, 'films/2')
  cable.cut()
  const cutAt = performance.now()
  assert.equal((await ask('cut', 'a')).body.model_version, 'films/2')
  // Decided while it is cut off: it can be called done only once the lease has run out.
  const version = await inTransaction(server.platform.db, (tx) => gateways.publish(tx, endpointOf('cut', champion)))
  assert.equal(await gateways.confirmed(version), false)
  let answered = 0
  await until(
    async () => {
      const { status, body } = await ask('cut', 'a')
      assert.equal(status, 200)
      answered += 1
      return body.model_version === 'films/1'
    },
    (LEASE_SECONDS + 5) * 1000,
  )
  const seconds = (performance.now() - cutAt) / 1000
  t.diagnostic(
    `the champion answers again ${seconds.toFixed(1)} s after the cut; ${answered} requests meanwhile, none failed`,
  )
  assert.ok(seconds <= LEASE_SECONDS + 5)
  assert.equal(readLog(server.dataDir).answers.at(-1)?.rollout, null)
  cable.mend()
  await until(() => gateways.confirmed(version))
})
