import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { Measure, measureFile, openUpTo } from './parts.ts'

/** A file of a backup: what it holds, and for a file that has a name where it lies below the data folder. */
export const Entry = z.object({
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  bytes: z.int(),
  path: z.string().optional(),
})
export type Entry = z.infer<typeof Entry>

/** Files by their content, shared by all backups of a folder: what an earlier one brought is not copied again. */
export class Pool {
  private readonly folder: string
  /** A backup that was killed may have lost the content of what it renamed, when the machine went down with it. */
  private readonly doubtful: boolean

  constructor(folder: string, doubtful = false) {
    this.folder = join(folder, 'files')
    this.doubtful = doubtful
  }

  path(digest: string): string {
    const hex = digest.slice('sha256:'.length)
    return join(this.folder, hex.slice(0, 2), hex)
  }

  /** What a killed backup left half-written. */
  async tidy(): Promise<void> {
    await rm(join(this.folder, 'tmp'), { recursive: true, force: true })
  }

  /** True when the pool has a file of that content; it was hashed when it came. */
  async has(entry: Entry): Promise<boolean> {
    const present = (await sizeOf(this.path(entry.digest))) === entry.bytes
    return present && (!this.doubtful || (await this.isSound(entry)))
  }

  /** Whether a file of the pool still has the content that it is named for. */
  async isSound({ digest, bytes }: Entry): Promise<boolean> {
    const measured = await measureFile(this.path(digest))
    return measured?.bytes === bytes && `sha256:${measured.sha256}` === digest
  }

  /** What a file holds, up to `bytes`. */
  async tell(source: string, bytes: number): Promise<Entry> {
    const measured = await measureFile(source, bytes)
    return { digest: `sha256:${measured?.sha256 ?? ''}`, bytes: measured?.bytes ?? 0 }
  }

  /** Copies a file into the pool, up to `mostBytes`: one that grows meanwhile is taken as it was. @returns what was copied. */
  async take(source: string, mostBytes?: number): Promise<Entry> {
    const temporary = join(this.folder, 'tmp', randomUUID())
    await mkdir(dirname(temporary), { recursive: true, mode: 0o700 })
    try {
      const entry = await copyMeasured(source, temporary, 0o600, mostBytes)
      const path = this.path(entry.digest)
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await rename(temporary, path)
      return entry
    } finally {
      await rm(temporary, { force: true })
    }
  }
}

/** Copies a file and says what was in it. The target must not be there. */
export async function copyMeasured(source: string, target: string, mode: number, mostBytes?: number): Promise<Entry> {
  const measure = new Measure()
  const from = openUpTo(source, mostBytes)
  await pipeline(from, measure, createWriteStream(target, { mode, flags: 'wx' }))
  return { digest: `sha256:${measure.sha256()}`, bytes: measure.bytes }
}

export async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : null),
    () => null,
  )
}

/** Brings everything written to the folder's file system onto the disk: one call instead of an fsync of each of 100,000 files. */
export async function syncFileSystem(folder: string): Promise<void> {
  const code = await new Promise<number | null>((resolve) => {
    const child = spawn('sync', ['-f', folder], { stdio: 'ignore' })
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`"sync -f ${folder}" failed: what was written may not survive a power cut.`)
}
