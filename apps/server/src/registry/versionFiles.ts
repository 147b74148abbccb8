import { createHash } from 'node:crypto'
import type { ArtifactFile } from '../experiments/index.ts'
import type { Blobs, Queryable } from '../platform/index.ts'
import { type ModelFile, readModelFile } from './modelFile.ts'

// An MLmodel is a few kilobytes; one of more than this is not read.
const MAX_MODEL_FILE_BYTES = 1024 * 1024

/** What the file MLmodel among a version's files says; nothing when there is none. */
export async function modelFileAmong(
  blobs: Blobs,
  db: Queryable,
  workspace: string,
  files: readonly ArtifactFile[],
): Promise<ModelFile> {
  const file = files.find(({ path }) => path === 'MLmodel')
  if (!file || file.bytes > MAX_MODEL_FILE_BYTES) return readModelFile('')
  const { stream } = await blobs.open(db, workspace, file.digest)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return readModelFile(Buffer.concat(chunks).toString('utf8'))
}

/** The content address of a list of files: of its paths and digests, in the order of the paths. */
export function digestOf(files: readonly ArtifactFile[]): string | null {
  if (files.length === 0) return null
  const hash = createHash('sha256')
  for (const file of files) hash.update(JSON.stringify([file.path, file.digest, file.bytes]))
  return `sha256:${hash.digest('hex')}`
}
