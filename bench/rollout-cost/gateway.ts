/** A gateway process of its own, told by this benchmark in the server's place which routing is in force. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Confirmation, EndpointSnapshot, Routing } from '@tidemark/contracts'
import { freePort } from '@tidemark/process'
import { endpoint, fixture, snapshot, variant } from '../../apps/gateway/src/fixtures.ts'

const MAIN = fileURLToPath(new URL('../../apps/gateway/src/main.ts', import.meta.url))
const TOKEN = 'a-token-of-at-least-thirty-two-characters'
const POLL_MS = 2_000
const START_MS = 60_000

export interface Mirrors {
  readonly logged: number
  /** Its queue was full: callers go first. */
  readonly shed: number
}

export interface BenchGateway {
  readonly url: string
  readonly pid: number
  /** Resolves when the gateway has confirmed that it serves by this routing. */
  use(routing: Routing): Promise<void>
  /** What its mirror has done so far: predictions of the other version that it logged, and those that it did without. */
  mirrors(): Promise<Mirrors>
  stop(): Promise<void>
}

/** A mirroring rollout of a second version, equal to the first: what its shadow costs, and nothing else, is measured. */
export const SHADOW: Routing = {
  kind: 'shadow',
  rollout: '00000000-0000-7000-8000-000000000001',
  stage: 0,
  candidate: variant('candidate', 'films/2'),
}

/** What a gateway of a benchmark serves. */
export interface Served {
  /** Files of models, by their digest. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly endpoint: (routing: Routing) => EndpointSnapshot
  /** Of the gateway's process, beside those that run its source. */
  readonly nodeFlags: readonly string[]
}

const FIXTURES: Served = {
  files: new Map((['champion', 'candidate'] as const).map((name) => [fixture(name).digest, fixture(name).bytes])),
  endpoint: (routing) => endpoint('films', routing),
  nodeFlags: [],
}

/** Starts a gateway with models in ONNX: those of its tests, unless told. */
export async function startBenchGateway(served: Served = FIXTURES): Promise<BenchGateway> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-bench-gateway-'))
  const files = new Map(
    [...served.files].map(([digest, bytes]) => [`/internal/blobs/${encodeURIComponent(digest)}`, bytes]),
  )
  let version = 1
  let routing: Routing = { kind: 'single' }
  let confirmed = 0
  let failure: string | null = null
  const polling = new Set<ServerResponse>()
  const answer = (response: ServerResponse): void => {
    polling.delete(response)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(snapshot(version, [served.endpoint(routing)])))
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/internal/snapshot') {
      if (Number(url.searchParams.get('after')) !== version) return answer(response)
      polling.add(response)
      setTimeout(() => {
        if (polling.delete(response)) response.writeHead(204).end()
      }, POLL_MS).unref()
      return
    }
    const file = files.get(url.pathname)
    if (file !== undefined) return void response.end(file)
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      if (url.pathname === '/internal/confirmations') {
        const confirmation = JSON.parse(body) as Confirmation
        if (confirmation.failed.length > 0) failure = JSON.stringify(confirmation.failed)
        confirmed = confirmation.version
      }
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = await freePort()
  const flags = ['--disable-warning=ExperimentalWarning', '-C', '@tidemark/source', ...served.nodeFlags]
  const child = spawn(process.execPath, [...flags, MAIN], {
    env: {
      ...process.env,
      TIDEMARK_DATA: dataDir,
      TIDEMARK_GATEWAY_PORT: String(port),
      TIDEMARK_SERVER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      TIDEMARK_INTERNAL_TOKEN: TOKEN,
      TIDEMARK_LOG_LEVEL: 'fatal',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    await ended(child)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    rmSync(dataDir, { recursive: true, force: true })
  }
  const waitFor = async (what: string, ready: () => Promise<boolean>): Promise<void> => {
    const deadline = Date.now() + START_MS
    while (!(await ready())) {
      if (Date.now() > deadline) {
        await stop()
        throw new Error(`The gateway did not ${what} within ${START_MS / 1000} s.`)
      }
      await sleep(50)
    }
  }
  await waitFor('start', async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok === true)
  return {
    url: `${url}/invocations`,
    pid: child.pid ?? 0,
    async use(next) {
      routing = next
      version += 1
      for (const response of [...polling]) answer(response)
      await waitFor('confirm the routing', async () => confirmed === version)
      if (failure !== null) throw new Error(`The gateway could not load a version: ${failure}`)
    },
    async mirrors() {
      const metrics = await (await fetch(`${url}/metrics`)).text()
      const count = (outcome: string): number =>
        Number(
          new RegExp(`^tidemark_gateway_mirrors_total\\{[^}]*outcome="${outcome}"[^}]*\\} (\\d+)`, 'm').exec(
            metrics,
          )?.[1] ?? 0,
        )
      return { logged: count('predicted'), shed: count('dropped') }
    },
    stop,
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exit
  clearTimeout(timer)
}
