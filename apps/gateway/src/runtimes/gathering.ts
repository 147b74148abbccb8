import type { JsonValue } from '@tidemark/contracts'
import type { Frame } from './model.ts'

interface Asked {
  readonly frame: Frame
  readonly resolve: (values: readonly JsonValue[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Puts what callers ask while a run is under way into the next run, so that they share what a run costs besides its rows. Who asks while nothing runs is
 * not kept waiting. Only for models that answer each row as if it had come alone.
 */
export class Gathering {
  private waiting: Asked[] = []
  private running = false
  private readonly answer: (frame: Frame) => Promise<readonly JsonValue[]>
  private readonly mostRows: () => number

  /** @param mostRows of one run that several callers share */
  constructor(answer: (frame: Frame) => Promise<readonly JsonValue[]>, mostRows: () => number) {
    this.answer = answer
    this.mostRows = mostRows
  }

  /** The values of the frame's rows. @throws what a run of this frame alone fails with: what others ask does it no harm */
  ask(frame: Frame): Promise<readonly JsonValue[]> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ frame, resolve, reject })
      if (!this.running) void this.run()
    })
  }

  private async run(): Promise<void> {
    this.running = true
    while (this.waiting.length > 0) await this.answerTogether(this.take())
    this.running = false
  }

  /** Those who wait longest, with the same columns, of so many rows as one run may have; at least one. */
  private take(): Asked[] {
    const most = this.mostRows()
    const columns = this.waiting[0]?.frame.columns
    let rows = 0
    let count = 0
    for (const { frame } of this.waiting) {
      rows += frame.rows.length
      if (count > 0 && (rows > most || frame.columns !== columns)) break
      count += 1
    }
    return this.waiting.splice(0, count)
  }

  private async answerTogether(asked: readonly Asked[]): Promise<void> {
    const [first, ...others] = asked
    if (!first) return
    if (others.length === 0) {
      await this.answer(first.frame).then(first.resolve, first.reject)
      return
    }
    const rows = asked.flatMap(({ frame }) => frame.rows)
    const values = await this.answer({ ...first.frame, rows }).catch(() => null)
    if (!values) {
      // One of them is to blame: each has its own answer or its own failure.
      for (const one of asked) await this.answerTogether([one])
      return
    }
    let at = 0
    for (const { frame, resolve } of asked) {
      resolve(values.slice(at, at + frame.rows.length))
      at += frame.rows.length
    }
  }
}
