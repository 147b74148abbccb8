import { automation as contract } from '@tidemark/contracts'
import { type HttpServer, mount, type Platform } from '../platform/index.ts'
import { recoveryBelief } from './decide.ts'
import { DecisionNotFound } from './errors.ts'
import { recoveriesOf } from './service.ts'
import { decisionById, listDecisions } from './store.ts'
import type { AutomationPorts } from './types.ts'

/** Mounts the own API of automation. */
export function automationRoutes(app: HttpServer, { db }: Platform, ports: AutomationPorts): void {
  mount(app, contract.listDecisions, async ({ params }, { actor }) => {
    const decisions = await listDecisions(db, actor.workspace, params.endpoint)
    const trainings = decisions.filter((decision) => decision.verdict === 'retrain')
    const policy = (await ports.endpoint(db, actor.workspace, params.endpoint))?.policy
    const recovery = policy ? recoveryBelief(policy.expectedRecovery, recoveriesOf(trainings)) : null
    return { decisions, recovery, trainings: trainings.length }
  })
  mount(app, contract.getDecision, async ({ params }, { actor }) => {
    const decision = await decisionById(db, actor.workspace, params.id)
    if (!decision) throw DecisionNotFound(params.id)
    return decision
  })
}
