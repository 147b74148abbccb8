import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { api, createClient } from '@tidemark/contracts'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { processTree, pssMegabytes } from '../processes.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const START_MS = 240_000
const RECHECK_MS = 120_000

/** A server that answers the scoring protocol at `url`. */
export interface Contestant {
  readonly url: string
  /** Processes whose trees are all that answers. */
  readonly roots: () => number[]
  readonly secondsToFirstAnswer: number
  readonly megabytes: () => number
  /** Resolves when it does nothing any more that belongs to its start. */
  readonly settled?: () => Promise<void>
  stop(): Promise<void>
}

/** The interpreter of a lock of this repository, its environment built when it is not there. */
export async function pythonOf(lock: string): Promise<string> {
  return (await ensureEnvironment(join(root, 'python/locks', lock))).python
}

/** `mlflow models serve` of a model's folder with its defaults, in the environment that this process runs Python in. */
export async function startStock(python: string, modelFolder: string): Promise<Contestant> {
  const port = String(await freePort())
  const args = [
    '-m',
    'mlflow',
    'models',
    'serve',
    '-m',
    modelFolder,
    '-p',
    port,
    '-h',
    '127.0.0.1',
    '--env-manager',
    'local',
  ]
  const path = `${python.slice(0, python.lastIndexOf('/'))}:${process.env.PATH}`
  const environment = { ...process.env, PATH: path, MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true' }
  return started(python, args, `http://127.0.0.1:${port}`, environment)
}

/** Fastify and onnxruntime-node and nothing else, on a file that was converted by hand. */
export async function startBare(onnx: string): Promise<Contestant> {
  const port = String(await freePort())
  return started(
    process.execPath,
    [join(root, 'bench/serving/bare.ts'), onnx, port],
    `http://127.0.0.1:${port}`,
    process.env,
  )
}

async function started(
  command: string,
  args: readonly string[],
  url: string,
  env: NodeJS.ProcessEnv,
): Promise<Contestant> {
  const begun = performance.now()
  const child = spawn(command, args, { cwd: tmpdir(), stdio: 'ignore', detached: true, env })
  const pid = child.pid ?? 0
  try {
    const secondsToFirstAnswer = await firstAnswer(`${url}/ping`, begun, child)
    return {
      url: `${url}/invocations`,
      roots: () => [pid],
      secondsToFirstAnswer,
      megabytes: () => pssMegabytes(processTree(pid)),
      stop: () => ended(child),
    }
  } catch (error) {
    await ended(child)
    throw error
  }
}

/** A Tidemark on an empty folder. */
export interface Ours {
  readonly url: string
  readonly gatewayUrl: string
  readonly client: ReturnType<typeof createClient<typeof api>>
  readonly gatewayPid: () => number
  readonly pid: number
  stop(): Promise<void>
}

export async function startOurs(): Promise<Ours> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-serving-'))
  chmodSync(folder, 0o711)
  const [port, gatewayPort] = [await freePort(), await freePort()]
  const begun = performance.now()
  const args = ['up', '--port', String(port), '--gateway-port', String(gatewayPort), '--data', folder]
  const child = spawn(join(root, 'tidemark'), args, { cwd: root, stdio: 'ignore', detached: true })
  const [url, gatewayUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${gatewayPort}`]
  const stop = async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await firstAnswer(`${url}/readyz`, begun, child)
    await firstAnswer(`${gatewayUrl}/readyz`, begun, child)
  } catch (error) {
    await stop()
    throw error
  }
  const pid = child.pid ?? 0
  return { url, gatewayUrl, client: createClient(api, { baseUrl: url }), gatewayPid: () => gatewayIn(pid), pid, stop }
}

function gatewayIn(supervisor: number): number {
  const found = processTree(supervisor).find((pid) => commandOf(pid).includes('gateway/src/main.ts'))
  if (found === undefined) throw new Error('The platform runs no gateway.')
  return found
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Serves a registered version under its model's name; its time to the first answer runs from the declaration of the endpoint to the answer of one row,
 * and begins when it is known where the version runs: comparing its conversion with Python belongs to the registration.
 * @returns a contestant whose process tree is the gateway's
 */
export async function serve(
  ours: Ours,
  model: string,
  body: Buffer,
): Promise<Contestant & { readonly runtime: string }> {
  await prepared(ours, model)
  const begun = performance.now()
  const params = { endpoint: model }
  let endpoint = await ours.client.deployments.putEndpoint({ params, body: { model, version: 1 } })
  while (endpoint.state === 'preparing' && performance.now() - begun < START_MS) {
    await sleep(20)
    endpoint = await ours.client.deployments.getEndpoint({ params })
  }
  if (endpoint.state !== 'serving') throw new Error(`${model} is ${endpoint.state}: ${endpoint.problem}`)
  const base = `${ours.gatewayUrl}/endpoints/${model}`
  await firstAnswer(`${base}/invocations`, begun, undefined, body)
  return {
    url: `${base}/invocations`,
    roots: () => [ours.gatewayPid()],
    secondsToFirstAnswer: (performance.now() - begun) / 1000,
    megabytes: () => pssMegabytes(processTree(ours.gatewayPid())),
    settled: () => (endpoint.runtime === 'onnx' ? firstRecheck(ours.gatewayUrl, model) : Promise.resolve()),
    stop: async () => {},
    runtime: endpoint.runtime ?? 'unknown',
  }
}

async function prepared({ client }: Ours, model: string): Promise<void> {
  const until = performance.now() + START_MS
  while (performance.now() < until) {
    const { preparation, problem } = await client.runtimes.getVersionRuntime({ params: { model, version: 1 } })
    if (preparation === 'done') return
    if (preparation === 'failed') throw new Error(`${model} cannot be served: ${problem}`)
    await sleep(50)
  }
  throw new Error(`It was not known after ${START_MS / 1000} s where ${model} runs.`)
}

/** The first answers are asked of Python again, whose start costs seconds of a core: none of them is a request's. */
async function firstRecheck(gatewayUrl: string, endpoint: string): Promise<void> {
  const until = performance.now() + RECHECK_MS
  while (performance.now() < until) {
    const metrics = await (await fetch(`${gatewayUrl}/metrics`)).text()
    if (metrics.includes(`tidemark_gateway_rechecks_total{endpoint="${endpoint}"`)) return
    await sleep(200)
  }
  throw new Error(`No answer of ${endpoint} was asked of Python again within ${RECHECK_MS / 1000} s.`)
}

async function firstAnswer(url: string, begun: number, child?: ChildProcess, body?: Buffer): Promise<number> {
  const asked = body
    ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: new Uint8Array(body) }
    : {}
  while (performance.now() - begun < START_MS && (child === undefined || child.exitCode === null)) {
    const good = await fetch(url, asked).then(
      (response) => response.ok,
      () => false,
    )
    if (good) return (performance.now() - begun) / 1000
    await sleep(20)
  }
  throw new Error(`${url} did not answer within ${START_MS / 1000} s, or its server ended.`)
}

async function ended(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (child.exitCode !== null || pid === undefined) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  process.kill(-pid, 'SIGTERM')
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), 20_000)
  await exit
  clearTimeout(timer)
}
