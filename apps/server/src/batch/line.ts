import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isConnectionLoss, type Platform, type Queryable } from '../platform/index.ts'
import { BatchProcess, BatchProcessFailed, type Program, type Progress } from './process.ts'

const LOOK_MILLISECONDS = 1_000
/** After so many starts its process, or the server with it, is given up. */
const MOST_STARTS = 5

/** Work that was asked for and waits in a table. */
export interface Work {
  readonly workspace: string
  readonly id: string
}

/** Runs the program on a job's file to its end. @returns how far it came; null: it was not begun, because the server stops */
export type RunProgram = (job: string, onProgress?: (progress: Progress) => void) => Promise<Progress | null>

/** What is done with one kind of work. */
export interface Trade<W extends Work> {
  readonly program: Program
  /** In the log's words: `a replay`. */
  readonly called: string
  /** The oldest that is not at its end, also of a server that was killed; counts the start. */
  takeNext(db: Queryable, now: Date): Promise<(W & { readonly starts: number }) | null>
  /** From its beginning to its end, in a folder of its own. @throws BatchProcessFailed */
  carryOut(work: W, folder: string, run: RunProgram): Promise<void>
  saveProgress(db: Queryable, work: W, rows: number, rowsDone: number): Promise<boolean>
  /** Whether it is not at its end. */
  isOpen(work: W): Promise<boolean>
  saveFailure(work: W, reason: string): Promise<void>
}

/** Carries work out, one after the other, each in a process of its own. What a killed server left goes on behind what was done. */
export class WorkLine<W extends Work> {
  private readonly platform: Platform
  private readonly trade: Trade<W>
  private readonly folder: string
  private running: Promise<void> | undefined
  private current: { readonly id: string; readonly process: BatchProcess } | undefined
  private timer: NodeJS.Timeout | undefined
  private stopped = false
  /** By what the latest start of a work that goes on ended. */
  private latest: { readonly id: string; readonly reason: string } | undefined

  constructor(platform: Platform, trade: Trade<W>) {
    this.platform = platform
    this.trade = trade
    this.folder = platform.python.workFolder(trade.program)
  }

  start(): void {
    this.timer = setInterval(() => this.soon(), LOOK_MILLISECONDS)
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearInterval(this.timer)
    this.current?.process.kill()
    await this.running
  }

  /** Ends the process of one, where it is the one that runs. */
  kill(id: string): void {
    if (this.current?.id === id) this.current.process.kill()
  }

  /** Looks now whether one waits. */
  soon(): void {
    if (this.stopped) return
    this.running ??= this.all()
      .catch((error: unknown) => this.platform.log.warn({ err: error }, `${this.trade.called} waits`))
      .finally(() => {
        this.running = undefined
      })
  }

  private async process(work: W, job: string, onProgress: (progress: Progress) => void): Promise<Progress | null> {
    if (this.stopped) return null
    let progress: Progress = { rows: 0, rowsDone: 0 }
    let saved: Promise<unknown> = Promise.resolve()
    const process = new BatchProcess(this.trade.program, job, (told) => {
      progress = told
      onProgress(told)
      saved = saved
        .then(() => this.trade.saveProgress(this.platform.db, work, told.rows, told.rowsDone))
        .then((runs) => runs || process.kill())
        .catch(() => {})
    })
    this.current = { id: work.id, process }
    try {
      await process.ended
      await saved
      return progress
    } finally {
      this.current = undefined
    }
  }

  private async all(): Promise<void> {
    while (!this.stopped) {
      const work = await this.trade.takeNext(this.platform.db, this.platform.clock.now())
      if (!work) return
      try {
        if (work.starts > MOST_STARTS) throw new BatchProcessFailed(this.givenUp(work), true)
        const run: RunProgram = (job, onProgress = () => {}) => this.process(work, job, onProgress)
        await this.trade.carryOut(work, join(this.folder, work.id), run)
      } catch (error) {
        if (this.stopped || isConnectionLoss(error)) throw error
        await this.failed(work, error)
      }
    }
  }

  private givenUp({ id }: W): string {
    const last = this.latest?.id === id ? `; the last time ${this.latest.reason}` : ''
    return `it was begun ${MOST_STARTS} times and never came to an end${last}`
  }

  private async failed(work: W, error: unknown): Promise<void> {
    const { trade } = this
    const told = { [trade.program]: work.id, reason: reasonOf(error) }
    const open = await trade.isOpen(work)
    if (open && error instanceof BatchProcessFailed && !error.final) {
      this.platform.log.warn(told, `${trade.called} stopped, it goes on`)
      this.latest = { id: work.id, reason: told.reason }
      return
    }
    // Else it was cancelled, which is why its process ended.
    if (open) {
      this.platform.log.warn(told, `${trade.called} failed`)
      await trade.saveFailure(work, told.reason)
    }
    await rm(join(this.folder, work.id), { recursive: true, force: true })
  }
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 1000)
}
