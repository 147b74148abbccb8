import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Packed } from './pack.ts'
import type { Computed } from './session.ts'

/** Tensors that a model must have. */
export interface Wanted {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** What a thread is asked (thread.ts). */
export type ThreadQuestion = { readonly id: number; readonly session: number } & (
  | { readonly do: 'load'; readonly bytes: Uint8Array; readonly wanted: Wanted }
  | { readonly do: 'run'; readonly feeds: readonly Packed[]; readonly output: string }
  | { readonly do: 'close' }
)
export type ThreadAnswer = { readonly id: number } & (Computed | { readonly error: string })

type Asking =
  | { readonly do: 'load'; readonly session: number; readonly bytes: Uint8Array; readonly wanted: Wanted }
  | { readonly do: 'run'; readonly session: number; readonly feeds: readonly Packed[]; readonly output: string }
  | { readonly do: 'close'; readonly session: number }

/** A model that computes in a thread. */
export interface ThreadSession {
  /** @throws Error in the runtime's words, or that the thread ended */
  run(feeds: readonly Packed[], output: string): Promise<Computed>
  /** Threads that have it in memory. */
  readonly copies: number
  /** Out of every thread; the next run loads it again. */
  close(): Promise<void>
}

// One is left for the event loop; more than four contend for the memory's bandwidth.
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1))

/** Threads that compute ONNX models beside the event loop. They start with their first model. */
export class OnnxThreads {
  private readonly threads: (Thread | undefined)[] = new Array(THREADS).fill(undefined)
  private sessions = 0

  /** A model that is loaded into a thread when it is first run there. */
  session(read: () => Promise<Uint8Array>, wanted: Wanted): ThreadSession {
    const session = ++this.sessions
    const loadedIn = new Map<Thread, Promise<unknown>>()
    return {
      get copies() {
        return [...loadedIn.keys()].filter(({ alive }) => alive).length
      },
      run: async (feeds, output) => {
        const thread = this.leastBusy()
        const loaded =
          loadedIn.get(thread) ??
          read().then((bytes) => thread.ask({ do: 'load', session, bytes: new Uint8Array(bytes), wanted }))
        loadedIn.set(thread, loaded)
        await loaded.catch((error) => {
          loadedIn.delete(thread)
          throw error
        })
        return thread.ask({ do: 'run', session, feeds, output })
      },
      close: async () => {
        const open = [...loadedIn.keys()].filter((thread) => thread.alive)
        loadedIn.clear()
        await Promise.all(open.map((thread) => thread.ask({ do: 'close', session }).catch(() => {})))
      },
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread?.end()))
  }

  private leastBusy(): Thread {
    let best = 0
    this.threads.forEach((thread, place) => {
      if ((thread?.busy ?? 0) < (this.threads[best]?.busy ?? 0)) best = place
    })
    const known = this.threads[best]
    if (known?.alive) return known
    const thread = new Thread()
    this.threads[best] = thread
    return thread
  }
}

class Thread {
  alive = true
  private readonly worker: Worker
  private readonly waiting = new Map<number, PromiseWithResolvers<Computed>>()
  private asked = 0

  constructor() {
    this.worker = new Worker(new URL('./thread.ts', import.meta.url))
    this.worker.unref()
    this.worker.on('message', (answer: ThreadAnswer) => {
      const waiting = this.waiting.get(answer.id)
      this.waiting.delete(answer.id)
      if ('error' in answer) waiting?.reject(new Error(answer.error))
      else waiting?.resolve(answer)
    })
    this.worker.on('error', (error) => this.ended(error.message))
    this.worker.on('exit', (code) => this.ended(`it ended with ${code}`))
  }

  get busy(): number {
    return this.waiting.size
  }

  ask(question: Asking): Promise<Computed> {
    const waiting = Promise.withResolvers<Computed>()
    if (!this.alive) {
      waiting.reject(new Error('The thread that computes it ended.'))
      return waiting.promise
    }
    const id = ++this.asked
    this.waiting.set(id, waiting)
    const feeds = question.do === 'run' ? question.feeds : []
    const buffers = feeds.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : []))
    this.worker.postMessage({ ...question, id }, buffers)
    return waiting.promise
  }

  async end(): Promise<void> {
    await this.worker.terminate()
  }

  private ended(reason: string): void {
    this.alive = false
    for (const { reject } of this.waiting.values()) reject(new Error(`The thread that computes it ended: ${reason}`))
    this.waiting.clear()
  }
}
