import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { artifactPath, invalid, missing } from '@tidemark/mlflow-protocol'
import type { Actor, Part, Platform } from '../platform/index.ts'
import type { Artifacts } from './artifacts.ts'
import type { ArtifactFile } from './types.ts'

/** As many as S3 allows; MLflow's client cuts a file into pieces of 10 MB. */
const MOST_PARTS = 10_000
/** An upload of which nothing was heard for so long is given up. */
const IDLE_MILLISECONDS = 24 * 3600 * 1000

export type Uploads = ReturnType<typeof createUploads>

interface Upload {
  readonly path: string
  readonly workspace: string
  readonly owner: string
  readonly parts: (Part | null)[]
  heardAtMs: number
}

/**
 * Uploads in several parts: MLflow's client begins one, sends its parts side by side, and completes it; only then has the file a name. They
 * live as long as the server: no client goes on with one after a failure, it aborts and begins anew.
 */
export function createUploads(platform: Platform, artifacts: Artifacts) {
  const { blobs, clock } = platform
  const uploads = new Map<string, Upload>()

  async function forget(id: string, upload: Upload): Promise<void> {
    uploads.delete(id)
    for (const part of upload.parts) if (part) await blobs.dropPart(part)
  }

  async function forgetIdle(nowMs: number): Promise<void> {
    for (const [id, upload] of uploads) if (nowMs - upload.heardAtMs > IDLE_MILLISECONDS) await forget(id, upload)
  }

  /** An upload of the actor's own: the id alone opens nothing. */
  function own(actor: Actor, id: string | undefined): { id: string; upload: Upload } {
    const upload = id === undefined ? undefined : uploads.get(id)
    if (id === undefined || upload?.workspace !== actor.workspace || upload.owner !== actor.id) {
      throw missing(`No upload with id '${id ?? ''}' is open`)
    }
    upload.heardAtMs = clock.now().getTime()
    return { id, upload }
  }

  function ofPath(actor: Actor, id: string | undefined, path: string): { id: string; upload: Upload } {
    const found = own(actor, id)
    if (found.upload.path !== path) throw missing(`No upload with id '${found.id}' is open for '${path}'`)
    return found
  }

  return {
    /** Begins an upload of `parts` parts. @returns its id. */
    async create(actor: Actor, folder: string, name: string, parts: number): Promise<string> {
      const path = await artifacts.mayWrite(actor, pathIn(folder, name))
      if (parts < 1 || parts > MOST_PARTS) throw invalid(`'num_parts' must be between 1 and ${MOST_PARTS}.`)
      const heardAtMs = clock.now().getTime()
      await forgetIdle(heardAtMs)
      const id = randomUUID()
      const { workspace, id: owner } = actor
      uploads.set(id, { path, workspace, owner, parts: Array.from({ length: parts }, () => null), heardAtMs })
      return id
    },

    /** Takes a part, numbered from 1; sent again, the last one counts. @returns its tag, by which the client names it at the end. */
    async takePart(actor: Actor, id: string, number: number, content: Readable | Uint8Array): Promise<string> {
      actor.require('experiments.write', id)
      const { upload } = own(actor, id)
      if (!Number.isInteger(number) || number < 1 || number > upload.parts.length) {
        throw invalid(`This upload has parts 1 to ${upload.parts.length}, not ${number}.`)
      }
      const part = await blobs.writePart(content)
      const before = upload.parts[number - 1]
      upload.parts[number - 1] = part
      if (before) await blobs.dropPart(before)
      // Given up while the part came: nobody else would remove it.
      if (uploads.get(id) !== upload) await blobs.dropPart(part)
      return part.tag
    },

    /** Puts the parts together and names the file. @throws MlflowError when one is missing or is not what the client sent. */
    async complete(
      actor: Actor,
      folder: string,
      name: string,
      id: string | undefined,
      told: readonly { readonly number: number | undefined; readonly tag: string | undefined }[],
    ): Promise<ArtifactFile> {
      actor.require('experiments.write', name)
      const { upload, id: known } = ofPath(actor, id, artifactPath(pathIn(folder, name)))
      const parts = upload.parts.map((part, index) => {
        if (!part) throw invalid(`Part ${index + 1} of the upload is missing.`)
        return part
      })
      const wrong = told.find(({ number, tag }) => parts[(number ?? 0) - 1]?.tag !== tag)
      if (told.length !== parts.length || wrong) {
        throw invalid(
          wrong
            ? `Part ${wrong.number} of the upload is not what its ETag says.`
            : `The upload has ${parts.length} parts, ${told.length} were named.`,
        )
      }
      const file = await artifacts.write(actor, upload.path, blobs.readParts(parts))
      await forget(known, upload)
      return file
    },

    async abort(actor: Actor, folder: string, name: string, id: string | undefined): Promise<void> {
      actor.require('experiments.write', name)
      const found = ofPath(actor, id, artifactPath(pathIn(folder, name)))
      await forget(found.id, found.upload)
    },
  }
}

/** The client gives the path of its own file, of which only the name counts. */
function pathIn(folder: string, name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? ''
  if (last === '' || last === '.') throw invalid('Invalid path')
  return `${artifactPath(folder)}/${last}`
}
