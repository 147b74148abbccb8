import { batch as contract } from '@tidemark/contracts'
import type { Data } from '../data/index.ts'
import { actorOf, type HttpServer, mount, type Platform, takeStreams } from '../platform/index.ts'
import { Batches } from './service.ts'
import type { BatchPorts } from './types.ts'

export { VersionNotPrepared } from './errors.ts'
export { type RunProgram, type Trade, WorkLine } from './line.ts'
export { BatchProcessFailed, chunksIn } from './process.ts'

/** Batch prediction, as the composition root uses it. */
export function createBatch(platform: Platform, data: Data, ports: BatchPorts) {
  const batches = new Batches(platform, data, ports)
  return {
    start: () => batches.start(),
    stop: () => batches.stop(),
    unfinished: () => batches.unfinished(),
    routes(app: HttpServer): void {
      mount(app, contract.predict, ({ body }, { actor }) => batches.request(actor, body))
      mount(app, contract.list, async ({ query }, { actor }) => ({
        batches: await batches.list(actor.workspace, query.limit),
      }))
      mount(app, contract.get, ({ params }, { actor }) => batches.byId(actor.workspace, params.id))
      mount(app, contract.cancel, ({ params }, { actor }) => batches.cancel(actor, params.id))
      app.register(async (scope) => {
        takeStreams(scope)
        scope.post('/api/v1/batch-files', { config: { permission: 'data.write' } }, async (request, reply) =>
          reply.code(201).send(await batches.putFile(actorOf(request), request.raw)),
        )
      })
    },
  }
}
