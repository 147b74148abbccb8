import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import {
  type AnswerRecord,
  type EndpointSnapshot,
  LogRecord,
  type MirrorRecord,
  type Routing,
  SegmentHeader,
  type Variant,
} from '@tidemark/contracts'
import { ensureEnvironment } from '@tidemark/workers'
import { inTransaction, type Platform } from '../../platform/index.ts'

const GATEWAY = join(import.meta.dirname, '../../../../gateway')

/** A real gateway process for tests. */
export interface TestGateway {
  readonly url: string
  readonly process: ChildProcess
  ask(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  /** Ends it with a signal and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    predictions?: number[]
    prediction_id?: string
    model_version?: string
    error_code?: string
    message?: string
  }
}

export async function startTestGateway(options: {
  readonly dataDir: string
  readonly serverUrl: string
  readonly token: string
  readonly environment?: Record<string, string>
}): Promise<TestGateway> {
  const child = spawn(process.execPath, ['-C', '@tidemark/source', join(GATEWAY, 'src/main.ts')], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      PATH: process.env.PATH,
      TIDEMARK_DATA: options.dataDir,
      TIDEMARK_GATEWAY_PORT: '0',
      TIDEMARK_SERVER_URL: options.serverUrl,
      TIDEMARK_INTERNAL_TOKEN: options.token,
      TIDEMARK_LOG_LEVEL: 'warn',
      ...options.environment,
    },
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { url: string }).url))
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code} before it was ready.`)))
  })
  return {
    url,
    process: child,
    ask: async (path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      const text = await response.text()
      const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : { message: text }
      return { status: response.status, headers: response.headers, body: json }
    },
    end: async (signal = 'SIGTERM') => {
      child.kill(signal)
      await gone
    },
  }
}

/** The small models that the gateway's own tests use, with what scikit-learn predicts for their rows. */
export function fixtureModel(name: 'champion' | 'candidate' | 'failing') {
  const { columns, rows, expected } = JSON.parse(readFileSync(join(GATEWAY, `fixtures/${name}.json`), 'utf8')) as {
    columns: string[]
    rows: (string | number | null)[][]
    expected: number[]
  }
  return { bytes: readFileSync(join(GATEWAY, `fixtures/${name}.onnx`)), columns, rows, expected }
}

/** A model of the fixtures as a version whose file is in the blob store. */
export async function storeVariant(
  platform: Platform,
  name: 'champion' | 'candidate' | 'failing',
  version: string,
): Promise<Variant> {
  const blob = await platform.blobs.put(platform.db, 'default', fixtureModel(name).bytes)
  return {
    version,
    runtime: {
      kind: 'onnx',
      model: blob.digest,
      inputs: [
        { column: 'budget', tensor: 'budget', type: 'float32' },
        { column: 'running_time', tensor: 'running_time', type: 'float32' },
        { column: 'genre', tensor: 'genre', type: 'string' },
      ],
      output: 'variable',
    },
  }
}

// Doubles the budget, raises, or takes its process with it, as its input says.
const SAVE_MODEL = `
import os, sys, mlflow, pandas
from mlflow.models import infer_signature

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        genre = model_input["genre"][0]
        if genre == "crash":
            os._exit(3)
        if genre == "raise":
            raise ValueError("the genre is not known")
        return list(model_input["budget"] * 2)

frame = pandas.DataFrame({"budget": [1.5], "running_time": [1.5], "genre": ["Drama"]})
mlflow.pyfunc.save_model(sys.argv[1], python_model=Model(), signature=infer_signature(frame, [1.5], params={"factor": 1.5}), pip_requirements=[])
`

/** A Python model as a version whose files are in the blob store; needs the workers' environment. */
export async function storePythonVariant(platform: Platform, version: string): Promise<Variant> {
  const lock = join(GATEWAY, '../../python/locks/worker.txt')
  const { python } = await ensureEnvironment(lock)
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-model-'))
  try {
    const model = join(folder, 'model')
    execFileSync(python, ['-c', SAVE_MODEL, model], { stdio: 'ignore', cwd: folder })
    const files = readdirSync(model, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    const stored = files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name)
      const blob = await platform.blobs.put(platform.db, 'default', readFileSync(path))
      return { path: relative(model, path), digest: blob.digest }
    })
    const { digest } = await platform.blobs.put(platform.db, 'default', readFileSync(lock))
    return { version, runtime: { kind: 'python', lockDigest: digest, files: await Promise.all(stored) } }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function endpointOf(name: string, champion: Variant, routing: Routing = { kind: 'single' }): EndpointSnapshot {
  return {
    workspace: 'default',
    name,
    replay: true,
    input: { kind: 'columns' },
    columns: [
      { name: 'budget', type: 'double', required: true },
      { name: 'running_time', type: 'double', required: false },
      { name: 'genre', type: 'string', required: true },
    ],
    champion,
    routing,
  }
}

/** Every record that a reader of the log would see, in order; torn last lines are no records. */
export function readLog(dataDir: string): { answers: AnswerRecord[]; mirrors: MirrorRecord[]; segments: number } {
  const root = join(dataDir, 'log')
  const files = readdirSync(root).flatMap((gateway) =>
    readdirSync(join(root, gateway))
      .sort()
      .map((file) => join(root, gateway, file)),
  )
  const records = files.flatMap((file) => {
    const [header, ...lines] = readFileSync(file, 'utf8').split('\n').slice(0, -1)
    if (header !== undefined) SegmentHeader.parse(JSON.parse(header))
    return lines.map((line) => LogRecord.parse(JSON.parse(line)))
  })
  return {
    answers: records.filter((record) => record.kind === 'answer'),
    mirrors: records.filter((record) => record.kind === 'mirror'),
    segments: files.length,
  }
}

/** Publishes what an endpoint serves and waits until all live gateways confirmed it. */
export async function publishAndWait(
  platform: Platform,
  gateways: {
    publish(tx: Parameters<Parameters<typeof inTransaction>[1]>[0], endpoint: EndpointSnapshot): Promise<number>
    confirmed(version: number): Promise<boolean>
  },
  endpoint: EndpointSnapshot,
): Promise<number> {
  const version = await inTransaction(platform.db, (tx) => gateways.publish(tx, endpoint))
  await until(() => gateways.confirmed(version))
  return version
}

export async function until(holds: () => Promise<boolean> | boolean, limitMs = 20_000): Promise<void> {
  const end = Date.now() + limitMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('It did not come true in time.')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
