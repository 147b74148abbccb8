import { artifactFolder, artifactPath, invalid, MlflowError, requests, unlessEmpty } from '@tidemark/mlflow-protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { actorOf, takeStreams } from '../../platform/index.ts'
import type { Artifacts } from '../artifacts.ts'
import { ownFolder } from '../location.ts'
import type { LoggedModels } from '../loggedModels.ts'
import type { Tracking } from '../tracking.ts'
import type { Uploads } from '../uploads.ts'
import { sendFile } from './fileReply.ts'
import { mountMlflow, PREFIXES } from './plugin.ts'
import { bodyOf, signedRoutes, streamRoutes, uploadRoutes } from './uploadRoutes.ts'
import { wireFiles } from './wire.ts'

/** A required parameter of a query that is text once. */
export function queryText(request: FastifyRequest, name: string): string {
  const value = (request.query as Record<string, unknown>)[name]
  if (typeof value !== 'string' || value === '') throw invalid(`Missing value for required parameter '${name}'.`)
  return value
}

/** The artifact proxy, uploads of all kinds, and the downloads of single files. */
export function artifactRoutes(
  scope: FastifyInstance,
  artifacts: Artifacts,
  uploads: Uploads,
  tracking: Tracking,
  models: LoggedModels,
): void {
  mountMlflow(scope, '2.0', {
    'GET mlflow-artifacts/artifacts': async ({ read, actor }) => {
      const { path } = read(requests.ListProxiedArtifacts)
      return unlessEmpty('files', wireFiles(await artifacts.list(actor, artifactFolder(path)), ''))
    },
  })
  mountMlflow(scope, '2.0/mlflow-artifacts', uploadRoutes(uploads))
  mountMlflow(scope, '2.0/mlflow', signedRoutes(tracking, models))

  const download = async (request: FastifyRequest, reply: FastifyReply, path: string) => {
    const actor = actorOf(request)
    const file = await artifacts.file(actor, path)
    return sendFile(reply, request, file, () => artifacts.open(actor, file))
  }

  scope.register(async (files) => {
    takeStreams(files)
    streamRoutes(files, artifacts, uploads, tracking)
    for (const prefix of PREFIXES) {
      const url = `${prefix}2.0/mlflow-artifacts/artifacts/*`
      const pathOf = (request: FastifyRequest) => (request.params as { '*': string })['*']
      files.get(url, (request, reply) => download(request, reply, pathOf(request)))
      files.put(url, async (request, reply) => {
        await artifacts.write(actorOf(request), pathOf(request), bodyOf(request))
        return reply.send()
      })
      files.delete(url, async (request, reply) => {
        await artifacts.remove(actorOf(request), pathOf(request))
        return reply.type('application/json').send('{}')
      })
    }
  })

  scope.get('/get-artifact', async (request, reply) => {
    const query = request.query as Record<string, unknown>
    const path = artifactPath(queryText(request, 'path'))
    const id = query.run_id || query.run_uuid
    const run = await tracking.run(actorOf(request), typeof id === 'string' ? id : 'None')
    return download(request, reply, `${ownFolder(run.artifactUri)}/${path}`)
  })
  scope.get('/ajax-api/2.0/mlflow/logged-models/:model_id/artifacts/files', async (request, reply) => {
    const { artifact_file_path: asked } = request.query as Record<string, unknown>
    if (typeof asked !== 'string' || asked === '') {
      throw new MlflowError('BAD_REQUEST', 'Request must include the "artifact_file_path" query parameter.')
    }
    const path = artifactPath(asked)
    const model = await models.get(actorOf(request), (request.params as { model_id: string }).model_id)
    return download(request, reply, `${ownFolder(model.artifactUri)}/${path}`)
  })
}
