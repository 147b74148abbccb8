import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { CLONE } from './python.ts'

const START_MS = 120_000
const END_MS = 15_000

/** A stock `mlflow server` on SQLite, in a folder of its own. */
export interface StockMlflow {
  readonly url: string
  /** Its database, as MLflow writes the address. */
  readonly database: string
  /** The folder that holds all its artifacts. */
  readonly artifacts: string
  end(): Promise<void>
}

/** Starts a stock server of the release that bench/peers/mlflow.txt pins, with one worker. */
export async function startStockMlflow(): Promise<StockMlflow> {
  const { python } = await ensureEnvironment(join(CLONE, 'bench/peers/mlflow.txt'))
  const folder = mkdtempSync(join(tmpdir(), 'mlflow-stock-'))
  const [database, artifacts] = [`sqlite:///${folder}/mlflow.db`, join(folder, 'artifacts')]
  const port = String(await freePort())
  const options = {
    host: '127.0.0.1',
    port,
    workers: '1',
    'backend-store-uri': database,
    'artifacts-destination': artifacts,
  }
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const environment = { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true' }
  const child = spawn(python, ['-m', 'mlflow', 'server', ...flags], {
    cwd: folder,
    stdio: 'ignore',
    detached: true,
    env: environment,
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const end = async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), END_MS)
    await ended
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  for (const deadline = Date.now() + START_MS; !(await answers(url)); ) {
    if (Date.now() > deadline || child.exitCode !== null) {
      await end()
      throw new Error(`The stock MLflow server did not answer within ${START_MS / 1000} s.`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { url, database, artifacts, end }
}

function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
}
