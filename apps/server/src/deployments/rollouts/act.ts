import {
  rolloutDropped,
  rolloutObserved,
  rolloutPaused,
  rolloutPromoted,
  rolloutRolledBack,
  rolloutShifted,
  uuidv7,
} from '@tidemark/contracts'
import type { Actor, Platform, Tx } from '../../platform/index.ts'
import { snapshotOf } from '../endpoints/snapshot.ts'
import { saveEndpoint } from '../endpoints/store.ts'
import { closeEvidence } from '../evidence/store.ts'
import type { Gateways } from '../gateways/index.ts'
import type { DeploymentPorts, Endpoint } from '../types.ts'
import { evidenceNumbers } from './numbers.ts'
import * as store from './store.ts'
import type { Decision, DecisionInput, LiveState, Rollout, RolloutEvidence, Weights } from './types.ts'

/** What follows, and from what: the rule's input, or null when a person decided. */
export interface Act {
  readonly decision: Decision
  readonly input: DecisionInput | null
  readonly evidence: RolloutEvidence
}

/** Writes what follows from decisions: the rollout, the routing, the decision with its evidence, the event; in the caller's transaction. */
export class Acts {
  private readonly platform: Platform
  private readonly gateways: Gateways
  private readonly ports: DeploymentPorts

  constructor(platform: Platform, gateways: Gateways, ports: DeploymentPorts) {
    this.platform = platform
    this.gateways = gateways
    this.ports = ports
  }

  /** @returns whether the routing changed. */
  async act(
    tx: Tx,
    actor: Actor,
    endpoint: Endpoint,
    rollout: Rollout & { state: LiveState },
    { decision, input, evidence }: Act,
  ): Promise<boolean> {
    const { reason } = decision
    const next =
      'nextLook' in decision
        ? { nextLook: decision.nextLook, nextLookAt: dateOf(decision.nextLookAt) }
        : { nextLook: null, nextLookAt: null }
    if (decision.kind === 'hold') {
      // One decision for each thing waited for; its progress is the rollout's reason.
      const isNew = next.nextLook !== rollout.nextLook
      if (!isNew && reason === rollout.reason) return false
      if (isNew) await this.record(tx, actor, rollout, { decision, input, evidence }, next, weightOf(rollout.state))
      await store.saveRollout(tx, { ...rollout, reason, ...next })
      return false
    }
    const because = actor.because([rollout.lastEvent], rollout.correlation)
    const now = this.platform.clock.now()
    const eventTime = dateOf(evidence.eventTimeTo)
    const base = { ...rollout, reason, ...next, confirmed: false }
    const about = aboutOf(rollout, reason)
    const told = { ...about, evidence: evidenceNumbers(evidence) }
    const append = this.platform.events.append.bind(this.platform.events)
    const keep = (weight: number | null) => this.record(tx, actor, rollout, { decision, input, evidence }, next, weight)
    const stageAt = { at: now, eventTime }
    const end = async (serving: Endpoint, weights: Weights) => {
      await closeEvidence(tx, { workspace: rollout.workspace, rollout: rollout.id })
      const snapshotVersion = await this.publish(tx, serving, null)
      const stage = rollout.stage + 1
      await store.insertStage(tx, rollout, { stage, kind: 'end', weights, snapshotVersion, ...stageAt })
      return { snapshotVersion, paused: null, finishedAt: now }
    }
    switch (decision.kind) {
      case 'shift': {
        const state = decision.to
        const stage = rollout.stage + 1
        const weightPercent = weightOf(state)
        await keep(weightPercent)
        const snapshotVersion = await this.publish(tx, endpoint, { ...rollout, stage, state })
        const weights = weightsOf(rollout, state)
        await store.insertStage(tx, rollout, { stage, kind: state.kind, weights, snapshotVersion, ...stageAt })
        const lastEvent = await append(tx, because, rolloutShifted, { ...told, weightPercent })
        const stageFrom = dateOf(evidence.now)
        await store.saveRollout(tx, { ...base, stage, state, stageFrom, snapshotVersion, lastEvent })
        return true
      }
      case 'promote': {
        const { proof } = decision
        const version = decision.version ?? rollout.version
        await keep(100)
        const champion = { ...endpoint, championVersion: version }
        await saveEndpoint(tx, champion)
        const ended = await end(champion, [{ version, weightPercent: 100 }])
        const lastEvent = await append(tx, because, rolloutPromoted, { ...told, version, proof })
        await store.saveRollout(tx, { ...base, ...ended, version, state: { kind: 'promoted', proof }, lastEvent })
        return true
      }
      case 'roll_back': {
        const { guardrail } = decision
        await keep(0)
        const ended = await end(endpoint, [])
        const lastEvent = await append(tx, because, rolloutRolledBack, { ...told, guardrail })
        await store.saveRollout(tx, { ...base, ...ended, state: { kind: 'rolled_back', guardrail }, lastEvent })
        return true
      }
      case 'finish': {
        const { verdict } = decision
        await keep(0)
        const ended = await end(endpoint, [])
        const lastEvent = await append(tx, because, rolloutObserved, { ...told, verdict })
        await store.saveRollout(tx, { ...base, ...ended, state: { kind: 'observed', verdict }, lastEvent })
        return true
      }
      case 'pause': {
        await keep(weightOf(rollout.state))
        const paused = { reason, by: actor.ref, at: now.toISOString() }
        const lastEvent = await append(tx, because, rolloutPaused, about)
        await store.saveRollout(tx, { ...rollout, reason, ...next, paused, lastEvent })
        return false
      }
    }
  }

  /** Takes a rollout out of its queue: nothing was ever in force. */
  async drop(tx: Tx, actor: Actor, rollout: Rollout, reason: string): Promise<void> {
    const { events, clock } = this.platform
    const because = actor.because([rollout.lastEvent], rollout.correlation)
    const lastEvent = await events.append(tx, because, rolloutDropped, aboutOf(rollout, reason))
    const ended = { nextLook: null, nextLookAt: null, finishedAt: clock.now(), lastEvent }
    await store.saveRollout(tx, { ...rollout, ...ended, state: { kind: 'dropped' }, reason })
  }

  /** Keeps a decision with all that it was made from. */
  async record(
    tx: Tx,
    actor: Actor,
    rollout: Rollout,
    made: { decision: { kind: store.StoredDecision['kind']; reason: string }; input: object | null } & Pick<
      Act,
      'evidence'
    >,
    next: { nextLook: string | null; nextLookAt: Date | null },
    weightPercent: number | null,
  ): Promise<void> {
    const { decision, input, evidence } = made
    await store.insertDecision(tx, rollout, {
      id: uuidv7(),
      kind: decision.kind,
      reason: decision.reason,
      nextLook: next.nextLook,
      nextLookAt: next.nextLookAt?.toISOString() ?? null,
      weightPercent,
      evidence: evidenceNumbers(evidence),
      by: actor.ref,
      eventTime: dateOf(evidence.eventTimeTo)?.toISOString() ?? null,
      decidedAt: this.platform.clock.now().toISOString(),
      input,
    })
  }

  /** Puts the endpoint's routing in force: with the rollout's versions on trial, or the champion alone. @returns the snapshot's number. */
  async publish(tx: Tx, endpoint: Endpoint, rollout: Rollout | null): Promise<number> {
    const { workspace, name } = endpoint
    const runtimeOf = async (version: number) => {
      const runtime = await this.ports.evaluation.runtime(tx, workspace, endpoint.model, version)
      if (!runtime) throw new Error(`${endpoint.model}/${version} has no runtime.`)
      return runtime
    }
    const champion = await runtimeOf(endpoint.championVersion)
    if (rollout === null) return this.gateways.publish(tx, snapshotOf(endpoint, champion, null))
    const before = await this.gateways.published(workspace, name, tx)
    const routing = before?.routing
    const parts = routing?.kind === 'split' && routing.rollout === rollout.id ? routing.parts : null
    const tried = await Promise.all(
      versionsOf(rollout).map(async (version) => ({ version, runtime: await runtimeOf(version) })),
    )
    return this.gateways.publish(tx, snapshotOf(endpoint, champion, { ...rollout, tried, parts }))
  }
}

/** What every event of a rollout says of it. */
export function aboutOf<Reason extends string | null>(rollout: Rollout, reason: Reason) {
  const { model, version, id, endpoint, championVersion } = rollout
  return { model, version, rollout: id, endpoint, championVersion, reason }
}

/** The versions on trial. */
export function versionsOf({ tried, version }: Rollout): number[] {
  return tried.length > 0 ? tried.map((each) => each.version) : [version]
}

/** The share of callers that versions on trial have, percent. */
export function weightOf(state: LiveState): number {
  switch (state.kind) {
    case 'shadow':
      return 0
    case 'canary':
      return state.weightPercent
    case 'ab':
      return state.weights.reduce((sum, { weightPercent }) => sum + weightPercent, 0)
  }
}

/** The share of each version on trial. */
export function weightsOf(rollout: Rollout, state: LiveState): Weights {
  return state.kind === 'ab' ? state.weights : [{ version: rollout.version, weightPercent: weightOf(state) }]
}

function dateOf(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds)
}
