import { setTimeout as sleep } from 'node:timers/promises'
import type { LogRecord } from '@tidemark/contracts'
import { type Counter, Counter as PrometheusCounter } from 'prom-client'
import type { PredictionFold } from '../../platform/folds.ts'
import { inTransaction, isConnectionLoss, type Platform } from '../../platform/index.ts'
import { keyOf, parseLine, readLines, SegmentFolder, type SegmentName, segmentPath, sizeOf } from './segments.ts'
import { finishedSegments, lockOffset, markFinished, openProgress, saveOffset, withoutDuplicates } from './store.ts'

const MOST_RECORDS = 2_000
const POLL_MILLISECONDS = 80
const RETRY_MILLISECONDS = 500

interface Progress {
  offset: number
  /** Size at which only a torn line was left; it is read again when the file has grown. */
  tornAt: number
}

/**
 * Follows the prediction log of all gateways. What the folds write and the offset commit together, so that each record counts exactly once,
 * whenever the process is killed.
 */
export class LogReader {
  private readonly platform: Platform
  private readonly folder: string
  private readonly folds: readonly PredictionFold[]
  private readonly segments: SegmentFolder
  /** Of segments that are not finished. */
  private readonly progress = new Map<string, Progress>()
  /** The last finished segment of each gateway; they finish in their order. */
  private finished = new Map<string, number>()
  private readonly stopping = new AbortController()
  private readonly unreadable: Counter
  private loop: Promise<void> | undefined

  constructor(platform: Platform, folder: string, folds: readonly PredictionFold[]) {
    this.platform = platform
    this.folder = folder
    this.segments = new SegmentFolder(folder)
    this.folds = folds
    this.unreadable = new PrometheusCounter({
      name: 'tidemark_log_unreadable_lines_total',
      help: 'Lines of the prediction log that could not be read.',
      registers: [platform.metrics],
    })
  }

  start(): void {
    this.loop ??= this.follow()
  }

  /** Ends after the batch in hand. */
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.loop
  }

  /** Bytes of complete lines that wait, and of those whose consequences are still being looked at. */
  async unreadBytes(): Promise<number> {
    let unread = 0
    for (const name of await this.unfinished()) {
      const progress = this.progress.get(keyOf(name))
      const size = await sizeOf(segmentPath(this.folder, name))
      if (progress === undefined) unread += size
      else if (size !== progress.tornAt) unread += Math.max(0, size - progress.offset)
    }
    return unread
  }

  private async follow(): Promise<void> {
    let loaded = false
    while (!this.stopping.signal.aborted) {
      let pause = POLL_MILLISECONDS
      try {
        if (!loaded) await this.load()
        loaded = true
        // Who has read all waits a little: many records in one transaction cost a fraction of what each costs in its own.
        if (await this.readOnce()) pause = 0
      } catch (error) {
        pause = RETRY_MILLISECONDS
        // What the database holds is the truth after any failure.
        loaded = false
        if (isConnectionLoss(error)) this.platform.log.warn({ err: error }, 'the log reader waits for PostgreSQL')
        else this.platform.log.error({ err: error }, 'the log reader failed, it tries again')
      }
      if (pause > 0) await sleep(pause, undefined, { signal: this.stopping.signal }).catch(() => {})
    }
  }

  private async load(): Promise<void> {
    this.finished = await finishedSegments(this.platform.db)
    this.progress.clear()
    for (const { readBytes, ...name } of await openProgress(this.platform.db)) {
      this.progress.set(keyOf(name), { offset: readBytes, tornAt: -1 })
    }
  }

  private unfinished(): Promise<SegmentName[]> {
    return this.segments.list((gateway) => this.finished.get(gateway) ?? -1)
  }

  /** One round over all segments. @returns whether more of what was there waits. */
  async readOnce(): Promise<boolean> {
    const segments = await this.unfinished()
    let more = false
    let waiting: string | undefined
    for (const [index, name] of segments.entries()) {
      if (this.stopping.signal.aborted) break
      // Segments of one gateway are read one after the other: the finished ones are those up to a number.
      if (name.gateway === waiting) continue
      const successor = segments[index + 1]?.gateway === name.gateway
      const state = await this.readSegment(name, successor)
      more ||= state === 'more'
      if (state !== 'finished') waiting = name.gateway
    }
    return more
  }

  private async readSegment(name: SegmentName, successor: boolean): Promise<'more' | 'waits' | 'finished'> {
    const progress = this.progressOf(name)
    const path = segmentPath(this.folder, name)
    const size = await sizeOf(path)
    if (size > progress.offset && size !== progress.tornAt) {
      if (await this.applyBatch(name, path, progress)) return successor || progress.offset < size ? 'more' : 'waits'
      progress.tornAt = size
    }
    // A gateway opens its next segment only after the last write to this one.
    if (!successor || (await sizeOf(path)) !== size) return 'waits'
    await this.finish(name)
    return 'finished'
  }

  private async finish(name: SegmentName): Promise<void> {
    await markFinished(this.platform.db, name)
    this.progress.delete(keyOf(name))
    this.finished.set(name.gateway, name.segment)
  }

  private progressOf(name: SegmentName): Progress {
    const known = this.progress.get(keyOf(name))
    if (known) return known
    const fresh = { offset: 0, tornAt: -1 }
    this.progress.set(keyOf(name), fresh)
    return fresh
  }

  private async applyBatch(name: SegmentName, path: string, progress: Progress): Promise<boolean> {
    const lines = await readLines(path, progress.offset, MOST_RECORDS)
    const end = lines.at(-1)?.end
    if (end === undefined) return false
    const records: LogRecord[] = []
    for (const [index, line] of lines.entries()) {
      const parsed = parseLine(line.text, progress.offset === 0 && index === 0)
      if (parsed.kind === 'record') records.push(parsed.record)
      if (parsed.kind === 'unreadable') {
        this.unreadable.inc()
        this.platform.log.error(
          { ...name, end: line.end, reason: parsed.reason },
          'unreadable line in the prediction log',
        )
      }
    }
    const touched = await inTransaction(this.platform.db, async (tx) => {
      const offset = await lockOffset(tx, name)
      if (offset !== progress.offset) throw new Error(`Segment ${keyOf(name)} was read by another server meanwhile.`)
      const fresh = await withoutDuplicates(tx, records)
      if (fresh.length > 0) for (const fold of this.folds) await fold.apply(tx, fresh)
      await saveOffset(tx, name, end, records)
      return new Set(fresh.map((record) => `${record.workspace}/${record.endpoint}`))
    })
    if (touched.size > 0) {
      for (const fold of this.folds) await fold.committed?.(touched)
    }
    // Only now: `unreadBytes` is zero when what the records mean was looked at, not before.
    progress.offset = end
    return true
  }
}
