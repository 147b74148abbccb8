import { Readable } from 'node:stream'
import { artifactPath, invalid, MlflowError, requests } from '@tidemark/mlflow-protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { actorOf } from '../../platform/index.ts'
import type { Artifacts } from '../artifacts.ts'
import { ownFolder } from '../location.ts'
import type { LoggedModels } from '../loggedModels.ts'
import type { Tracking } from '../tracking.ts'
import type { Uploads } from '../uploads.ts'
import { type MlflowRoutes, PREFIXES } from './plugin.ts'

/** Of MLflow's own page, which uploads charts. */
const PAGE_UPLOAD_BYTES = 10 * 1024 * 1024
/** What signed addresses may live at clouds: a week. */
const LONGEST_SIGNED_SECONDS = 604_800

/** Uploads in several parts, below `2.0/mlflow-artifacts/`. */
export function uploadRoutes(uploads: Uploads): MlflowRoutes {
  const folderOf = (params: Readonly<Record<string, string | undefined>>) => params['*'] ?? ''
  return {
    'POST mpu/create/*': async ({ read, actor, params, request }) => {
      const { path, num_parts = 1 } = read(requests.CreateMultipartUpload)
      const id = await uploads.create(actor, folderOf(params), path, num_parts)
      const headers = credentialsOf(request)
      const credentials = Array.from({ length: num_parts }, (_, index) => ({
        url: `${addressOf(request)}/api/2.0/mlflow-artifacts/mpu/part/${id}/${index + 1}`,
        part_number: index + 1,
        headers,
      }))
      return { upload_id: id, credentials }
    },
    'POST mpu/complete/*': async ({ read, actor, params }) => {
      const { path, upload_id, parts = [] } = read(requests.CompleteMultipartUpload)
      const told = parts.map(({ part_number, etag }) => ({ number: part_number, tag: etag?.replaceAll('"', '') }))
      await uploads.complete(actor, folderOf(params), path, upload_id, told)
      return {}
    },
    'POST mpu/abort/*': async ({ read, actor, params }) => {
      const { path, upload_id } = read(requests.AbortMultipartUpload)
      await uploads.abort(actor, folderOf(params), path, upload_id)
      return {}
    },
    'GET presigned/*': async ({ actor, params }) => {
      actor.require('experiments.read')
      artifactPath(folderOf(params))
      throw new MlflowError(
        'NOT_IMPLEMENTED',
        'Multipart download is not supported for the current artifact repository',
      )
    },
  }
}

/** Signed addresses of clouds, below `2.0/mlflow/`: as MLflow's server with a store of its own, this one has none to give. */
export function signedRoutes(tracking: Tracking, models: LoggedModels): MlflowRoutes {
  return {
    'POST artifacts/presigned-upload-url': async ({ read, actor }) => {
      const { run_id = '', model_id = '', path } = read(requests.PresignedUploadUrl)
      if ((run_id === '') === (model_id === '')) throw invalid('Exactly one of run_id and model_id must be provided.')
      artifactPath(path)
      const { artifactUri } = run_id === '' ? await models.get(actor, model_id) : await tracking.run(actor, run_id)
      throw refused('upload', artifactUri, 'Presigned upload is not supported for proxied artifact storage')
    },
    'POST artifacts/presigned-download-url': async ({ read, actor }) => {
      const { run_id, path, expiration = 1 } = read(requests.PresignedDownloadUrl)
      artifactPath(path)
      if (expiration < 1 || expiration > LONGEST_SIGNED_SECONDS) {
        throw invalid(`expiration must be between 1 and ${LONGEST_SIGNED_SECONDS} seconds (got ${expiration}).`)
      }
      const { artifactUri } = await tracking.run(actor, run_id)
      throw refused(
        'download',
        artifactUri,
        'Presigned download is not supported for runs with proxied artifact storage',
      )
    },
  }
}

function refused(what: 'upload' | 'download', uri: string, why: string): MlflowError {
  const scheme = /^[A-Za-z][A-Za-z0-9+.-]*(?=:)/.exec(uri)?.[0] ?? ''
  if (scheme !== 'mlflow-artifacts') {
    const message = `Presigned ${what} is not supported for the current artifact repository`
    return new MlflowError('NOT_IMPLEMENTED', message)
  }
  const needed =
    what === 'upload' ? 'a direct cloud storage artifact URI' : 'a run with a direct cloud storage artifact URI'
  return invalid(`${why} (artifact URI scheme: ${scheme}). This endpoint requires ${needed}.`)
}

/** Uploads whose body is the content: in a scope that hands the stream through. */
export function streamRoutes(scope: FastifyInstance, artifacts: Artifacts, uploads: Uploads, tracking: Tracking): void {
  for (const prefix of PREFIXES) {
    scope.put(`${prefix}2.0/mlflow-artifacts/mpu/part/:upload/:number`, async (request, reply) => {
      const { upload, number } = request.params as { upload: string; number: string }
      const tag = await uploads.takePart(actorOf(request), upload, Number(number), bodyOf(request))
      return reply.header('etag', `"${tag}"`).send()
    })
  }
  scope.post('/ajax-api/2.0/mlflow/upload-artifact', async (request, reply) => {
    const actor = actorOf(request)
    const { run_uuid, path } = request.query as Record<string, unknown>
    if (typeof run_uuid !== 'string' || run_uuid === '') throw invalid('Request must specify run_uuid.')
    if (typeof path !== 'string' || path === '') throw invalid('Request must specify path.')
    const inside = artifactPath(path)
    if (Number(request.headers['content-length'] ?? 0) > PAGE_UPLOAD_BYTES) throw tooLarge()
    // A form's fields are no content, as MLflow's server reads it.
    const isForm = /^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(
      request.headers['content-type'] ?? '',
    )
    const first = isForm ? undefined : await firstOf(bodyOf(request))
    if (!first) throw invalid('Request must specify data.')
    const run = await tracking.run(actor, run_uuid)
    await artifacts.write(actor, `${ownFolder(run.artifactUri)}/${inside}`, Readable.from(first))
    return reply.type('application/json').send('')
  })
}

/** The body as it comes; nothing when there is none. */
export function bodyOf(request: FastifyRequest): Readable | Uint8Array {
  return (request.body as Readable | null | undefined) ?? new Uint8Array()
}

const tooLarge = () => invalid('Artifact size is too large. Max size is 10MB.')

/** A stream again, of which at least one byte has come; null for an empty one. @throws MlflowError beyond the limit, while it is read. */
async function firstOf(body: Readable | Uint8Array): Promise<AsyncGenerator<Buffer> | null> {
  if (body instanceof Uint8Array) return null
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const begin = await pieces.next()
  if (begin.done) return null
  return (async function* () {
    let bytes = 0
    for (let piece: IteratorResult<Buffer> = begin; !piece.done; piece = await pieces.next()) {
      bytes += piece.value.length
      if (bytes > PAGE_UPLOAD_BYTES) throw tooLarge()
      yield piece.value
    }
  })()
}

/** How this server was reached, so that the client sends parts the same way. */
function addressOf(request: FastifyRequest): string {
  const forwarded = [request.headers['x-forwarded-proto']].flat()[0]
  return `${forwarded === 'https' ? 'https' : request.protocol}://${request.host}`
}

/**
 * What the client shows with each part: its own credentials and workspace, which it does not add to addresses that it was given. So a part is
 * authorised like every other request, and an address alone opens nothing.
 */
function credentialsOf(request: FastifyRequest): Record<string, string> {
  const shown = ['authorization', 'x-mlflow-workspace'].flatMap((name) => {
    const value = [request.headers[name]].flat()[0]
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(shown) as Record<string, string>
}
