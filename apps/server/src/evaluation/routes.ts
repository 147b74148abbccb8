import { evaluation as contract, type Evaluation as EvaluationView, explanations, runtimes } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import { lossOf } from './decide.ts'
import type { Evaluations } from './service.ts'
import type { Evaluation } from './types.ts'

/** The edge: parse, authorise, call the service, reply. */
export function evaluationRoutes(app: HttpServer, evaluations: Evaluations): void {
  mount(app, contract.startEvaluation, async ({ body }, { actor }) =>
    viewOf(await evaluations.request(actor, body, 'gates')),
  )
  mount(app, contract.listEvaluations, async ({ query }, { actor }) => ({
    evaluations: (await evaluations.list(actor.workspace, query)).map(viewOf),
  }))
  mount(app, contract.getEvaluation, async ({ params }, { actor }) =>
    viewOf(await evaluations.byId(actor.workspace, params.id)),
  )
  mount(app, contract.getHoldout, async ({ params }, { actor }) => {
    const loss = await evaluations.lossOf(await evaluations.byId(actor.workspace, params.id))
    const rows = await evaluations.holdoutRows(actor.workspace, params.id)
    return {
      rows: rows.map(({ entity, eventTime, label, prediction, championPrediction }) => ({
        entity,
        eventTime: eventTime?.toISOString() ?? null,
        label,
        prediction,
        championPrediction,
        loss: prediction === null ? null : lossOf(loss, prediction, label),
      })),
    }
  })
  mount(app, runtimes.getVersionRuntime, ({ params }, { actor }) =>
    evaluations.versionRuntime(actor, params.model, params.version),
  )
  mount(app, explanations.explainPrediction, ({ params, body }, { actor }) =>
    evaluations.explanations.ofPrediction(actor, params.id, body.row),
  )
  mount(app, explanations.explainRows, async ({ params, body }, { actor }) => ({
    version: `${params.model}/${params.version}`,
    explanations: await evaluations.explanations.ofRows(actor, params, body.rows),
  }))
  mount(app, explanations.getImportance, ({ params }, { actor }) => evaluations.explanations.importance(actor, params))
}

function viewOf(evaluation: Evaluation): EvaluationView {
  const { id, model, version, endpoint, purpose, champion, pipelineRun, holdoutRun } = evaluation
  const { state, problem, summary, runtime, gates, holdout, startedAt, finishedAt } = evaluation
  return {
    id,
    model,
    version,
    endpoint,
    purpose,
    champion,
    pipelineRun,
    holdoutRun,
    state,
    problem,
    summary,
    runtime,
    gates: [...gates],
    holdout,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }
}
