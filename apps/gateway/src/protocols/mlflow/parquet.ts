import { Worker } from 'node:worker_threads'
import type { EndpointSnapshot } from '@tidemark/contracts'
import { DEFAULT_LIMITS } from '../../scoring/admission.ts'
import { NotTable, TooManyRows } from '../../scoring/errors.ts'
import type { Table } from './table.ts'

export interface ParquetQuestion {
  readonly id: number
  readonly bytes: Uint8Array
  readonly maxRows: number
}
export type ParquetAnswer =
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'too many rows' }
  | { readonly kind: 'unreadable'; readonly reason: string }

const TIMEOUT_MS = 10_000
const IDLE_MS = 30_000
const MOST_HEAP_MB = 256

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, (answer: ParquetAnswer) => void>
}

let thread: Thread | undefined
let next = 1
let idle: NodeJS.Timeout | undefined

/** Reads a Parquet file in a thread of its own, which has limits of memory and time. @throws NotTable, TooManyRows */
export async function readParquet(bytes: Uint8Array, spec: EndpointSnapshot): Promise<Table> {
  const maxRows = (spec.limits ?? DEFAULT_LIMITS).rows
  const answer = await ask({ id: next++, bytes, maxRows })
  switch (answer.kind) {
    case 'table':
      return answer.table
    case 'too many rows':
      throw TooManyRows(maxRows)
    case 'unreadable':
      throw NotTable('Parquet', answer.reason)
  }
}

function ask(question: ParquetQuestion): Promise<ParquetAnswer> {
  thread ??= start()
  const { worker, waiting } = thread
  clearTimeout(idle)
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      settle({ kind: 'unreadable', reason: `It was not read within ${TIMEOUT_MS / 1000} s.` })
      void worker.terminate()
    }, TIMEOUT_MS)
    const settle = (answer: ParquetAnswer) => {
      clearTimeout(timer)
      waiting.delete(question.id)
      resolve(answer)
      if (waiting.size === 0) {
        idle = setTimeout(() => void worker.terminate(), IDLE_MS)
        idle.unref()
      }
    }
    waiting.set(question.id, settle)
    worker.postMessage(question)
  })
}

function start(): Thread {
  const worker = new Worker(new URL('parquetThread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
  })
  const started: Thread = { worker, waiting: new Map() }
  worker.on('message', ({ id, answer }: { id: number; answer: ParquetAnswer }) => started.waiting.get(id)?.(answer))
  const gone = () => {
    if (thread === started) thread = undefined
    for (const settle of [...started.waiting.values()])
      settle({ kind: 'unreadable', reason: 'It needs more memory than reading a request may take.' })
  }
  worker.on('error', gone)
  worker.on('exit', gone)
  // After its listeners, which hold it again: a thread that waits does not keep the gateway from ending.
  worker.unref()
  return started
}
