import { pipelines as contract } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import type { Pipelines } from './service.ts'

/** Mounts the own API of pipelines. */
export function pipelineRoutes(app: HttpServer, pipelines: Pipelines): void {
  mount(app, contract.applyPipeline, async ({ params, body }, { actor }) =>
    pipelines.apply(actor, params.pipeline, body),
  )
  mount(app, contract.listPipelines, async (_input, { actor }) => ({ pipelines: await pipelines.list(actor) }))
  mount(app, contract.getPipeline, async ({ params }, { actor }) => pipelines.get(actor, params.pipeline))
  mount(app, contract.getPipelineVersion, async ({ params }, { actor }) =>
    pipelines.version(actor, params.pipeline, params.version),
  )
  mount(app, contract.startRun, async ({ params, body }, { actor }) =>
    pipelines.start(actor, { pipeline: params.pipeline, ...body }),
  )
  mount(app, contract.listRuns, async ({ query }, { actor }) =>
    pipelines.runs(actor, { ...query, pipeline: query.pipeline, state: query.state, dataset: query.dataset }),
  )
  mount(app, contract.getRun, async ({ params }, { actor }) => pipelines.run(actor, params.run))
  mount(app, contract.cancelRun, async ({ params, body }, { actor }) =>
    pipelines.cancel(actor, params.run, body.reason),
  )
  mount(app, contract.getStepLog, async ({ params, query }, { actor }) =>
    pipelines.stepLog(actor, params.run, params.step, query.offset, query.limitBytes),
  )
}
