import { createServer } from 'node:net'
import type { InputColumn, Runtime } from '@tidemark/contracts'
import { type Platform, sql } from '../platform/index.ts'
import { createPlatform } from '../platform/platform.ts'
import { startTestServer, type TestServer } from '../platform/testing.ts'
import { Gateways } from './gateways/index.ts'
import { fixtureModel, startTestGateway, storeVariant, type TestGateway, until } from './gateways/testing.ts'
import { Deployments } from './index.ts'
import { openEndpoint, type TestRollouts } from './testing.ts'

const COLUMNS: readonly InputColumn[] = [
  { name: 'budget', type: 'double', required: true },
  { name: 'running_time', type: 'double', required: false },
  { name: 'genre', type: 'string', required: true },
]

/** A server and a gateway process of its own, with an endpoint `films` whose small ONNX model answers. */
export interface TestServing {
  readonly server: TestServer
  readonly gateway: TestGateway
  /** As of another server over the same database, which takes versions without an evaluation. */
  readonly rollouts: TestRollouts
  close(): Promise<void>
}

export async function startTestServing(): Promise<TestServing> {
  const port = await freePort()
  const server = await startTestServer({ logLevel: 'fatal', gatewayUrl: `http://127.0.0.1:${port}` })
  const platform = createPlatform(server.platform.config)
  const variants = {
    1: await storeVariant(server.platform, 'champion', 'films/1'),
    2: await storeVariant(server.platform, 'candidate', 'films/2'),
  }
  for (const version of [1, 2, 3, 4]) await decideRuntime(platform, version, variants[version === 1 ? 1 : 2].runtime)
  const gateways = new Gateways(platform)
  const deployments = new Deployments(platform, gateways, {
    registry: { inputOf: async () => ({ kind: 'model', columns: COLUMNS, input: { kind: 'columns' } }) },
    evaluation: {
      runtime: async (_db, _workspace, _model, version) => variants[version === 1 ? 1 : 2].runtime,
      comparison: async () => ({ meanPredictionGap: 0.2, labelRange: { low: 1, high: 10 } }),
    },
  })
  const rollouts: TestRollouts = {
    platform,
    gateways,
    deployments,
    restarted: () => deployments,
    close: () => platform.database.close(),
  }
  await openEndpoint(rollouts)
  const gateway = await startTestGateway({
    dataDir: server.dataDir,
    serverUrl: server.url,
    token: server.internalToken,
    environment: { TIDEMARK_GATEWAY_PORT: String(port) },
  })
  const row = fixtureModel('champion').rows[0]
  await until(async () => (await gateway.ask('/endpoints/films/invocations', { inputs: [row] })).status === 200)
  return {
    server,
    gateway,
    rollouts,
    close: async () => {
      await gateway.end()
      await rollouts.close()
      await server.close()
    },
  }
}

/** What an evaluation of the version would have left: it runs as ONNX. */
async function decideRuntime(platform: Platform, version: number, runtime: Runtime): Promise<void> {
  const verdict = {
    kind: 'onnx',
    sentence: 'as ONNX it answers as Python does on 4 rows',
    maxAbsoluteDifference: 0,
    tolerance: 0.0001,
    parityRows: 4,
  }
  await sql`insert into version_runtime (workspace, model, version, runtime, verdict)
    values ('default', 'films', ${version}, ${JSON.stringify(runtime)}::jsonb, ${JSON.stringify(verdict)}::jsonb)`.execute(
    platform.db,
  )
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
