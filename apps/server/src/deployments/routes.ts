import { deployments as contract } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import type { Deployments } from './service.ts'

/** The edge: parse, authorise, call the service, reply. */
export function deploymentRoutes(app: HttpServer, deployments: Deployments): void {
  const { endpoints, rollouts, starter, external } = deployments

  mount(app, contract.putEndpoint, async ({ params, body }, { actor }) => {
    await endpoints.put(actor, params.endpoint, body)
    return deployments.endpointView(actor.workspace, params.endpoint)
  })
  mount(app, contract.listEndpoints, async (_input, { actor }) => ({
    endpoints: await deployments.endpointViews(actor.workspace),
  }))
  mount(app, contract.getEndpoint, ({ params }, { actor }) =>
    deployments.endpointView(actor.workspace, params.endpoint),
  )
  mount(app, contract.startRollout, async ({ params, body }, { actor }) => {
    const id = await starter.startByHand(actor, params.endpoint, body.version, body)
    return deployments.rolloutView(actor.workspace, id)
  })
  mount(app, contract.listRollouts, async ({ query }, { actor }) => ({
    rollouts: await deployments.rolloutList(actor.workspace, query),
  }))
  mount(app, contract.getRollout, ({ params }, { actor }) => deployments.rolloutView(actor.workspace, params.id))
  for (const [route, verb] of [
    [contract.pauseRollout, 'pause'],
    [contract.resumeRollout, 'resume'],
    [contract.promoteRollout, 'promote'],
    [contract.abortRollout, 'abort'],
  ] as const) {
    mount(app, route, async ({ params, body }, { actor }) => {
      await rollouts.overrule(actor, params.id, verb, body.reason)
      return deployments.rolloutView(actor.workspace, params.id)
    })
  }
  mount(app, contract.retryRollout, async ({ params, body }, { actor }) => {
    const id = await starter.retry(actor, params.id, body.reason)
    return deployments.rolloutView(actor.workspace, id)
  })
  mount(app, contract.rolloutPairs, ({ params, query }, { actor }) =>
    deployments.rolloutPairs(actor.workspace, params.id, query.limit),
  )
  mount(app, contract.replayRollout, ({ params }, { actor }) => deployments.replayRollout(actor.workspace, params.id))
  mount(app, contract.rolloutVerdict, ({ params }, { actor }) => deployments.verdict(actor.workspace, params.id))
  mount(app, contract.createEvidenceRollout, async ({ body }, { actor }) => {
    const id = await external.begin(actor, body.name, body.policy)
    return external.view(actor.workspace, id)
  })
  mount(app, contract.listEvidenceRollouts, async ({ query }, { actor }) => ({
    rollouts: await external.list(actor.workspace, query.limit),
  }))
  mount(app, contract.observeRollout, async ({ params, body }, { actor }) => {
    await external.observe(actor, params.id, body)
    return deployments.verdict(actor.workspace, params.id)
  })
  mount(app, contract.endEvidenceRollout, async ({ params, body }, { actor }) => {
    await external.end(actor, params.id, body.reason)
    return external.view(actor.workspace, params.id)
  })
}
