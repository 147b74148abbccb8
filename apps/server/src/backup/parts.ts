import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { BackupDamaged } from './errors.ts'
import type { Part } from './manifest.ts'

/** Passes bytes on, and counts and hashes them. */
export class Measure extends Transform {
  bytes = 0
  private readonly hash: Hash = createHash('sha256')

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length
    this.hash.update(chunk)
    done(null, chunk)
  }

  /** SHA-256 in hex, of all that passed; asked once, at the end. */
  sha256(): string {
    return this.hash.digest('hex')
  }
}

/** Writes a stream as a compressed part of a backup. */
export async function writePart(folder: string, file: string, source: Readable): Promise<Part> {
  const content = new Measure()
  const stored = new Measure()
  const target = createWriteStream(join(folder, file), { mode: 0o600, flags: 'wx' })
  await pipeline(source, content, createZstdCompress(), stored, target)
  return { file, bytes: stored.bytes, sha256: stored.sha256(), contentSha256: content.sha256() }
}

/** @throws BackupDamaged when the part is not what the manifest says. */
export async function verifyPart(folder: string, part: Part): Promise<void> {
  const path = join(folder, part.file)
  const measured = await measureFile(path)
  if (measured === null) throw BackupDamaged(path, 'is missing')
  if (measured.bytes !== part.bytes || measured.sha256 !== part.sha256) throw BackupDamaged(path, 'has been changed')
}

export async function readPart(folder: string, part: Part, into: NodeJS.WritableStream): Promise<void> {
  await pipeline(createReadStream(join(folder, part.file)), createZstdDecompress(), into)
}

/** The lines of a part, one after the other. */
export async function* linesOf(folder: string, part: Part): AsyncGenerator<string> {
  const file = createReadStream(join(folder, part.file))
  const content = file.pipe(createZstdDecompress())
  file.on('error', (error) => content.destroy(error))
  // Not by node:readline, for which U+2028 ends a line, too: in JSON it is a character as any other.
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of content) {
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

/** The first bytes of a file, or all of it. */
export function openUpTo(path: string, mostBytes: number | undefined): Readable {
  if (mostBytes === 0) return Readable.from([])
  return createReadStream(path, mostBytes === undefined ? {} : { end: mostBytes - 1 })
}

/** Size and SHA-256 of a file, or of its first bytes; null when there is none. */
export async function measureFile(path: string, mostBytes?: number): Promise<{ bytes: number; sha256: string } | null> {
  const measure = new Measure()
  try {
    await pipeline(openUpTo(path, mostBytes), measure, async (chunks: AsyncIterable<Buffer>) => {
      for await (const _ of chunks);
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  return { bytes: measure.bytes, sha256: measure.sha256() }
}
