import { createHash } from 'node:crypto'
import { filesChecksum } from '@tidemark/mlflow-protocol/checksum'
import { type ArtifactReader, isObjectStore, type Listing, type Owner, type SourceFile } from './artifacts.ts'
import { Lanes } from './lanes.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

/** Folders listed and files copied at the same time. */
const AT_ONCE = 6

type Files = Extract<Listing, { kind: 'files' }>
type Here = ReadonlyMap<string, { bytes: number; digest: string }>

/**
 * Copies the files of runs and logged models, and compares the SHA-256 of each with what arrived.
 * @returns ids of the owners whose files are not all here
 */
export async function importFiles(
  owners: readonly Owner[],
  reader: ArtifactReader | null,
  target: Target,
  tally: Tally,
): Promise<Set<string>> {
  const incomplete = new Set<string>()
  const listed = await listAll(owners, reader, tally, incomplete)
  const known = await target.known('files', [...listed.keys()])
  const open = owners.filter((owner) => {
    const listing = listed.get(owner.id)
    if (!listing) return false
    if (listing.files.length === 0) return false
    const same = known.get(owner.id)?.stamp === stampOf(listing.files)
    if (same) tally.count('file', 'unchanged', listing.files.length)
    return !same
  })
  const places = await placesOf(open, target)
  const lanes = new Lanes(AT_ONCE)
  for (const owner of open) {
    const listing = listed.get(owner.id)
    const place = places.get(owner.id)
    if (!reader || !listing || !place) continue
    await lanes.begin(async () => {
      if (!(await copyFolder(owner, listing, place, reader, target, tally))) incomplete.add(owner.id)
    })
  }
  await lanes.end()
  return incomplete
}

async function listAll(
  owners: readonly Owner[],
  reader: ArtifactReader | null,
  tally: Tally,
  incomplete: Set<string>,
): Promise<Map<string, Files>> {
  const listed = new Map<string, Files>()
  const lanes = new Lanes(AT_ONCE)
  for (const owner of owners) {
    if (isObjectStore(owner.uri)) {
      tally.tell('file', owner.uri, 'Files in an object store stay there: the address was kept.')
      continue
    }
    if (!reader) {
      incomplete.add(owner.id)
      continue
    }
    await lanes.begin(async () => {
      const listing = await reader.list(owner)
      if (listing.kind === 'files') {
        listed.set(owner.id, listing)
        return
      }
      incomplete.add(owner.id)
      tally.tell('file', owner.uri, `Files not read: ${listing.reason}.`)
    })
  }
  await lanes.end()
  return listed
}

async function placesOf(owners: readonly Owner[], target: Target): Promise<Map<string, { path: string; files: Here }>> {
  const places = new Map<string, { path: string; files: Here }>()
  // A thousand owners in one question, at most.
  for (let from = 0; from < owners.length; from += 1000) {
    const asked = owners.slice(from, from + 1000).map(({ kind, id }) => ({ kind, id }))
    const { folders } = await target.client.importFiles({ params: { import: target.id }, body: { owners: asked } })
    for (const { id, path, files } of folders) {
      if (path !== null) places.set(id, { path, files: new Map(files.map((file) => [file.path, file])) })
    }
  }
  return places
}

/** @returns whether all files of the owner are here, byte for byte */
async function copyFolder(
  owner: Owner,
  listing: Files,
  place: { path: string; files: Here },
  reader: ArtifactReader,
  target: Target,
  tally: Tally,
): Promise<boolean> {
  const digests = new Map<string, string>()
  let complete = listing.leftOut.length === 0
  for (const path of listing.leftOut) tally.skip('file', `${owner.uri}/${path}`, 'it is no plain file')
  for (const file of listing.files) {
    const before = place.files.get(file.path)
    if (before?.bytes === file.bytes) {
      const digest = await digestOf(reader, owner, file)
      if (digest === before.digest) {
        digests.set(file.path, digest)
        tally.count('file', 'unchanged')
        continue
      }
    }
    const { digest, refused } = await target.upload(`${place.path}/${file.path}`, await reader.open(owner, file.path))
    if (refused === null) {
      digests.set(file.path, digest)
      tally.count('file', before ? 'updated' : 'imported')
    } else {
      complete = false
      tally.skip('file', `${owner.uri}/${file.path}`, refused)
    }
  }
  const here = (await placesOf([owner], target)).get(owner.id)?.files
  for (const [path, digest] of digests) {
    if (here?.get(path)?.digest === digest) continue
    complete = false
    tally.mismatch('file', `${owner.uri}/${path}`, 'its SHA-256 differs here')
  }
  if (complete) {
    const files = listing.files.map((file) => ({ ...file, digest: digests.get(file.path) ?? '' }))
    const note = { id: owner.id, stamp: stampOf(listing.files), digest: filesChecksum(files) }
    await target.client.noteFiles({ params: { import: target.id }, body: note })
  }
  return complete
}

function stampOf(files: readonly SourceFile[]): string {
  return filesChecksum(files).slice('sha256:'.length)
}

async function digestOf(reader: ArtifactReader, owner: Owner, file: SourceFile): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await reader.open(owner, file.path)) hash.update(chunk as Buffer)
  return `sha256:${hash.digest('hex')}`
}
