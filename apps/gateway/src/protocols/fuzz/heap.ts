/** Loaded before a gateway of tests (`--expose-gc --import`): on SIGUSR2 it writes what is left after a collection, in bytes, to TIDEMARK_HEAP_FILE. */
import { renameSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

export interface Heap {
  readonly heapUsed: number
  readonly external: number
}

const file = process.env.TIDEMARK_HEAP_FILE
if (isMainThread && file)
  process.on('SIGUSR2', () => {
    // Twice: what the first one finalises is free only afterwards.
    globalThis.gc?.()
    globalThis.gc?.()
    const { heapUsed, external }: Heap = process.memoryUsage()
    writeFileSync(`${file}.part`, JSON.stringify({ heapUsed, external }))
    renameSync(`${file}.part`, file)
  })
