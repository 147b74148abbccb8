import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Snapshot } from '@tidemark/contracts'
import { endpoint, fixture, snapshot } from './fixtures.ts'

/** A gateway of tests in a process of its own, which serves what an earlier one kept: there is no server. */
export interface Kept {
  readonly url: string
  readonly pid: number
  readonly dataDir: string
  end(): Promise<void>
}

/** Starts it with the endpoint "films", or what else it is to serve; `environment` may add to its settings. */
export async function startKept(
  served: Snapshot = snapshot(7, [endpoint('films')]),
  environment: NodeJS.ProcessEnv = {},
): Promise<Kept> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidemark-kept-'))
  const { bytes, digest } = fixture('champion')
  mkdirSync(join(dataDir, 'gateway/blobs'), { recursive: true })
  writeFileSync(join(dataDir, 'gateway/blobs', digest.slice('sha256:'.length)), bytes)
  writeFileSync(join(dataDir, 'gateway/snapshot.json'), JSON.stringify(served))
  const child = spawn(
    process.execPath,
    ['-C', '@tidemark/source', fileURLToPath(new URL('main.ts', import.meta.url))],
    {
      env: {
        ...process.env,
        TIDEMARK_DATA: dataDir,
        TIDEMARK_GATEWAY_PORT: '0',
        TIDEMARK_SERVER_URL: 'http://127.0.0.1:9',
        TIDEMARK_INTERNAL_TOKEN: 'a-token-of-at-least-thirty-two-characters',
        TIDEMARK_LOG_LEVEL: 'fatal',
        ...environment,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  )
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    child.on('message', (message: { url?: string }) => message.url && resolve(message.url))
    child.once('exit', (code) => reject(new Error(`The gateway ended with ${code} before it was ready.`)))
  })
  return {
    url,
    pid: child.pid ?? 0,
    dataDir,
    end: async () => {
      child.kill('SIGTERM')
      await exited
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
