import type { Readable } from 'node:stream'
import { artifactFolder, artifactPath, invalid, pathOfUri, requests, unlessEmpty } from '@tidemark/mlflow-protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { actorOf } from '../../platform/index.ts'
import type { Artifacts } from '../artifacts.ts'
import type { LoggedModels } from '../loggedModels.ts'
import type { Tracking } from '../tracking.ts'
import type { ArtifactFile } from '../types.ts'
import { mountMlflow, PREFIXES } from './plugin.ts'
import { wireFiles } from './wire.ts'

const TEXT =
  /\.(txt|log|err|cfg|conf|cnf|cf|ini|properties|prop|hocon|toml|yaml|yml|xml|json|js|py|py3|csv|tsv|md|rst|jsonnet)$|(^|\/)(MLmodel|MLproject)$/i

/**
 * Sends an artifact as a download. It is never shown as a page of this origin: attachment, nosniff, a sandbox without rights, so that HTML
 * somebody logged cannot run here.
 */
export function sendFile(
  reply: FastifyReply,
  request: FastifyRequest,
  file: ArtifactFile,
  stream: Readable,
): FastifyReply {
  const etag = `"${file.digest}"`
  reply.headers({
    'content-disposition': attachment(file.path.split('/').at(-1) ?? 'download'),
    'content-security-policy': "sandbox; default-src 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
    etag,
  })
  if (request.headers['if-none-match'] === etag) {
    stream.destroy()
    return reply.code(304).send()
  }
  return reply
    .header('content-length', file.bytes)
    .type(TEXT.test(file.path) ? 'text/plain' : 'application/octet-stream')
    .send(stream)
}

/** RFC 6266: an ASCII name for all, the true name encoded (RFC 5987). */
function attachment(name: string): string {
  const ascii = name.normalize('NFKD').replace(/[^\x20-\x7e]|["\\%]/g, '') || 'download'
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

/** A required parameter of a query that is text once. */
export function queryText(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name]
  if (typeof value !== 'string' || value === '') throw invalid(`Missing value for required parameter '${name}'.`)
  return value
}

/** The artifact proxy and the downloads of single files. */
export function artifactRoutes(
  scope: FastifyInstance,
  artifacts: Artifacts,
  tracking: Tracking,
  models: LoggedModels,
): void {
  mountMlflow(scope, '2.0', {
    'GET mlflow-artifacts/artifacts': async ({ read, actor }) => {
      const { path } = read(requests.ListProxiedArtifacts)
      return unlessEmpty('files', wireFiles(await artifacts.list(actor, artifactFolder(path)), ''))
    },
  })

  // Uploads come as streams of any type: this scope hands the stream through and reads no body.
  scope.register(async (files) => {
    files.removeAllContentTypeParsers()
    files.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    for (const prefix of PREFIXES) {
      const url = `${prefix}2.0/mlflow-artifacts/artifacts/*`
      const pathOf = (request: FastifyRequest) => (request.params as { '*': string })['*']
      files.get(url, async (request, reply) => {
        const { file, stream } = await artifacts.open(actorOf(request), pathOf(request))
        return sendFile(reply, request, file, stream)
      })
      files.put(url, async (request, reply) => {
        const content = (request.body as Readable | null | undefined) ?? new Uint8Array()
        await artifacts.write(actorOf(request), pathOf(request), content)
        return reply.type('application/json').send('{}')
      })
      files.delete(url, async (request, reply) => {
        await artifacts.remove(actorOf(request), pathOf(request))
        return reply.type('application/json').send('{}')
      })
    }
  })

  const runFile = async (request: FastifyRequest, reply: FastifyReply) => {
    const actor = actorOf(request)
    const query = request.query as Record<string, unknown>
    const path = artifactPath(queryText(request, 'path'))
    const run = await tracking.run(actor, queryText(request, query.run_id ? 'run_id' : 'run_uuid'))
    const { file, stream } = await artifacts.open(actor, `${pathOfUri(run.artifactUri)}/${path}`)
    return sendFile(reply, request, file, stream)
  }
  scope.get('/get-artifact', runFile)
  scope.get('/ajax-api/2.0/mlflow/logged-models/:model_id/artifacts/files', async (request, reply) => {
    const actor = actorOf(request)
    const path = artifactPath(queryText(request, 'artifact_file_path'))
    const model = await models.get(actor, (request.params as { model_id: string }).model_id)
    const { file, stream } = await artifacts.open(actor, `${pathOfUri(model.artifactUri)}/${path}`)
    return sendFile(reply, request, file, stream)
  })
}
