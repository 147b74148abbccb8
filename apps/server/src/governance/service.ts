import {
  approvalRefused,
  approvalRequested,
  type GateName,
  uuidv7,
  versionApproved,
  waiverRecorded,
} from '@tidemark/contracts'
import { type Actor, firstBrokenPosition, type HttpServer, inTransaction, type Platform } from '../platform/index.ts'
import { decideWaiver } from './decide.ts'
import { ApprovalDecided, ApprovalNotFound, WaiverIncomplete, WaiverNeedsGates, WaiverNotNeeded } from './errors.ts'
import { governanceRoutes } from './routes.ts'
import * as store from './store.ts'
import type { GovernancePorts, StoredApproval, StoredWaiver, Subject } from './types.ts'
import { Explanations } from './why/service.ts'

/** Who lets a version in, and on what grounds. */
export class Governance {
  readonly explanations: Explanations
  private readonly platform: Platform
  private readonly ports: GovernancePorts

  constructor(platform: Platform, ports: GovernancePorts) {
    this.platform = platform
    this.ports = ports
    this.explanations = new Explanations(platform, ports)
  }

  routes(app: HttpServer): void {
    governanceRoutes(app, this)
  }

  /**
   * Asks for a version's approval, after its gates passed. By the endpoint's policy it is approved at once, recorded as the policy's act, or
   * waits for a person. The same cause asks once.
   */
  async requestApproval(actor: Actor, subject: Subject): Promise<void> {
    const { db, clock, events } = this.platform
    const endpoint = await this.ports.deployments.endpoint(db, actor.workspace, subject.endpoint)
    if (!endpoint) return
    const policy = endpoint.policy.approval
    const id = uuidv7()
    const waiting: StoredApproval = {
      ...subject,
      workspace: actor.workspace,
      id,
      policy,
      state: 'waiting',
      waiver: null,
      by: null,
      reason: null,
      cause: actor.causes[0] ?? null,
      lastEvent: null,
      correlation: actor.correlation ?? id,
      requestedAt: clock.now(),
      decidedAt: null,
    }
    await inTransaction(db, async (tx) => {
      if (!(await store.insertApproval(tx, waiting))) return
      const requested = await events.append(tx, actor, approvalRequested, { ...subject, approval: id, policy })
      const asked = { ...waiting, lastEvent: requested }
      await store.saveApproval(tx, asked)
      if (policy === 'person') return
      const because = actor.because([requested], waiting.correlation)
      const reason = 'its gates passed, and the policy of the endpoint approves then'
      await events.append(tx, because, versionApproved, {
        ...subject,
        approval: id,
        by: actor.ref,
        reason,
        waiver: null,
      })
      await store.saveApproval(tx, { ...asked, state: 'approved', by: actor.ref, reason, decidedAt: clock.now() })
    })
    this.platform.live.changed('approval', id)
  }

  /** A person approves or refuses a version that waits. */
  async decide(actor: Actor, id: string, decision: 'approve' | 'refuse', reason: string): Promise<StoredApproval> {
    actor.require('governance.approve', `approval ${id}`)
    const { db, clock, events } = this.platform
    const decided = await inTransaction(db, async (tx) => {
      const approval = await store.lockApproval(tx, actor.workspace, id)
      if (!approval) throw ApprovalNotFound(id)
      if (approval.state !== 'waiting') throw ApprovalDecided(id, approval.state)
      const { model, version, endpoint, correlation, lastEvent, waiver } = approval
      const state = decision === 'approve' ? ('approved' as const) : ('refused' as const)
      const after = { ...approval, state, by: actor.ref, reason, decidedAt: clock.now() }
      await store.saveApproval(tx, after)
      const because = actor.because(lastEvent ? [lastEvent] : [], correlation)
      const payload = { model, version, endpoint, approval: id, by: actor.ref, reason }
      if (state === 'approved') await events.append(tx, because, versionApproved, { ...payload, waiver })
      else await events.append(tx, because, approvalRefused, payload)
      return after
    })
    this.platform.live.changed('approval', id)
    return decided
  }

  /**
   * Lets a version in although gates failed: recorded with its reason and every gate that it waives, and an approval at once.
   * @throws WaiverNeedsGates when the gates never ran, WaiverIncomplete when it leaves out one that failed.
   */
  async waive(actor: Actor, subject: Subject, gates: readonly GateName[], reason: string): Promise<StoredWaiver> {
    actor.require('governance.waive', `${subject.model}/${subject.version}`)
    const { db, clock, events } = this.platform
    const { workspace } = actor
    const ref = `${subject.model}/${subject.version}`
    const evaluation = await this.ports.evaluation.latestGates(db, workspace, subject)
    if (!evaluation) throw WaiverNeedsGates(ref, subject.endpoint)
    const decision = decideWaiver(evaluation.gates, gates)
    if (decision.kind === 'not_needed') throw WaiverNotNeeded(ref, decision.gate)
    if (decision.kind === 'incomplete') throw WaiverIncomplete(ref, decision.gates.join(', '))
    const refusal = await store.latestEventAbout(db, workspace, { payload: 'evaluation', id: evaluation.id })
    const waiver: StoredWaiver = {
      ...subject,
      workspace,
      id: uuidv7(),
      evaluation: evaluation.id,
      gates: [...new Set(gates)],
      reason,
      by: actor.ref,
      recordedAt: clock.now(),
    }
    const approval = uuidv7()
    await inTransaction(db, async (tx) => {
      await store.insertWaiver(tx, waiver)
      const correlation = actor.correlation ?? waiver.id
      const because = actor.because(refusal ? [refusal] : [], correlation)
      const recorded = await events.append(tx, because, waiverRecorded, {
        ...subject,
        waiver: waiver.id,
        gates: [...waiver.gates],
        reason,
      })
      const now = clock.now()
      await store.insertApproval(tx, {
        ...subject,
        workspace,
        id: approval,
        policy: 'person',
        state: 'approved',
        waiver: waiver.id,
        by: actor.ref,
        reason,
        cause: recorded,
        lastEvent: recorded,
        correlation,
        requestedAt: now,
        decidedAt: now,
      })
      await events.append(tx, because.because([recorded], correlation), versionApproved, {
        ...subject,
        approval,
        by: actor.ref,
        reason,
        waiver: waiver.id,
      })
    })
    this.platform.live.changed('approval', approval)
    return waiver
  }

  approvals(workspace: string, question: Parameters<typeof store.approvalsOf>[2]): Promise<StoredApproval[]> {
    return store.approvalsOf(this.platform.db, workspace, question)
  }

  waivers(workspace: string, question: Parameters<typeof store.waiversOf>[2]): Promise<StoredWaiver[]> {
    return store.waiversOf(this.platform.db, workspace, question)
  }

  /** Recomputes the hash chain of all events. */
  async verifyAudit(): Promise<{ intact: boolean; events: number; firstBrokenPosition: number | null }> {
    const broken = await firstBrokenPosition(this.platform.db)
    return { intact: broken === null, events: await store.eventCount(this.platform.db), firstBrokenPosition: broken }
  }
}
