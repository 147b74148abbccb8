import { type Actor, inTransaction, type Platform, systemActor, type Tx } from '../../platform/index.ts'
import { lockEndpoint } from '../endpoints/store.ts'
import { RolloutEnded, RolloutNotFound } from '../errors.ts'
import { evidencesOf } from '../evidence/store.ts'
import type { Gateways } from '../gateways/index.ts'
import type { Endpoint } from '../types.ts'
import { type Acts, versionsOf } from './act.ts'
import { decide } from './decide.ts'
import { evidenceOfRollout } from './evidence.ts'
import { isLiveState } from './input.ts'
import type { RolloutStarter } from './start.ts'
import * as store from './store.ts'
import type { DecisionInput, LiveState, Rollout, RolloutEvidence } from './types.ts'
import { applyVerb, type Verb } from './verbs.ts'

/** How often rollouts are looked at that no new evidence calls for: when time decides, after a crash, or when a gateway dies without a word. */
const LOOK_MILLISECONDS = 1000

/** Moves rollouts on: load, decide, act, write once. */
export class Rollouts {
  private readonly platform: Platform
  private readonly gateways: Gateways
  private readonly starter: RolloutStarter
  private readonly acts: Acts
  private timer: NodeJS.Timeout | undefined
  private settling: Promise<void> | undefined
  private unsubscribe: (() => void) | undefined

  constructor(platform: Platform, gateways: Gateways, acts: Acts, starter: RolloutStarter) {
    this.platform = platform
    this.gateways = gateways
    this.starter = starter
    this.acts = acts
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
    await this.confirm(seen)
    const loadFailure = await this.loadFailure(seen)
    const acted = await inTransaction(this.platform.db, async (tx) => {
      const { endpoint, rollout } = await this.lock(tx, workspace, seen)
      if (!isLive(rollout)) return false
      const input = await this.input(tx, endpoint, rollout, loadFailure)
      const { evidence } = input
      const actor = systemActor('deployments', workspace)
      return this.acts.act(tx, actor, endpoint, rollout, { decision: decide(input), input, evidence })
    })
    this.platform.live.changed('rollout', id)
    if (acted) await this.settle()
  }

  /**
   * A person overrules the rule: `promote` is recorded as without proof unless the evidence proves it, `abort` rolls back, `pause` stays at the
   * weight in force, `resume` goes on.
   */
  async overrule(actor: Actor, id: string, verb: Verb, reason: string): Promise<void> {
    actor.require('deployments.write', `rollout ${id}`)
    const seen = await store.rolloutById(this.platform.db, actor.workspace, id)
    if (!seen) throw RolloutNotFound(id)
    await inTransaction(this.platform.db, async (tx) => {
      const { endpoint, rollout } = await this.lock(tx, actor.workspace, seen)
      if (rollout.state.kind === 'queued' && verb === 'abort') {
        await this.acts.drop(tx, actor, rollout, reason)
        return
      }
      if (!isLive(rollout)) throw RolloutEnded(id, rollout.state.kind.replace('_', ' '))
      const input = await this.input(tx, endpoint, rollout, null)
      await applyVerb(tx, { platform: this.platform, acts: this.acts }, actor, {
        endpoint,
        rollout,
        input,
        verb,
        reason,
      })
    })
    this.platform.live.changed('rollout', id)
    await this.settle()
  }

  /** Marks confirmed what every gateway confirmed, and begins the next of each queue. */
  async settle(): Promise<void> {
    const unsettled = await store.unsettledRollouts(this.platform.db)
    for (const rollout of unsettled) await this.confirm(rollout)
    const queues = new Set(unsettled.map(({ workspace, endpoint }) => `${workspace}\n${endpoint}`))
    for (const queue of queues) {
      const [workspace = '', endpoint = ''] = queue.split('\n')
      await this.starter.beginNext(systemActor('deployments', workspace), endpoint)
    }
  }

  private async confirm(rollout: Rollout): Promise<void> {
    if (rollout.confirmed || rollout.snapshotVersion === null) return
    if (!(await this.gateways.confirmed(rollout.snapshotVersion))) return
    const now = this.platform.clock.now()
    await inTransaction(this.platform.db, (tx) => store.markConfirmed(tx, rollout, now))
    this.platform.live.changed('rollout', rollout.id)
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

  private async input(
    tx: Tx,
    endpoint: Endpoint,
    rollout: Rollout & { state: LiveState },
    loadFailure: string | null,
  ): Promise<DecisionInput> {
    const { policy, state, waiver, paused } = rollout
    const owned = await evidencesOf(tx, rollout.workspace, rollout.id)
    const moment = { now: this.platform.clock.now(), loadFailure }
    const evidence: RolloutEvidence = evidenceOfRollout(rollout, endpoint, owned, moment)
    return { policy, state, evidence, waived: waiver !== null, paused: paused?.reason ?? null }
  }

  private async loadFailure(rollout: Rollout): Promise<string | null> {
    if (rollout.snapshotVersion === null) return null
    const tried = new Set(versionsOf(rollout).map((version) => `${rollout.model}/${version}`))
    const failures = await this.gateways.failures(rollout.snapshotVersion)
    const own = failures.find(
      ({ workspace, endpoint, version }) =>
        workspace === rollout.workspace && endpoint === rollout.endpoint && tried.has(version),
    )
    return own ? own.reason : null
  }
}

function isLive(rollout: Rollout): rollout is Rollout & { state: LiveState } {
  return isLiveState(rollout.state)
}
