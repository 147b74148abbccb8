import { setTimeout as sleep } from 'node:timers/promises'
import { type Frame, type Model, type Predictions, VersionFailed } from './model.ts'

/** A Python process that holds one model and answers until it ends. */
export interface ModelProcess {
  /** @throws VersionFailed: the model raised, or the process ended */
  predict(frame: Frame): Promise<Predictions>
  /** Resolves with the reason when the process is gone, however it went. */
  readonly ended: Promise<string>
  close(): Promise<void>
}

export interface PythonOptions {
  readonly start: () => Promise<ModelProcess>
  readonly onRestart: (reason: string) => void
  /** Removes what only this version needed. */
  readonly onClosed: () => Promise<void>
  /** First pause before a restart; doubles with each failure up to `maxPauseMs`. */
  readonly firstPauseMs?: number
  readonly maxPauseMs?: number
  /** How long a request waits for a process that is being started again. */
  readonly patienceMs?: number
}

type State =
  | { readonly kind: 'running'; readonly process: ModelProcess }
  | { readonly kind: 'restarting'; readonly next: Promise<void>; readonly reason: string }
  | { readonly kind: 'closed' }

/** A model in a process of its own, which is started again, with growing pauses, whenever it ends. */
export class PythonModel implements Model {
  readonly kind = 'python'
  private readonly options: Required<PythonOptions>
  private state: State
  private pauseMs: number
  private readonly closing = new AbortController()

  private constructor(options: Required<PythonOptions>, process: ModelProcess) {
    this.options = options
    this.pauseMs = options.firstPauseMs
    this.state = this.watch(process)
  }

  /** Starts the process. @throws Error when it does not come up: the version cannot be loaded here. */
  static async load(options: PythonOptions): Promise<PythonModel> {
    const process = await options.start()
    return new PythonModel({ firstPauseMs: 200, maxPauseMs: 30_000, patienceMs: 5000, ...options }, process)
  }

  async predict(frame: Frame): Promise<Predictions> {
    const process = await this.running()
    const predictions = await process.predict(frame)
    this.pauseMs = this.options.firstPauseMs
    return predictions
  }

  async close(): Promise<void> {
    const { state } = this
    this.state = { kind: 'closed' }
    this.closing.abort()
    if (state.kind === 'running') await state.process.close()
    await this.options.onClosed()
  }

  private async running(): Promise<ModelProcess> {
    if (this.state.kind === 'restarting') {
      const { next } = this.state
      await Promise.race([next, pause(this.options.patienceMs, this.closing.signal)])
    }
    switch (this.state.kind) {
      case 'running':
        return this.state.process
      case 'restarting':
        throw new VersionFailed('crashed', `Its process is being started again: ${this.state.reason}`)
      case 'closed':
        throw new VersionFailed('crashed', 'It was unloaded.')
    }
  }

  private watch(process: ModelProcess): State {
    void process.ended.then((reason) => {
      if (this.state.kind === 'closed') return
      this.options.onRestart(reason)
      this.state = { kind: 'restarting', reason, next: this.restart() }
    })
    return { kind: 'running', process }
  }

  private async restart(): Promise<void> {
    for (;;) {
      await pause(this.pauseMs, this.closing.signal)
      this.pauseMs = Math.min(this.pauseMs * 2, this.options.maxPauseMs)
      if (this.state.kind === 'closed') return
      try {
        const process = await this.options.start()
        // Closed while it started: the new process must not outlive its version.
        if (this.closing.signal.aborted) return await process.close()
        this.state = this.watch(process)
        return
      } catch (error) {
        this.options.onRestart(error instanceof Error ? error.message : String(error))
      }
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}
