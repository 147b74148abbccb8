import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureEnvironment } from '@tidemark/workers'

export const CLONE = fileURLToPath(new URL('../../../../', import.meta.url))

/**
 * Runs a Python script as a user of the platform does: in the environment of a lock, with nothing set but the server's address.
 * @returns what it printed
 * @throws Error with its last words when it fails
 */
export async function runScript(lock: string, script: string, trackingUri: string): Promise<string> {
  const { python } = await ensureEnvironment(join(CLONE, 'python/locks', lock))
  const child = spawn(python, [script], {
    cwd: CLONE,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, MLFLOW_TRACKING_URI: trackingUri },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [said, complained] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    return chunks
  })
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const text = (chunks: readonly Buffer[] = []) => Buffer.concat(chunks).toString()
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${text(complained).slice(-4000)}`)
  return text(said)
}
