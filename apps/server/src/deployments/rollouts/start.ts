import { candidateRegistered, rolloutStarted, uuidv7, versionApproved } from '@tidemark/contracts'
import { type Actor, inTransaction, listEvents, type Platform, type Tx } from '../../platform/index.ts'
import { snapshotOf } from '../endpoints/snapshot.ts'
import { lockEndpoint } from '../endpoints/store.ts'
import { EndpointNotFound, VersionNotApproved } from '../errors.ts'
import { evidenceSettings, startEvidence } from '../evidence/state.ts'
import { createEvidence } from '../evidence/store.ts'
import type { Gateways } from '../gateways/index.ts'
import type { DeploymentPorts, Endpoint } from '../types.ts'
import * as store from './store.ts'
import type { Rollout } from './types.ts'

/** A version that was approved for an endpoint. */
export interface ApprovedVersion {
  readonly approval: string
  readonly endpoint: string
  readonly model: string
  readonly version: number
  readonly waiver: string | null
}

/** Puts approved versions into their endpoint's queue, and begins the first of the queue when nothing else is under way. */
export class RolloutStarter {
  private readonly platform: Platform
  private readonly gateways: Gateways
  private readonly ports: DeploymentPorts

  constructor(platform: Platform, gateways: Gateways, ports: DeploymentPorts) {
    this.platform = platform
    this.gateways = gateways
    this.ports = ports
  }

  /**
   * Answers an approval. Registered is not rolled out: only a retraining's candidate or a waived version starts by itself; any other waits
   * for a person's `startByHand`. @returns the new rollout's id, or null.
   */
  async startApproved(actor: Actor, approved: ApprovedVersion): Promise<string | null> {
    const { endpoint, model, version, approval, waiver } = approved
    if (waiver === null && !(await this.isCandidate(actor.workspace, approved))) return null
    return this.enqueue(actor, { endpoint, model, version, approval, waiver, lastEvent: actor.causes[0] ?? uuidv7() })
  }

  /** A person starts the rollout of an approved version, again or for the first time. */
  async startByHand(actor: Actor, endpointName: string, version: number): Promise<string> {
    actor.require('deployments.write', `endpoint ${endpointName}`)
    const endpoint = await inTransaction(this.platform.db, (tx) => lockEndpoint(tx, actor.workspace, endpointName))
    if (!endpoint) throw EndpointNotFound(endpointName)
    const { model } = endpoint
    const approvals = await this.eventsOf(actor.workspace, versionApproved.type, model, version)
    const own = approvals
      .map((event) => ({ ...event, approved: versionApproved.payload.parse(event.payload) }))
      .filter(({ approved }) => approved.endpoint === endpointName)
    // Approved by its gates counts for more than let in by a waiver: it may have been both, in turn.
    const approval = own.find(({ approved }) => approved.waiver === null) ?? own[0]
    if (!approval) throw VersionNotApproved(`${model}/${version}`, endpointName)
    const because = actor.because([approval.id], approval.correlation)
    const id = await this.enqueue(because, {
      endpoint: endpointName,
      model,
      version,
      approval: null,
      waiver: approval.approved.waiver,
      lastEvent: approval.id,
    })
    if (!id) throw VersionNotApproved(`${model}/${version}`, endpointName)
    return id
  }

  /**
   * Begins the next rollout of an endpoint's queue in shadow, when none is under way and every gateway confirmed the end of the one before.
   * @returns the id of the one that began.
   */
  async beginNext(actor: Actor, endpointName: string): Promise<string | null> {
    const begun = await inTransaction(this.platform.db, async (tx) => {
      const endpoint = await lockEndpoint(tx, actor.workspace, endpointName)
      const next = await store.nextQueued(tx, actor.workspace, endpointName)
      if (endpoint?.state !== 'serving' || !next) return null
      if (await store.liveRollout(tx, actor.workspace, endpointName)) return null
      if (await store.hasUnconfirmed(tx, actor.workspace, endpointName)) return null
      return this.begin(tx, actor, endpoint, next)
    })
    if (begun) this.platform.live.changed('rollout', begun)
    return begun
  }

  private async begin(tx: Tx, actor: Actor, endpoint: Endpoint, queued: Rollout): Promise<string | null> {
    const { evaluation } = this.ports
    const { workspace, model, championVersion } = endpoint
    const { id, version } = queued
    const champion = await evaluation.runtime(tx, workspace, model, championVersion)
    const candidate = await evaluation.runtime(tx, workspace, model, version)
    const obstacle =
      version === championVersion
        ? `${model}/${version} is the champion already`
        : !champion || !candidate
          ? `${model}/${champion ? version : championVersion} was never evaluated, so nothing says how it runs`
          : null
    if (obstacle !== null || !champion || !candidate) {
      const finishedAt = this.platform.clock.now()
      const dropped = { ...queued, state: { kind: 'dropped' as const }, reason: obstacle ?? '', finishedAt }
      await store.saveRollout(tx, dropped)
      return null
    }
    const policy = endpoint.policy.rollout
    const comparison = await evaluation.comparison(tx, workspace, model, version, championVersion)
    await createEvidence(
      tx,
      { workspace, rollout: id, endpoint: endpoint.name },
      startEvidence(evidenceSettings(policy, comparison)),
    )
    const state = { kind: 'shadow' as const }
    const snapshotVersion = await this.gateways.publish(
      tx,
      snapshotOf(endpoint, champion, { id, version, stage: 0, state, runtime: candidate }),
    )
    const because = actor.because([queued.lastEvent], queued.correlation)
    const begun: Rollout = {
      ...queued,
      championVersion,
      policy,
      state,
      stage: 0,
      reason: `in shadow of version ${championVersion}`,
      nextLook: `at ${policy.shadow.minEntities} things predicted by both versions`,
      snapshotVersion,
      confirmed: false,
    }
    const payload = { model, version, rollout: id, endpoint: endpoint.name, championVersion }
    const lastEvent = await this.platform.events.append(tx, because, rolloutStarted, payload)
    await store.saveRollout(tx, { ...begun, lastEvent })
    return id
  }

  private async enqueue(
    actor: Actor,
    asked: Pick<Rollout, 'endpoint' | 'model' | 'version' | 'approval' | 'waiver' | 'lastEvent'>,
  ): Promise<string | null> {
    const id = uuidv7()
    const { workspace } = actor
    const inserted = await inTransaction(this.platform.db, async (tx) => {
      const endpoint = await lockEndpoint(tx, workspace, asked.endpoint)
      if (!endpoint || endpoint.model !== asked.model) throw EndpointNotFound(asked.endpoint)
      return store.insertRollout(tx, {
        workspace,
        id,
        ...asked,
        championVersion: endpoint.championVersion,
        policy: endpoint.policy.rollout,
        state: { kind: 'queued' },
        stage: 0,
        reason: 'waits for its turn on the endpoint',
        nextLook: 'when the rollout before it has ended',
        snapshotVersion: null,
        confirmed: true,
        correlation: actor.correlation ?? id,
        createdAt: this.platform.clock.now(),
        finishedAt: null,
      })
    })
    await this.beginNext(actor, asked.endpoint)
    return inserted ? id : null
  }

  private async isCandidate(workspace: string, approved: ApprovedVersion): Promise<boolean> {
    const events = await this.eventsOf(workspace, candidateRegistered.type, approved.model, approved.version)
    return events.some((event) => event.payload.endpoint === approved.endpoint)
  }

  private eventsOf(workspace: string, type: string, model: string, version: number) {
    const subject = `model-version:${model}/${version}`
    return listEvents(this.platform.db, workspace, { type, subject, limit: 100 })
  }
}
