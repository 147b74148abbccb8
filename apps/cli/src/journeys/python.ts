import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureEnvironment } from '@tidemark/workers'

export const CLONE = fileURLToPath(new URL('../../../../', import.meta.url))

/** A script that runs. */
export interface Script {
  /** What it printed so far. */
  said(): string
  /** All that it printed, once it has ended. @throws Error with its last words when it failed. */
  readonly ended: Promise<string>
  /** Ends it, if it has not ended by itself. */
  stop(): void
}

/** Starts a Python script as a user of the platform does: in the environment of a lock, with nothing set but the address and what it is told. */
export async function startScript(
  lock: string,
  script: string,
  trackingUri: string,
  args: readonly string[] = [],
  /** What else such a user has set. */
  environment: NodeJS.ProcessEnv = {},
): Promise<Script> {
  const { python } = await ensureEnvironment(join(CLONE, 'python/locks', lock))
  const child = spawn(python, [script, ...args], {
    cwd: CLONE,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, MLFLOW_TRACKING_URI: trackingUri, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: { said: Buffer[]; complained: Buffer[] } = { said: [], complained: [] }
  child.stdout.on('data', (chunk: Buffer) => chunks.said.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.complained.push(chunk))
  const said = () => Buffer.concat(chunks.said).toString()
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) resolve(said())
      else {
        const lastWords = Buffer.concat(chunks.complained).toString().slice(-4000)
        reject(new Error(`${script} ended with ${status}:\n${lastWords}`))
      }
    })
  })
  ended.catch(() => {})
  return { said, ended, stop: () => child.kill() }
}

/** Runs a Python script to its end. @returns what it printed */
export async function runScript(
  lock: string,
  script: string,
  trackingUri: string,
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  return (await startScript(lock, script, trackingUri, args, environment)).ended
}
