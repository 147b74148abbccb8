import { hash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Reads the bytes of a digest from the server; null when the server has none. */
export type FetchBlob = (digest: string, signal: AbortSignal) => Promise<Uint8Array | null>

/** The bytes of a version are not what its digest says, or the server does not have them. */
export class BlobUnusable extends Error {}

/** The gateway's own copies of the files of the versions that it serves, by content: what is read was checked. */
export class BlobCache {
  private readonly folder: string
  private readonly fetchBlob: FetchBlob

  constructor(folder: string, fetchBlob: FetchBlob) {
    this.folder = folder
    this.fetchBlob = fetchBlob
  }

  /**
   * The bytes of a digest: from the disk, else from the server.
   * @throws BlobUnusable when they are wrong or nowhere; whatever `fetchBlob` throws when the server is away.
   */
  async read(digest: string, signal: AbortSignal): Promise<Uint8Array> {
    const path = this.path(digest)
    const kept = await readFile(path).catch(() => null)
    if (kept && isDigestOf(digest, kept)) return kept
    const bytes = await this.fetchBlob(digest, signal)
    if (!bytes) throw new BlobUnusable(`The server has no content ${digest}.`)
    if (!isDigestOf(digest, bytes)) throw new BlobUnusable(`The content that the server sent is not ${digest}.`)
    await writeAtomically(path, bytes)
    return bytes
  }

  /** Path of a checked copy, for programs that read files. */
  async file(digest: string, signal: AbortSignal): Promise<string> {
    await this.read(digest, signal)
    return this.path(digest)
  }

  /** Removes what no version needs any more. */
  async keepOnly(digests: ReadonlySet<string>): Promise<void> {
    const wanted = new Set([...digests].map((digest) => fileName(digest)))
    for (const file of await readdir(this.folder).catch(() => [])) {
      if (!wanted.has(file)) await rm(join(this.folder, file), { force: true })
    }
  }

  private path(digest: string): string {
    return join(this.folder, fileName(digest))
  }
}

/** Hex digits only, so that a digest never leaves the folder. */
function fileName(digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest)
  if (!match?.[1]) throw new BlobUnusable('A content address reads "sha256:" and 64 hex digits.')
  return match[1]
}

/** Whether bytes are what `sha256:…` names. */
export function isDigestOf(digest: string, bytes: Uint8Array): boolean {
  return digest === `sha256:${hash('sha256', bytes, 'hex')}`
}

/** Writes a file so that its name shows either nothing or all of it, also after a power cut. */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const folder = join(path, '..')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomUUID()}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
