import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@tidemark/process'
import { ensureEnvironment } from '@tidemark/workers'
import { CLONE } from '../python.ts'

/** The release whose answers count: the one of the lock. */
export const STOCK_VERSION = /^mlflow==([\d.]+)/m.exec(readFileSync(join(CLONE, 'bench/peers/mlflow.txt'), 'utf8'))?.[1]

const START_MS = 120_000
const END_MS = 15_000

/** A stock `mlflow server`. */
export interface Stock {
  readonly url: string
  end(): Promise<void>
}

/** Starts a stock MLflow on SQLite with one worker, in a folder of its own. */
export async function startStock(): Promise<Stock> {
  const { python } = await ensureEnvironment(join(CLONE, 'bench/peers/mlflow.txt'))
  const folder = mkdtempSync(join(tmpdir(), 'mlflow-stock-'))
  const port = await freePort()
  const options = {
    host: '127.0.0.1',
    port: String(port),
    workers: '1',
    'backend-store-uri': `sqlite:///${folder}/mlflow.db`,
    'artifacts-destination': join(folder, 'artifacts'),
  }
  const child = spawn(
    python,
    ['-m', 'mlflow', 'server', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])],
    {
      cwd: folder,
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true' },
    },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const end = async () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), END_MS)
    await ended
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + START_MS
  while (
    !(await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ))
  ) {
    if (Date.now() > deadline || child.exitCode !== null) {
      await end()
      throw new Error(`The stock MLflow server did not answer within ${START_MS / 1000} s.`)
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { url, end }
}
