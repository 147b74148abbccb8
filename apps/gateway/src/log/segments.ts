import { closeSync, fdatasync, mkdirSync, openSync, readdirSync, rmSync, writeSync, writevSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LogRecord } from '@tidemark/contracts'
import { type Line, lineOf, type Texts } from './line.ts'

const syncData = promisify(fdatasync)

export interface SegmentOptions {
  /** `<data>/log/<gateway>`. */
  readonly folder: string
  readonly gateway: string
  readonly maxBytes?: number
  readonly maxAgeMs?: number
  readonly syncEveryMs?: number
  /** After a failed write, appends fail at once for so long: a full disk is not filled with the beginnings of segments. */
  readonly retryAfterMs?: number
  readonly onWritten?: (bytes: number) => void
  readonly onFailure?: (error: unknown) => void
}

interface Waiting {
  readonly line: Line
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

interface Segment {
  readonly descriptor: number
  readonly openedAt: number
  bytes: number
  /** Whether a record is in it, beside the header. */
  filled: boolean
  /** Written since the last sync began. */
  dirty: boolean
  /** Ends when no sync of it is under way; the descriptor must stay open until then. */
  synced: Promise<void>
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
  private syncing = false
  private readonly timer: NodeJS.Timeout
  /** The last write failed with this. */
  private broken: { readonly error: unknown; readonly at: number } | undefined

  constructor(options: SegmentOptions) {
    this.options = {
      maxBytes: 8 * 1024 * 1024,
      maxAgeMs: 10 * 60_000,
      syncEveryMs: 100,
      retryAfterMs: 200,
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

  /**
   * @param texts parts of the record that are JSON already
   * @param alone nothing else is under way that could share the write: it need not wait for the turn's end
   * @throws what write(2) failed with; the answer must then not leave.
   */
  append(record: LogRecord, texts?: Texts, alone = false): Promise<void> {
    return new Promise((done, failed) => {
      if (this.waiting.length === 0 && !alone) setImmediate(() => this.flush())
      this.waiting.push({ line: lineOf(record, texts), done, failed })
      if (alone) this.flush()
    })
  }

  /** Writes what waits, syncs the disk and closes the segment. */
  async close(): Promise<void> {
    clearInterval(this.timer)
    this.flush()
    await this.endSegment()
  }

  private flush(): void {
    if (this.waiting.length === 0) return
    const batch = this.waiting
    this.waiting = []
    const { broken } = this
    if (broken && Date.now() - broken.at < this.options.retryAfterMs) {
      for (const waiting of batch) waiting.failed(broken.error)
      return
    }
    try {
      const segment = this.currentSegment()
      const bytes = writeLines(
        segment.descriptor,
        batch.flatMap((waiting) => waiting.line),
      )
      segment.bytes += bytes
      segment.filled = true
      segment.dirty = true
      this.broken = undefined
      this.options.onWritten(bytes)
      for (const waiting of batch) waiting.done()
    } catch (error) {
      this.broken = { error, at: Date.now() }
      // Part of the batch may be in the file: what follows must not continue its torn line.
      void this.endSegment()
      this.options.onFailure(error)
      for (const waiting of batch) waiting.failed(error)
    }
  }

  private currentSegment(): Segment {
    const { maxBytes, maxAgeMs } = this.options
    const { segment } = this
    if (segment && segment.bytes < maxBytes && Date.now() - segment.openedAt < maxAgeMs) return segment
    void this.endSegment()
    return this.openSegment()
  }

  private openSegment(): Segment {
    const { folder, gateway } = this.options
    for (;;) {
      const number = this.next++
      const path = join(folder, `${String(number).padStart(8, '0')}.ndjson`)
      let descriptor: number
      try {
        // Exclusive: two processes that were given one folder by mistake never write into one file.
        descriptor = openSync(path, 'wx', 0o600)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue
        throw error
      }
      const openedAt = Date.now()
      const header = { format: 1, gateway, segment: number, openedAt: new Date(openedAt).toISOString() }
      const bytes = Buffer.from(`${JSON.stringify(header)}\n`)
      try {
        writeAll(descriptor, bytes)
      } catch (error) {
        closeSync(descriptor)
        rmSync(path, { force: true })
        throw error
      }
      const synced = this.reported(syncFolder(folder))
      this.segment = { descriptor, openedAt, bytes: bytes.length, filled: false, dirty: true, synced }
      return this.segment
    }
  }

  /** Syncs and closes the segment, off the event loop: the next one is written meanwhile. */
  private async endSegment(): Promise<void> {
    const { segment } = this
    if (!segment) return
    this.segment = undefined
    await segment.synced
    await this.syncNow(segment)
    closeSync(segment.descriptor)
  }

  /** Begins a new segment when this one is older and something is in it: readers take a segment for complete when the next one is there. */
  endOpenedBefore(milliseconds: number): void {
    if (!this.segment?.filled || this.segment.openedAt >= milliseconds) return
    try {
      void this.endSegment()
      this.openSegment()
    } catch (error) {
      this.broken = { error, at: Date.now() }
      this.options.onFailure(error)
    }
  }

  private sync(): void {
    // Also when nobody asks for predictions any more: what is in it must become old, and be erased, in time.
    this.endOpenedBefore(Date.now() - this.options.maxAgeMs)
    this.syncDirty()
  }

  private syncDirty(): void {
    const { segment } = this
    if (!segment?.dirty || this.syncing) return
    this.syncing = true
    segment.synced = this.syncNow(segment).finally(() => {
      this.syncing = false
    })
  }

  private async syncNow(segment: Segment): Promise<void> {
    segment.dirty = false
    await this.reported(syncData(segment.descriptor))
  }

  private reported(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => this.options.onFailure(error))
  }
}

/** 12 of `00000012.ndjson`; 0 of any other file. */
function segmentNumber(file: string): number {
  const match = /^(\d{8,})\.ndjson$/.exec(file)
  return match ? Number(match[1]) : 0
}

/** Writes the parts of lines one after the other. @returns how many bytes they are */
function writeLines(descriptor: number, parts: Line): number {
  if (parts.every((part) => typeof part === 'string')) {
    const bytes = Buffer.from(parts.join(''))
    writeAll(descriptor, bytes)
    return bytes.length
  }
  const buffers = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
  const length = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const written = writevSync(descriptor, buffers)
  // Rare enough to pay for the copy: a disk that is nearly full, or a signal.
  if (written < length) writeAll(descriptor, Buffer.concat(buffers).subarray(written))
  return length
}

function writeAll(descriptor: number, bytes: Buffer): void {
  let written = 0
  while (written < bytes.length) written += writeSync(descriptor, bytes, written)
}

/** Makes the name of a new segment as durable as its content will be. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
