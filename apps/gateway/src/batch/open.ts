import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Variant } from '@tidemark/contracts'
import { loadVariant } from '../runtimes/load.ts'
import type { Model } from '../runtimes/model.ts'
import { PythonProcesses } from '../runtimes/processes.ts'
import { OnnxThreads } from '../runtimes/threads.ts'
import { BlobCache } from '../snapshot/blobs.ts'

/** A DuckDB of bounded memory; what does not fit goes to the job's own folder. */
export function openDuckDb(work: string): Promise<DuckDBInstance> {
  return DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: '256MB',
    temp_directory: join(work, 'spill'),
    // A file is read once, from its beginning to its end: what it would keep of it in memory is never asked for again.
    enable_external_file_cache: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
}

/** Loads the version of a job as a gateway does, its files from the server's blob store. */
export async function openModel(job: {
  readonly variant: Variant
  readonly blobs: string
  readonly work: string
}): Promise<{ model: Model; close: () => Promise<void> }> {
  const processes = new PythonProcesses(() => {})
  const threads = new OnnxThreads()
  await mkdir(job.work, { recursive: true })
  const hexOf = (digest: string) => digest.slice('sha256:'.length)
  const model = await loadVariant(job.variant, {
    blobs: new BlobCache(join(job.work, 'blobs'), (digest) =>
      readFile(join(job.blobs, hexOf(digest).slice(0, 2), hexOf(digest))).catch(() => null),
    ),
    folder: join(job.work, 'models'),
    signal: new AbortController().signal,
    threads,
    startProcess: (...asked) => processes.start(...asked),
    onRestart: () => {},
    onRetry: () => {},
  })
  return {
    model,
    close: async () => {
      await model.close()
      await threads.close()
      await processes.close()
    },
  }
}
