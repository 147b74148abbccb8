import { rolloutPromoted, rolloutRolledBack, rolloutShifted, uuidv7 } from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform, systemActor, type Tx } from '../../platform/index.ts'
import { snapshotOf } from '../endpoints/snapshot.ts'
import { lockEndpoint, saveEndpoint } from '../endpoints/store.ts'
import { RolloutEnded, RolloutNotFound } from '../errors.ts'
import { summarise } from '../evidence/state.ts'
import { closeEvidence, evidenceOf } from '../evidence/store.ts'
import type { Gateways } from '../gateways/index.ts'
import type { DeploymentPorts, Endpoint } from '../types.ts'
import { decide } from './decide.ts'
import { evidenceNumbers } from './numbers.ts'
import type { RolloutStarter } from './start.ts'
import * as store from './store.ts'
import type { Decision, LiveState, Rollout, RolloutEvidence } from './types.ts'

/** Why a rollout acts now: the rule decided, or a person did. */
type Act =
  | { readonly by: 'rule'; readonly decision: Decision; readonly input: object }
  | { readonly by: 'person'; readonly verb: 'promote' | 'abort'; readonly reason: string }

/** How often rollouts are looked at that no new evidence calls for: after a crash, or when a gateway dies without a word. */
const LOOK_MILLISECONDS = 1000

/** Moves rollouts on: load, decide, act, write once. */
export class Rollouts {
  private readonly platform: Platform
  private readonly gateways: Gateways
  private readonly ports: DeploymentPorts
  private readonly starter: RolloutStarter
  private timer: NodeJS.Timeout | undefined
  private settling: Promise<void> | undefined
  private unsubscribe: (() => void) | undefined

  constructor(platform: Platform, gateways: Gateways, ports: DeploymentPorts, starter: RolloutStarter) {
    this.platform = platform
    this.gateways = gateways
    this.ports = ports
    this.starter = starter
  }

  /** Begins to look; at once at what a stopped server left undone. */
  start(): void {
    this.timer = setInterval(() => this.settleSoon(), LOOK_MILLISECONDS)
    this.unsubscribe = this.gateways.onConfirmation(() => this.settleSoon())
    this.settleSoon()
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    this.unsubscribe?.()
    await this.settling
  }

  /** Decides on the present evidence and acts, in one transaction: a decided effect happens once, whoever looks at the same time. */
  async advance(workspace: string, id: string): Promise<void> {
    const seen = await store.rolloutById(this.platform.db, workspace, id)
    if (!seen || !isLive(seen)) return
    const loadFailure = await this.loadFailure(seen)
    const acted = await inTransaction(this.platform.db, async (tx) => {
      const locked = await this.lock(tx, workspace, seen)
      const { endpoint, rollout } = locked
      if (!isLive(rollout)) return false
      const evidence = await this.evidence(tx, rollout, loadFailure)
      const waived = rollout.waiver !== null
      const input = { policy: rollout.policy, state: rollout.state, evidence, waived }
      const decision = decide(rollout.policy, rollout.state, evidence, waived)
      return this.act(tx, systemActor('deployments', workspace), endpoint, rollout, evidence, {
        by: 'rule',
        decision,
        input,
      })
    })
    this.platform.live.changed('rollout', id)
    if (acted) await this.settle()
  }

  /** A person ends a rollout: `promote` is recorded as without proof unless the evidence proves it, `abort` rolls back. */
  async endByHand(actor: Actor, id: string, verb: 'promote' | 'abort', reason: string): Promise<void> {
    actor.require('deployments.write', `rollout ${id}`)
    const seen = await store.rolloutById(this.platform.db, actor.workspace, id)
    if (!seen) throw RolloutNotFound(id)
    await inTransaction(this.platform.db, async (tx) => {
      const { endpoint, rollout } = await this.lock(tx, actor.workspace, seen)
      if (rollout.state.kind === 'queued' && verb === 'abort') {
        const finishedAt = this.platform.clock.now()
        await store.saveRollout(tx, { ...rollout, state: { kind: 'dropped' }, reason, nextLook: null, finishedAt })
        return
      }
      if (!isLive(rollout)) throw RolloutEnded(id, rollout.state.kind.replace('_', ' '))
      const evidence = await this.evidence(tx, rollout, null)
      await this.act(tx, actor, endpoint, rollout, evidence, { by: 'person', verb, reason })
    })
    this.platform.live.changed('rollout', id)
    await this.settle()
  }

  /** Marks confirmed what every gateway confirmed, notices versions that no gateway can load, and begins the next of each queue. */
  async settle(): Promise<void> {
    const unsettled = await store.unsettledRollouts(this.platform.db)
    for (const rollout of unsettled) {
      if (!rollout.confirmed && rollout.snapshotVersion !== null) {
        if (!(await this.gateways.confirmed(rollout.snapshotVersion))) continue
        await store.markConfirmed(this.platform.db, rollout)
        this.platform.live.changed('rollout', rollout.id)
      }
    }
    const queues = new Set(unsettled.map(({ workspace, endpoint }) => `${workspace}\n${endpoint}`))
    for (const queue of queues) {
      const [workspace = '', endpoint = ''] = queue.split('\n')
      await this.starter.beginNext(systemActor('deployments', workspace), endpoint)
    }
  }

  private settleSoon(): void {
    this.settling ??= this.lookAtAll()
      .catch((error: unknown) => this.platform.log.warn({ err: error }, 'rollouts could not be looked at, tried again'))
      .finally(() => {
        this.settling = undefined
      })
  }

  /** Also decides: a server that died between the commit of evidence and its decision left one to make. */
  private async lookAtAll(): Promise<void> {
    await this.settle()
    for (const rollout of await store.unsettledRollouts(this.platform.db)) {
      if (isLive(rollout)) await this.advance(rollout.workspace, rollout.id)
    }
  }

  private async lock(tx: Tx, workspace: string, seen: Rollout): Promise<{ endpoint: Endpoint; rollout: Rollout }> {
    // Always endpoint before rollout, so that two changes of one endpoint never wait for each other in a circle.
    const endpoint = await lockEndpoint(tx, workspace, seen.endpoint)
    const rollout = await store.lockRollout(tx, workspace, seen.id)
    if (!endpoint || !rollout) throw RolloutNotFound(seen.id)
    return { endpoint, rollout }
  }

  private async evidence(tx: Tx, rollout: Rollout, loadFailure: string | null): Promise<RolloutEvidence> {
    const state = await evidenceOf(tx, { workspace: rollout.workspace, rollout: rollout.id })
    if (!state) throw new Error(`Rollout ${rollout.id} has no evidence row.`)
    return summarise(state, rollout.stage, loadFailure)
  }

  /** Writes what follows from a decision. @returns whether the routing changed. */
  private async act(
    tx: Tx,
    actor: Actor,
    endpoint: Endpoint,
    rollout: Rollout & { state: LiveState },
    evidence: RolloutEvidence,
    act: Act,
  ): Promise<boolean> {
    const decision: Decision | { kind: 'promote' | 'roll_back'; reason: string } =
      act.by === 'rule' ? act.decision : { kind: act.verb === 'promote' ? 'promote' : 'roll_back', reason: act.reason }
    const nextLook = 'nextLook' in decision ? decision.nextLook : null
    if (decision.kind === 'hold') {
      if (decision.reason === rollout.reason && nextLook === rollout.nextLook) return false
      // One decision for each thing waited for; its progress is the rollout's reason.
      if (nextLook !== rollout.nextLook) await this.record(tx, actor, rollout, evidence, decision, nextLook, act)
      await store.saveRollout(tx, { ...rollout, reason: decision.reason, nextLook })
      return false
    }
    await this.record(tx, actor, rollout, evidence, decision, nextLook, act)
    const because = actor.because([rollout.lastEvent], rollout.correlation)
    const base = { ...rollout, reason: decision.reason, nextLook, confirmed: false }
    const about = {
      model: rollout.model,
      version: rollout.version,
      rollout: rollout.id,
      endpoint: rollout.endpoint,
      championVersion: rollout.championVersion,
      reason: decision.reason,
      evidence: evidenceNumbers(evidence),
    }
    const finishedAt = this.platform.clock.now()
    const key = { workspace: rollout.workspace, rollout: rollout.id }
    const append = this.platform.events.append.bind(this.platform.events)
    switch (decision.kind) {
      case 'shift': {
        if (!('step' in decision)) throw new Error('A shift is decided by the rule.')
        const { step, weightPercent } = decision
        const stage = rollout.stage + 1
        const state = { kind: 'canary' as const, step, weightPercent }
        const snapshotVersion = await this.publish(tx, endpoint, { ...rollout, stage, state })
        const lastEvent = await append(tx, because, rolloutShifted, { ...about, weightPercent })
        await store.saveRollout(tx, { ...base, stage, state, snapshotVersion, lastEvent })
        return true
      }
      case 'promote': {
        const proof = 'proof' in decision ? decision.proof : proofByHand(rollout, evidence)
        const champion = { ...endpoint, championVersion: rollout.version }
        await saveEndpoint(tx, champion)
        await closeEvidence(tx, key)
        const snapshotVersion = await this.publish(tx, champion, null)
        const lastEvent = await append(tx, because, rolloutPromoted, { ...about, proof })
        const state = { kind: 'promoted' as const, proof }
        await store.saveRollout(tx, { ...base, state, snapshotVersion, lastEvent, finishedAt })
        return true
      }
      case 'roll_back': {
        const guardrail = 'guardrail' in decision ? decision.guardrail : ('person' as const)
        await closeEvidence(tx, key)
        const snapshotVersion = await this.publish(tx, endpoint, null)
        const lastEvent = await append(tx, because, rolloutRolledBack, { ...about, guardrail })
        const state = { kind: 'rolled_back' as const, guardrail }
        await store.saveRollout(tx, { ...base, state, snapshotVersion, lastEvent, finishedAt })
        return true
      }
    }
  }

  private async record(
    tx: Tx,
    actor: Actor,
    rollout: Rollout,
    evidence: RolloutEvidence,
    decision: { kind: Decision['kind']; reason: string },
    nextLook: string | null,
    act: Act,
  ): Promise<void> {
    const { eventTimeTo } = evidence
    await store.insertDecision(tx, rollout, {
      id: uuidv7(),
      kind: decision.kind,
      reason: decision.reason,
      nextLook,
      evidence: evidenceNumbers(evidence),
      by: actor.ref,
      eventTime: eventTimeTo === null ? null : new Date(eventTimeTo).toISOString(),
      decidedAt: this.platform.clock.now().toISOString(),
      input: act.by === 'rule' ? act.input : null,
    })
  }

  private async publish(tx: Tx, endpoint: Endpoint, rollout: Rollout | null): Promise<number> {
    const { evaluation } = this.ports
    const { workspace, model } = endpoint
    const champion = await evaluation.runtime(tx, workspace, model, endpoint.championVersion)
    if (!champion) throw new Error(`${model}/${endpoint.championVersion} has no runtime.`)
    if (rollout === null) return this.gateways.publish(tx, snapshotOf(endpoint, champion, null))
    const runtime = await evaluation.runtime(tx, workspace, model, rollout.version)
    if (!runtime) throw new Error(`${model}/${rollout.version} has no runtime.`)
    return this.gateways.publish(tx, snapshotOf(endpoint, champion, { ...rollout, runtime }))
  }

  private async loadFailure(rollout: Rollout): Promise<string | null> {
    if (rollout.snapshotVersion === null) return null
    const candidate = `${rollout.model}/${rollout.version}`
    const failures = await this.gateways.failures(rollout.snapshotVersion)
    const own = failures.find((failure) => failure.endpoint === rollout.endpoint && failure.version === candidate)
    return own ? own.reason : null
  }
}

function isLive(rollout: Rollout): rollout is Rollout & { state: LiveState } {
  return rollout.state.kind === 'shadow' || rollout.state.kind === 'canary'
}

/** A person may promote what the rule would without the time limit's help; then it is proven. */
function proofByHand(rollout: Rollout, evidence: RolloutEvidence) {
  const last = { kind: 'canary' as const, step: rollout.policy.canary.length - 1, weightPercent: 100 }
  const decision = decide(rollout.policy, last, evidence, true)
  return decision.kind === 'promote' ? decision.proof : ('promoted without proof' as const)
}
