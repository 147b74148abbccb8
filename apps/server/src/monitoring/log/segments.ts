import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LogRecord, SegmentHeader } from '@tidemark/contracts'

/** A file of the prediction log: `<folder>/<gateway>/<8 digits>.ndjson`, written by one gateway process from its first byte to its last. */
export interface SegmentName {
  readonly gateway: string
  readonly segment: number
}

/** Where a gateway's segment lies below the log folder. */
export function segmentPath(folder: string, { gateway, segment }: SegmentName): string {
  return join(folder, gateway, `${String(segment).padStart(8, '0')}.ndjson`)
}

export const keyOf = ({ gateway, segment }: SegmentName): string => `${gateway}/${segment}`

/** A folder's time stamp is trusted when it is this old: two changes within one tick of the clock bear the same. */
const SETTLED_MILLISECONDS = 2_000

/** Lists segments again and again at the price of a stat: a folder is read anew when its time stamp moved. */
export class SegmentFolder {
  private readonly folder: string
  private readonly known = new Map<string, { changedAt: number; names: string[] }>()

  constructor(folder: string) {
    this.folder = folder
  }

  /** Segments, the oldest of each gateway first; `after` tells up to which number of a gateway nobody asks. No folder yet: no gateway yet. */
  async list(after: (gateway: string) => number): Promise<SegmentName[]> {
    const found: SegmentName[] = []
    for (const gateway of (await this.names(this.folder)).toSorted()) {
      const done = after(gateway)
      const numbers = (await this.names(join(this.folder, gateway))).map(segmentOf).filter((number) => number > done)
      for (const segment of numbers.sort((a, b) => a - b)) found.push({ gateway, segment })
    }
    return found
  }

  private async names(folder: string): Promise<string[]> {
    const changedAt = await stat(folder).then(
      (stats) => stats.mtimeMs,
      () => -1,
    )
    const known = this.known.get(folder)
    if (known?.changedAt === changedAt && Date.now() - changedAt > SETTLED_MILLISECONDS) return known.names
    const read = await names(folder)
    this.known.set(folder, { changedAt, names: read })
    return read
  }
}

/** The number of a segment's file, −1 for another file. */
function segmentOf(file: string): number {
  return Number(/^(\d{8,})\.ndjson$/.exec(file)?.[1] ?? -1)
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

/** Bytes of a file; 0 when there is none. */
export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

export interface Line {
  readonly text: string
  /** Offset in the segment of the byte after the line. */
  readonly end: number
}

const EARLIEST_TIME = Date.UTC(1000, 0, 1)
const LATEST_TIME = Date.UTC(9999, 0, 1)

const CHUNK_BYTES = 1 << 20

/**
 * Complete lines from an offset on, at most `limit`. A last line without its newline is not complete: its writer is still at it, or died
 * at it.
 */
export async function readLines(path: string, offset: number, limit: number): Promise<Line[]> {
  const file = await openOrNull(path)
  // It went to the archive meanwhile, or there is none.
  if (!file) return []
  try {
    return await collectLines(file, offset, limit)
  } finally {
    await file.close()
  }
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function collectLines(file: FileHandle, offset: number, limit: number): Promise<Line[]> {
  const lines: Line[] = []
  let pending = Buffer.alloc(0)
  let position = offset
  while (lines.length < limit) {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
    const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position + pending.length)
    if (bytesRead === 0) break
    const bytes = Buffer.concat([pending, buffer.subarray(0, bytesRead)])
    let start = 0
    while (lines.length < limit) {
      const newline = bytes.indexOf(0x0a, start)
      if (newline < 0) break
      lines.push({ text: bytes.toString('utf8', start, newline), end: position + newline + 1 })
      start = newline + 1
    }
    position += start
    pending = bytes.subarray(start)
  }
  return lines
}

/** Each complete line of a segment from an offset to (at most) another; reads on as it is asked. */
export async function* eachLine(path: string, from = 0, to = Number.POSITIVE_INFINITY): AsyncGenerator<Line> {
  for (let offset = from; offset < to; ) {
    const lines = await readLines(path, offset, 2_000)
    const last = lines.at(-1)
    if (!last) return
    for (const line of lines) if (line.end <= to) yield line
    offset = last.end
  }
}

const PART_BYTES = 512 << 10

/** The complete lines of a segment from its end to its beginning, in parts; within a part the last line comes first. */
export async function* linesBackward(path: string): AsyncGenerator<Line[]> {
  let end = await sizeOf(path)
  for (let bytes = PART_BYTES; end > 0; ) {
    const start = Math.max(0, end - bytes)
    const lines: Line[] = []
    for await (const line of eachLine(path, start, end)) lines.push(line)
    // Not at the file's beginning: the first line may be the rest of one that the earlier part begins.
    const rest = start > 0 ? lines.shift() : undefined
    yield lines.reverse()
    if (start === 0) return
    // A line longer than a part: look further back at once.
    bytes = lines.length === 0 ? bytes * 2 : PART_BYTES
    if (rest) end = rest.end
  }
}

export type ParsedLine =
  | { readonly kind: 'header' }
  | { readonly kind: 'record'; readonly record: LogRecord }
  | { readonly kind: 'unreadable'; readonly reason: string }

/** Parses a line; the first of a segment is its header. A header of another format makes the segment unreadable for this release. */
export function parseLine(text: string, first: boolean): ParsedLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { kind: 'unreadable', reason: (error as Error).message }
  }
  const parsed = first ? SegmentHeader.safeParse(value) : LogRecord.safeParse(value)
  if (!parsed.success) return { kind: 'unreadable', reason: parsed.error.issues[0]?.message ?? 'unknown shape' }
  if (first) return { kind: 'header' }
  const record = parsed.data as LogRecord
  // A date beyond the calendar would end every window, or no date at all.
  if (!(record.eventTime > EARLIEST_TIME && record.eventTime < LATEST_TIME))
    return { kind: 'unreadable', reason: 'event time outside the years 1000 to 9998' }
  return { kind: 'record', record }
}
