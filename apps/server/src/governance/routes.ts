import type { Approval, Waiver } from '@tidemark/contracts'
import { governance as contract } from '@tidemark/contracts'
import { type HttpServer, mount } from '../platform/index.ts'
import type { Governance } from './service.ts'
import type { StoredApproval, StoredWaiver } from './types.ts'

/** The edge: parse, authorise, call the service, reply. */
export function governanceRoutes(app: HttpServer, governance: Governance): void {
  mount(app, contract.listApprovals, async ({ query }, { actor }) => ({
    approvals: (await governance.approvals(actor.workspace, query)).map(approvalView),
  }))
  mount(app, contract.decideApproval, async ({ params, body }, { actor }) =>
    approvalView(await governance.decide(actor, params.id, body.decision, body.reason)),
  )
  mount(app, contract.recordWaiver, async ({ body }, { actor }) => {
    const { gates, reason, ...subject } = body
    return waiverView(await governance.waive(actor, subject, gates, reason))
  })
  mount(app, contract.listWaivers, async ({ query }, { actor }) => ({
    waivers: (await governance.waivers(actor.workspace, query)).map(waiverView),
  }))
  mount(app, contract.verifyAudit, () => governance.verifyAudit())
  mount(app, contract.why, ({ params }, { actor }) => governance.explanations.why(actor.workspace, params.id))
}

function approvalView(approval: StoredApproval): Approval {
  const { id, model, version, endpoint, policy, state, waiver, by, reason, requestedAt, decidedAt } = approval
  return {
    id,
    model,
    version,
    endpoint,
    policy,
    state,
    waiver,
    by,
    reason,
    requestedAt: requestedAt.toISOString(),
    decidedAt: decidedAt?.toISOString() ?? null,
  }
}

function waiverView(waiver: StoredWaiver): Waiver {
  const { id, model, version, endpoint, evaluation, gates, reason, by, recordedAt } = waiver
  return {
    id,
    model,
    version,
    endpoint,
    evaluation,
    gates: [...gates],
    reason,
    by,
    recordedAt: recordedAt.toISOString(),
  }
}
