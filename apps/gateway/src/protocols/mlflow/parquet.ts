import { Worker } from 'node:worker_threads'
import type { EndpointSnapshot } from '@tidemark/contracts'
import { DEFAULT_LIMITS } from '../../scoring/admission.ts'
import { NotTable, QueuedTooLong, TooManyRows } from '../../scoring/errors.ts'
import type { Table } from './table.ts'

export interface ParquetQuestion {
  readonly bytes: Uint8Array
  readonly maxRows: number
}
export type ParquetAnswer =
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'too many rows' }
  | { readonly kind: 'unreadable'; readonly reason: string }
/** What the thread says: `ready` once, when it has loaded, then an answer for each question. */
export type ParquetMessage = ParquetAnswer | { readonly kind: 'ready' }

/** Of reading one file, and of waiting for its turn. */
const TIMEOUT_MS = 10_000
/** Of a thread until it can read: a busy machine takes its time, which is no fault of the file. */
const START_MS = 60_000
const IDLE_MS = 30_000
const MOST_HEAP_MB = 256

interface Turn {
  readonly question: ParquetQuestion
  readonly settle: (answer: ParquetAnswer) => void
  readonly fail: (error: Error) => void
}

/**
 * A thread that reads one file at a time. Whose file ends the thread is then known: it alone is refused, and those behind it are read by the next
 * thread.
 */
class ParquetReader {
  private readonly waiting = new Set<Turn>()
  private current: Turn | undefined
  private worker: Worker | undefined
  private ready = false
  /** Ends the thread: when the current file takes too long, or when there was none for a while. */
  private timer: NodeJS.Timeout | undefined

  /** @throws QueuedTooLong when its turn does not come in time */
  read(question: ParquetQuestion): Promise<ParquetAnswer> {
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => {
        if (this.waiting.delete(turn)) reject(QueuedTooLong())
      }, TIMEOUT_MS)
      const turn: Turn = {
        question,
        settle: (answer) => {
          clearTimeout(patience)
          resolve(answer)
        },
        fail: (error) => {
          clearTimeout(patience)
          reject(error)
        },
      }
      this.waiting.add(turn)
      if (!this.current) this.next()
    })
  }

  private next(): void {
    clearTimeout(this.timer)
    const [turn] = this.waiting
    this.current = turn
    if (!turn) {
      this.timer = setTimeout(() => this.end(), IDLE_MS).unref()
      return
    }
    this.waiting.delete(turn)
    this.worker ??= this.start()
    if (this.ready) this.timeReading()
    else this.timer = setTimeout(() => this.neverStarted(turn), START_MS)
    this.worker.postMessage(turn.question)
  }

  private timeReading(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.end()
      this.settle({ kind: 'unreadable', reason: `It was not read within ${TIMEOUT_MS / 1000} s.` })
    }, TIMEOUT_MS)
  }

  private neverStarted(turn: Turn): void {
    this.end()
    turn.fail(QueuedTooLong())
    this.next()
  }

  private settle(answer: ParquetAnswer): void {
    this.current?.settle(answer)
    this.next()
  }

  private end(): void {
    void this.worker?.terminate()
    this.worker = undefined
  }

  private start(): Worker {
    this.ready = false
    const worker = new Worker(new URL('parquetThread.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
    })
    worker.on('message', (message: ParquetMessage) => {
      if (this.worker !== worker) return
      if (message.kind !== 'ready') return this.settle(message)
      this.ready = true
      if (this.current) this.timeReading()
    })
    const gone = () => {
      // Else it was ended from here, or its end was told before.
      if (this.worker !== worker) return
      this.worker = undefined
      this.settle({ kind: 'unreadable', reason: 'It needs more memory than reading a request may take.' })
    }
    worker.on('error', gone)
    worker.on('exit', gone)
    // After its listeners, which hold it again: a thread that waits does not keep the gateway from ending.
    worker.unref()
    return worker
  }
}

const reader = new ParquetReader()

/** Reads a Parquet file in a thread of its own, which has limits of memory and time. @throws NotTable, TooManyRows, QueuedTooLong */
export async function readParquet(bytes: Uint8Array, spec: EndpointSnapshot): Promise<Table> {
  const maxRows = (spec.limits ?? DEFAULT_LIMITS).rows
  const answer = await reader.read({ bytes, maxRows })
  switch (answer.kind) {
    case 'table':
      return answer.table
    case 'too many rows':
      throw TooManyRows(maxRows)
    case 'unreadable':
      throw NotTable('Parquet', answer.reason)
  }
}
