import { closeSync, fdatasync, fdatasyncSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LogRecord } from '@tidemark/contracts'

export interface SegmentOptions {
  /** `<data>/log/<gateway>`. */
  readonly folder: string
  readonly gateway: string
  readonly maxBytes?: number
  readonly maxAgeMs?: number
  readonly syncEveryMs?: number
  readonly onWritten?: (bytes: number) => void
  readonly onFailure?: (error: unknown) => void
}

interface Waiting {
  readonly line: string
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

interface Segment {
  readonly descriptor: number
  readonly openedAt: number
  bytes: number
}

/**
 * The prediction log of one gateway: NDJSON segments that only grow. `append` resolves when write(2) took the record: whatever kills this
 * process afterwards, the record is read. Records of one turn of the event loop share one write. The disk is synced every 100 ms, so that a power cut
 * costs at most that. Each process begins a new segment; a torn last line of a dead one has no newline and is ignored by readers.
 */
export class PredictionLog {
  private readonly options: Required<SegmentOptions>
  private waiting: Waiting[] = []
  private segment: Segment | undefined
  private next: number
  private dirty = false
  private syncing = false
  private readonly timer: NodeJS.Timeout
  private broken: unknown

  constructor(options: SegmentOptions) {
    this.options = {
      maxBytes: 8 * 1024 * 1024,
      maxAgeMs: 10 * 60_000,
      syncEveryMs: 100,
      onWritten: () => {},
      onFailure: () => {},
      ...options,
    }
    // Workers run models under another uid, which has no business with what callers sent.
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    this.next = 1 + Math.max(0, ...readdirSync(options.folder).map(segmentNumber))
    this.timer = setInterval(() => this.sync(), this.options.syncEveryMs)
    this.timer.unref()
  }

  /** Whether the last write succeeded. */
  get healthy(): boolean {
    return this.broken === undefined
  }

  /** @throws what write(2) failed with; the answer must then not leave. */
  append(record: LogRecord): Promise<void> {
    return new Promise((done, failed) => {
      if (this.waiting.length === 0) setImmediate(() => this.flush())
      this.waiting.push({ line: `${JSON.stringify(record)}\n`, done, failed })
    })
  }

  /** Writes what waits, syncs the disk and closes the segment. */
  close(): void {
    clearInterval(this.timer)
    this.flush()
    this.endSegment()
  }

  private flush(): void {
    if (this.waiting.length === 0) return
    const batch = this.waiting
    this.waiting = []
    try {
      const segment = this.currentSegment()
      const bytes = Buffer.from(batch.map((waiting) => waiting.line).join(''))
      writeAll(segment.descriptor, bytes)
      segment.bytes += bytes.length
      this.dirty = true
      this.broken = undefined
      this.options.onWritten(bytes.length)
      for (const waiting of batch) waiting.done()
    } catch (error) {
      this.broken = error
      // Part of the batch may be in the file: what follows must not continue its torn line.
      this.endSegment()
      this.options.onFailure(error)
      for (const waiting of batch) waiting.failed(error)
    }
  }

  private currentSegment(): Segment {
    const { maxBytes, maxAgeMs } = this.options
    const { segment } = this
    if (segment && segment.bytes < maxBytes && Date.now() - segment.openedAt < maxAgeMs) return segment
    this.endSegment()
    return this.openSegment()
  }

  private openSegment(): Segment {
    const { folder, gateway } = this.options
    for (;;) {
      const number = this.next++
      const path = join(folder, `${String(number).padStart(8, '0')}.ndjson`)
      try {
        // Exclusive: two processes that were given one folder by mistake never write into one file.
        const descriptor = openSync(path, 'wx', 0o600)
        const openedAt = Date.now()
        const header = { format: 1, gateway, segment: number, openedAt: new Date(openedAt).toISOString() }
        const bytes = Buffer.from(`${JSON.stringify(header)}\n`)
        this.segment = { descriptor, openedAt, bytes: bytes.length }
        writeAll(descriptor, bytes)
        syncFolder(folder)
        return this.segment
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
    }
  }

  private endSegment(): void {
    const { segment } = this
    if (!segment) return
    this.segment = undefined
    this.dirty = false
    try {
      fdatasyncSync(segment.descriptor)
    } catch (error) {
      this.options.onFailure(error)
    }
    // A sync on the thread pool may still use the descriptor; closing it now could hand its number to another file.
    if (this.syncing) setTimeout(() => closeSync(segment.descriptor), 1000).unref()
    else closeSync(segment.descriptor)
  }

  private sync(): void {
    const { segment } = this
    if (!segment || !this.dirty || this.syncing) return
    this.dirty = false
    this.syncing = true
    fdatasync(segment.descriptor, (error) => {
      this.syncing = false
      if (error && this.segment === segment) this.options.onFailure(error)
    })
  }
}

/** 12 of `00000012.ndjson`; 0 of any other file. */
export function segmentNumber(file: string): number {
  const match = /^(\d{8,})\.ndjson$/.exec(file)
  return match ? Number(match[1]) : 0
}

function writeAll(descriptor: number, bytes: Buffer): void {
  let written = 0
  while (written < bytes.length) written += writeSync(descriptor, bytes, written)
}

/** Makes the name of a new segment as durable as its content will be. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fdatasyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
