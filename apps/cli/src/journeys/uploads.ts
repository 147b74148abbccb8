import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../demo/settle.ts'
import type { Site } from './platform.ts'
import { CLONE } from './python.ts'

const PROGRAM = fileURLToPath(new URL('./fixtures/half-upload.ts', import.meta.url))

/** An upload that got half-way: the sender's process is alive, and the server has some of the bytes on disk. */
export interface HalfUpload {
  readonly sender: ChildProcess
  /** What must hold once sender or server are gone: not listed, not readable, no bytes left behind. */
  assertNothingLeft(): Promise<void>
}

/** Starts to upload a file of a run and waits until half of it is on the server's disk. */
export async function uploadHalf(site: Site, run: string, name: string): Promise<HalfUpload> {
  const { url } = site.connection
  const file = `${url}/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts/${name}`
  const before = blobsOf(site)
  const sender = spawn(process.execPath, [PROGRAM, file], { cwd: CLONE, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(sender.stdout, 'data')
  await until('the first bytes to be on disk', async () => unfinishedOf(site).length > 0 || undefined)
  return {
    sender,
    assertNothingLeft: async () => {
      const answer = await fetch(file)
      assert.equal(answer.status, 404, await answer.text())
      const { files = [] } = (await (await fetch(`${url}/api/2.0/mlflow/artifacts/list?run_id=${run}`)).json()) as {
        files?: { path: string }[]
      }
      assert.ok(!files.some(({ path }) => path === name), 'a half file is listed')
      await until('the half file to be gone from disk', async () => unfinishedOf(site).length === 0 || undefined, 10)
      assert.deepEqual(blobsOf(site), before, 'a half file became a blob')
    },
  }
}

function unfinishedOf({ platform }: Site): string[] {
  const folder = join(platform.dataDir, 'blobs', 'tmp')
  return existsSync(folder) ? readdirSync(folder) : []
}

function blobsOf({ platform }: Site): string[] {
  const folder = join(platform.dataDir, 'blobs')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name !== 'tmp')
    .flatMap((name) => readdirSync(join(folder, name)))
    .sort()
}
