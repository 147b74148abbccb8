import { setTimeout as sleep } from 'node:timers/promises'
import { type Failure, type Frame, type Model, type Predictions, VersionFailed } from './model.ts'

/** A Python process that holds one model and answers one batch at a time until it ends. */
export interface ModelProcess {
  /** One answer for each frame. @throws Error when the process ended: none of them was answered */
  ask(frames: readonly Frame[]): Promise<(Predictions | { readonly error: string; readonly refused?: boolean })[]>
  /** Resolves with the reason when the process is gone, however it went. */
  readonly ended: Promise<string>
  /** Memory of its own, in bytes. */
  bytes(): number
  /** Ends it when it has answered. */
  close(): void
  /** Ends it at once. */
  kill(): void
}

/** How many processes a version may have, and what each of their calls may take. */
export interface PoolLimits {
  readonly processes: number
  /** Rows that one call of the model may get, of however many callers; a larger request goes alone. */
  readonly batchRows: number
  /** A call that takes longer ends its process. */
  readonly callSeconds: number
  /** Without a request for so long all processes end; the next one starts them again. */
  readonly idleSeconds: number
}

export interface PythonOptions {
  readonly start: () => Promise<ModelProcess>
  /** A process ended on its own. */
  readonly onRestart: (reason: string) => void
  /** Requests that were in a process which ended, and are asked once more. */
  readonly onRetry: (requests: number) => void
  /** Removes what only this version needed. */
  readonly onClosed: () => Promise<void>
  readonly limits: PoolLimits
  /** First pause before a restart; doubles with each failure up to `maxPauseMs`. */
  readonly firstPauseMs?: number
  readonly maxPauseMs?: number
  /** How long a request waits when no process of the version is up. */
  readonly patienceMs?: number
}

interface Waiting {
  readonly frame: Frame
  readonly endsAt: number
  readonly resolve: (predictions: Predictions) => void
  readonly reject: (error: VersionFailed) => void
  /** It was in a process that ended: it is asked alone now, so that only the guilty one fails. */
  retried: boolean
}

/**
 * A model in processes of its own. What waits when one is free is its next batch, without a timer: nothing is slower when alone, and a crowd
 * shares the model's fixed cost. A process that ends, or takes too long, is started again with growing pauses; what was in it is asked once more, each
 * request alone.
 */
export class PythonModel implements Model {
  readonly kind = 'python'
  private readonly options: Required<PythonOptions>
  private readonly idle = new Set<ModelProcess>()
  private readonly all = new Set<ModelProcess>()
  private starting = 0
  private readonly queue: Waiting[] = []
  private dispatching = false
  private pauseMs: number
  private lastFailure = 'it did not start'
  private pausedUntilMs = 0
  private idleTimer: NodeJS.Timeout | undefined
  private readonly closing = new AbortController()

  private constructor(options: Required<PythonOptions>) {
    this.options = options
    this.pauseMs = options.firstPauseMs
  }

  /** Starts the first process. @throws Error when it does not come up: the version cannot be loaded here. */
  static async load(options: PythonOptions): Promise<PythonModel> {
    const model = new PythonModel({ firstPauseMs: 200, maxPauseMs: 30_000, patienceMs: 30_000, ...options })
    model.adopt(await options.start())
    model.restIfIdle()
    return model
  }

  /** Processes that are up now. */
  get processes(): number {
    return this.all.size
  }

  predict(frame: Frame, endsAt = Number.POSITIVE_INFINITY): Promise<Predictions> {
    if (this.closing.signal.aborted) return Promise.reject(new VersionFailed('crashed', 'It was unloaded.'))
    if (frame.rows.length === 0) return Promise.resolve({ values: [] })
    clearTimeout(this.idleTimer)
    return new Promise((resolve, reject) => {
      this.queue.push({ frame, endsAt, resolve, reject, retried: false })
      this.dispatchSoon()
    })
  }

  async close(): Promise<void> {
    this.closing.abort()
    clearTimeout(this.idleTimer)
    this.drop([...this.queue], 'crashed', 'It was unloaded.')
    for (const process of this.all) process.close()
    await Promise.all([...this.all].map((process) => process.ended))
    await this.options.onClosed()
  }

  /** After this turn of the event loop, so that requests which came together go together. */
  private dispatchSoon(): void {
    if (this.dispatching) return
    this.dispatching = true
    setImmediate(() => {
      this.dispatching = false
      this.dispatch()
    })
  }

  private dispatch(): void {
    this.dropLate()
    let crowd = false
    for (const process of this.idle) {
      if (this.queue.length === 0) break
      this.idle.delete(process)
      const batch = this.take(Math.ceil(this.queue.length / (this.idle.size + 1)))
      crowd ||= batch.length > 1
      void this.run(process, batch)
    }
    // Callers who wait for their answers ask no more: a crowd in one batch is all that shows that there are many.
    if (crowd || this.queue.length > 0) this.grow()
    this.restIfIdle()
  }

  /** Asked all the same, what is late would make those late that wait behind it. */
  private dropLate(): void {
    const now = performance.now()
    const late = this.queue.filter(({ endsAt }) => endsAt <= now)
    this.drop(late, 'late', 'The time of the request was over before its turn came.')
  }

  private drop(waiting: readonly Waiting[], how: Failure, reason: string): void {
    for (const asked of waiting) {
      const place = this.queue.indexOf(asked)
      if (place < 0) continue
      this.queue.splice(place, 1)
      asked.reject(new VersionFailed(how, reason))
    }
  }

  /** The next batch: what waits longest, up to the limit of rows; of what is retried one alone. */
  private take(most: number): Waiting[] {
    const taken: Waiting[] = []
    let rows = 0
    for (let next = this.queue[0]; next !== undefined && taken.length < most; next = this.queue[0]) {
      if (taken.length > 0 && (next.retried || rows + next.frame.rows.length > this.options.limits.batchRows)) break
      rows += next.frame.rows.length
      taken.push(next)
      this.queue.shift()
      if (next.retried) break
    }
    return taken
  }

  private async run(process: ModelProcess, batch: readonly Waiting[]): Promise<void> {
    const { callSeconds } = this.options.limits
    let late = false
    const timer = setTimeout(() => {
      late = true
      process.kill()
    }, callSeconds * 1000)
    try {
      const answers = await process.ask(batch.map(({ frame }) => frame))
      this.pauseMs = this.options.firstPauseMs
      batch.forEach((asked, place) => {
        const answer = answers[place] ?? { error: 'It was not answered.' }
        if ('error' in answer)
          asked.reject(new VersionFailed(answer.refused ? 'refused' : 'raised', answer.error.slice(0, 500)))
        else asked.resolve(answer)
      })
      if (this.all.has(process)) this.idle.add(process)
      this.dispatchSoon()
    } catch {
      const reason = await process.ended
      this.failed(
        batch,
        late
          ? { how: 'timed_out', reason: `It took longer than ${callSeconds} s.` }
          : { how: 'crashed', reason: `Its process ended: ${reason}` },
      )
    } finally {
      clearTimeout(timer)
    }
  }

  /** What was in a process that ended: asked once more, alone; whatever took too long alone took too long. */
  private failed(batch: readonly Waiting[], { how, reason }: { how: 'timed_out' | 'crashed'; reason: string }): void {
    const again = batch.filter((asked) => !asked.retried && (how === 'crashed' || batch.length > 1))
    for (const asked of batch) if (!again.includes(asked)) asked.reject(new VersionFailed(how, reason))
    if (again.length === 0 || this.closing.signal.aborted) {
      for (const asked of again) asked.reject(new VersionFailed(how, reason))
      return
    }
    this.options.onRetry(again.length)
    for (const asked of again.toReversed()) {
      asked.retried = true
      this.queue.unshift(asked)
    }
    this.dispatchSoon()
  }

  /** Starts another process when there may be one more. */
  private grow(): void {
    if (this.all.size + this.starting >= this.options.limits.processes || this.closing.signal.aborted) return
    // A second one only when the first is known to come up.
    if (this.all.size === 0 && this.starting > 0) return
    this.starting += 1
    void this.startOne().finally(() => {
      this.starting -= 1
      if (this.queue.length > 0) this.dispatchSoon()
    })
    if (this.all.size === 0) void this.losePatience()
  }

  private async startOne(): Promise<void> {
    await pause(this.pausedUntilMs - performance.now(), this.closing.signal)
    if (this.closing.signal.aborted) return
    try {
      const process = await this.options.start()
      // Closed while it started: the new process must not outlive its version.
      if (this.closing.signal.aborted) return process.close()
      this.adopt(process)
    } catch (error) {
      this.note(error instanceof Error ? error.message : String(error))
    }
  }

  private adopt(process: ModelProcess): void {
    this.all.add(process)
    this.idle.add(process)
    this.dispatchSoon()
    void process.ended.then((reason) => {
      const wanted = this.all.delete(process)
      this.idle.delete(process)
      if (!wanted || this.closing.signal.aborted) return
      this.note(reason)
      // Ready before the next request asks for it.
      this.grow()
    })
  }

  /** A failure: the next start waits, each time longer until an answer came. */
  private note(reason: string): void {
    this.lastFailure = reason
    this.options.onRestart(reason)
    this.pausedUntilMs = performance.now() + this.pauseMs
    this.pauseMs = Math.min(this.pauseMs * 2, this.options.maxPauseMs)
  }

  /** Requests that no process came up for in time fail, rather than wait for ever. */
  private async losePatience(): Promise<void> {
    const waiting = [...this.queue]
    await pause(this.options.patienceMs, this.closing.signal)
    if (this.all.size > 0) return
    this.drop(waiting, 'crashed', `Its process is being started again: ${this.lastFailure}`)
  }

  private restIfIdle(): void {
    clearTimeout(this.idleTimer)
    if (this.all.size === 0 || this.idle.size < this.all.size || this.closing.signal.aborted) return
    this.idleTimer = setTimeout(() => this.rest(), this.options.limits.idleSeconds * 1000)
    this.idleTimer.unref()
  }

  bytes(): number {
    return [...this.all].reduce((sum, process) => sum + process.bytes(), 0)
  }

  /** Ends the processes; the next request starts them again. */
  async unload(): Promise<void> {
    this.rest()
  }

  private rest(): void {
    for (const process of [...this.idle]) {
      this.idle.delete(process)
      this.all.delete(process)
      process.close()
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => {})
}
