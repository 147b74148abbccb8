import { appendFile, mkdir, open, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

// Printing without end must not fill the disk.
const MOST_BYTES = 16 * 1024 * 1024
const FLUSH_MILLISECONDS = 50

/** Logs of steps: one file a step, its attempts one after the other. */
export class StepLogs {
  private readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  private path(run: string, step: string): string {
    return join(this.folder, run, `${step}.log`)
  }

  /** Opens the log for one attempt; `changed` is called when readers would see more. */
  async append(run: string, step: string, changed: () => void): Promise<StepLog> {
    const path = this.path(run, step)
    await mkdir(dirname(path), { recursive: true })
    return new StepLog(path, await sizeOf(path), changed)
  }

  bytes(run: string, step: string): Promise<number> {
    return sizeOf(this.path(run, step))
  }

  /** Text from an offset on, cut at a whole character. `offset` and `nextOffset` count bytes. */
  async read(run: string, step: string, offset: number, limit: number): Promise<{ text: string; nextOffset: number }> {
    const path = this.path(run, step)
    const size = await sizeOf(path)
    if (offset >= size) return { text: '', nextOffset: size }
    const file = await open(path, 'r')
    try {
      const buffer = Buffer.alloc(Math.min(limit, size - offset))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
      const whole = wholeCharacters(buffer.subarray(0, bytesRead))
      return { text: whole.toString('utf8'), nextOffset: offset + whole.length }
    } finally {
      await file.close()
    }
  }
}

/** One attempt's end of a log. Lines are written together, at most 50 ms after they came. */
class StepLog {
  private readonly path: string
  private readonly changed: () => void
  private bytes: number
  private waiting: string[] = []
  private timer: NodeJS.Timeout | undefined
  private written: Promise<void> = Promise.resolve()

  constructor(path: string, bytes: number, changed: () => void) {
    this.path = path
    this.bytes = bytes
    this.changed = changed
  }

  line(text: string): void {
    if (this.bytes > MOST_BYTES) return
    this.bytes += Buffer.byteLength(text) + 1
    this.waiting.push(this.bytes > MOST_BYTES ? '(The rest of this log was left out: it is longer than 16 MB.)' : text)
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MILLISECONDS)
  }

  /** Resolves when everything said so far is in the file. A full disk loses lines, not the step. */
  flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    const lines = this.waiting.splice(0)
    if (lines.length > 0)
      this.written = this.written
        .then(() => appendFile(this.path, `${lines.join('\n')}\n`))
        .catch(() => {})
        .then(() => this.changed())
    return this.written
  }
}

export type { StepLog }

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (found) => found.size,
    () => 0,
  )
}

/** Drops the beginning of a UTF-8 character at the end that the cut left incomplete. */
function wholeCharacters(buffer: Buffer): Buffer {
  for (let back = 1; back <= Math.min(4, buffer.length); back += 1) {
    const byte = buffer[buffer.length - back] ?? 0
    if (byte < 0x80) return buffer
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return length > back ? buffer.subarray(0, buffer.length - back) : buffer
    }
  }
  return buffer
}
