import type { LogRecord, UnloggedAnswers } from '@tidemark/contracts'

export type ReportUnlogged = (answers: Omit<UnloggedAnswers, 'gateway'>) => Promise<void>

const REPORT_EVERY_MS = 2_000

/** Answers that left without a record, counted until the server has taken note of them. */
export class UnloggedCount {
  private readonly waiting = new Map<string, Omit<UnloggedAnswers, 'gateway'>>()
  private readonly report: ReportUnlogged
  private readonly timer: NodeJS.Timeout
  private reporting: Promise<void> | undefined

  constructor(report: ReportUnlogged) {
    this.report = report
    this.timer = setInterval(() => void this.reportAll(), REPORT_EVERY_MS)
    this.timer.unref()
  }

  add({ workspace, endpoint }: Pick<LogRecord, 'workspace' | 'endpoint'>, error: unknown): void {
    const key = `${workspace}/${endpoint}`
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500)
    this.waiting.set(key, { workspace, endpoint, answers: (this.waiting.get(key)?.answers ?? 0) + 1, reason })
  }

  /** Tells the server once more what it has not taken note of. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    await this.reporting
    await this.reportAll()
  }

  private reportAll(): Promise<void> {
    this.reporting ??= this.reportEach().finally(() => {
      this.reporting = undefined
    })
    return this.reporting
  }

  private async reportEach(): Promise<void> {
    for (const [key, counted] of this.waiting) {
      this.waiting.delete(key)
      try {
        await this.report(counted)
      } catch {
        // The server is away: told with the next ones.
        const since = this.waiting.get(key)
        this.waiting.set(key, { ...counted, ...since, answers: counted.answers + (since?.answers ?? 0) })
        return
      }
    }
  }
}
