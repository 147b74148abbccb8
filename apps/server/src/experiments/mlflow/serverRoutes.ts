import type { FastifyInstance } from 'fastify'
import { type MlflowRoutes, mountMlflow } from './plugin.ts'

/** The release whose API this is: clients choose what they ask by it. */
export const MLFLOW_VERSION = '3.17.2'

/** What a client asks about the server itself. */
export function serverRoutes(scope: FastifyInstance): void {
  scope.get('/version', async (_request, reply) => reply.type('text/html; charset=utf-8').send(MLFLOW_VERSION))
  // Clients ask it before they know whether their workspace is there.
  const anywhere = { access: 'signed-in' } as const
  const routes: MlflowRoutes = {
    'GET server-info': async () => ({
      store_type: 'SqlStore',
      workspaces_enabled: true,
      trace_archival_enabled: false,
      multipart_uploads_enabled: true,
      multipart_downloads_enabled: false,
      // That the request is understood, as at MLflow's server; an address that is signed has only a cloud's store to give.
      presigned_upload_run_id_supported: true,
      presigned_upload_model_id_supported: true,
      features_enabled: { gateway: false },
    }),
  }
  mountMlflow(scope, '3.0/mlflow', routes, anywhere)
}
