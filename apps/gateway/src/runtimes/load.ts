import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Runtime, type Variant, WorkerPolicy } from '@tidemark/contracts'
import type { Gap } from '@tidemark/workers'
import { type BlobCache, isDigestOf } from '../snapshot/blobs.ts'
import type { Model } from './model.ts'
import { OnnxModel } from './onnx.ts'
import { type ModelProcess, PythonModel } from './python.ts'
import type { OnnxThreads } from './threads.ts'

type PythonRuntime = Extract<Runtime, { kind: 'python' }>

/** Starts a Python process with the model of a folder, in the environment of a lock file; `gap`: what a missing text is to it. */
export type StartProcess = (
  modelFolder: string,
  lockFile: string,
  limits: { memoryBytes: number },
  gap: Gap,
) => Promise<ModelProcess>

export interface LoadParts {
  readonly blobs: BlobCache
  /** Where model folders for Python are laid out. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Where long ONNX runs go; absent: every run is computed on this thread. */
  readonly threads?: OnnxThreads
  readonly startProcess: StartProcess
  readonly onRestart: (version: string, reason: string) => void
  readonly onRetry: (version: string, requests: number) => void
}

/** Brings a version into memory, from files whose content was checked. */
export async function loadVariant(variant: Variant, parts: LoadParts): Promise<Model> {
  const { runtime } = variant
  switch (runtime.kind) {
    case 'onnx': {
      const read = () => parts.blobs.read(runtime.model, parts.signal)
      return OnnxModel.load(await read(), runtime, parts.threads && { threads: parts.threads, read })
    }
    case 'python': {
      const lockFile = await findLock(runtime.lockDigest, parts)
      const folder = await layOut(runtime, parts)
      const limits = variant.workers ?? WorkerPolicy.parse({})
      const memoryBytes = limits.memoryMegabytes * 2 ** 20
      return PythonModel.load({
        start: () => parts.startProcess(folder, lockFile, { memoryBytes }, runtime.gap ?? 'empty'),
        limits,
        onRestart: (reason) => parts.onRestart(variant.version, reason),
        onRetry: (requests) => parts.onRetry(variant.version, requests),
        onClosed: () => rm(folder, { recursive: true, force: true }),
      })
    }
  }
}

const SHIPPED_LOCKS = resolve(import.meta.dirname, '../../../../python/locks')

/** The lock file of a digest: one that came with this release, else the server's. */
async function findLock(digest: string, { blobs, signal }: LoadParts): Promise<string> {
  for (const name of await readdir(SHIPPED_LOCKS).catch(() => [])) {
    const path = join(SHIPPED_LOCKS, name)
    if (name.endsWith('.txt') && isDigestOf(digest, await readFile(path))) return path
  }
  return blobs.file(digest, signal)
}

/** Writes the files of a model into a folder of their own, as MLflow laid them out. @throws Error for a path that leaves it. */
async function layOut(runtime: PythonRuntime, parts: LoadParts): Promise<string> {
  const folder = join(parts.folder, randomUUID())
  for (const { path, digest } of runtime.files) {
    const target = join(folder, path)
    if (!target.startsWith(`${folder}/`)) throw new Error('A file of the model lies outside of its folder.')
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, await parts.blobs.read(digest, parts.signal))
  }
  return folder
}
