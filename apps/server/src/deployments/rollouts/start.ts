import { candidateRegistered, type RolloutPolicy, rolloutStarted, uuidv7, versionApproved } from '@tidemark/contracts'
import { type Actor, inTransaction, listEvents, type Platform, type Tx } from '../../platform/index.ts'
import { endpointNamed, lockEndpoint } from '../endpoints/store.ts'
import {
  EndpointNotFound,
  RolloutNotFound,
  RolloutNotOver,
  RolloutVersionsDiffer,
  VersionNotApproved,
} from '../errors.ts'
import { evidenceSettings, startEvidence } from '../evidence/state.ts'
import { createEvidence } from '../evidence/store.ts'
import type { DeploymentPorts, Endpoint } from '../types.ts'
import { type Acts, aboutOf, weightsOf } from './act.ts'
import { planOf } from './plan.ts'
import { DAY } from './rules.ts'
import { allowanceOf } from './spending.ts'
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

/** What the loop asks for: the endpoint's policy. */
const BY_ITSELF = { ownPolicy: null, retryOf: null, startReason: null } as const

/** Puts approved versions into their endpoint's queue, and begins the first of the queue when nothing else is under way. */
export class RolloutStarter {
  private readonly platform: Platform
  private readonly ports: DeploymentPorts
  private readonly acts: Acts

  constructor(platform: Platform, ports: DeploymentPorts, acts: Acts) {
    this.platform = platform
    this.ports = ports
    this.acts = acts
  }

  /**
   * Answers an approval. Registered is not rolled out: only a retraining's candidate or a waived version starts by itself; any other waits
   * for a person's `startByHand`. @returns the new rollout's id, or null.
   */
  async startApproved(actor: Actor, approved: ApprovedVersion): Promise<string | null> {
    const { endpoint, model, version, approval, waiver } = approved
    if (waiver === null && !(await this.isCandidate(actor.workspace, approved))) return null
    const lastEvent = actor.causes[0] ?? uuidv7()
    return this.enqueue(actor, { endpoint, model, version, approval, waiver, lastEvent, ...BY_ITSELF })
  }

  /**
   * A person starts the rollout of an approved version, again or for the first time; with a policy of its own, or the endpoint's. Each version
   * that an A/B policy names must be approved. @returns the rollout's id.
   */
  async startByHand(
    actor: Actor,
    endpointName: string,
    version: number,
    asked: { reason: string; policy?: RolloutPolicy | undefined; retryOf?: string },
  ): Promise<string> {
    actor.require('deployments.write', `endpoint ${endpointName}`)
    const endpoint = await endpointNamed(this.platform.db, actor.workspace, endpointName)
    if (!endpoint) throw EndpointNotFound(endpointName)
    const policy = asked.policy ?? endpoint.policy.rollout
    const tried = triedBy(policy, version)
    if (!tried.includes(version)) throw RolloutVersionsDiffer(version, tried)
    const approvals = await Promise.all(tried.map((each) => this.approvalOf(actor, endpoint, each)))
    const [approval] = approvals
    if (!approval) throw VersionNotApproved(`${endpoint.model}/${version}`, endpointName)
    const because = actor.because([approval.id], approval.correlation)
    const id = await this.enqueue(because, {
      endpoint: endpointName,
      model: endpoint.model,
      version,
      approval: null,
      // One that was waived is enough: then only proof promotes.
      waiver: approvals.find(({ waiver }) => waiver !== null)?.waiver ?? null,
      lastEvent: approval.id,
      ownPolicy: asked.policy ?? null,
      retryOf: asked.retryOf ?? null,
      startReason: asked.reason,
    })
    if (!id) throw VersionNotApproved(`${endpoint.model}/${version}`, endpointName)
    return id
  }

  /** Begins again what was rolled back, observed or dropped, by its own policy or else the endpoint's as it is now, with new evidence. @returns the new rollout's id. */
  async retry(actor: Actor, id: string, reason: string): Promise<string> {
    actor.require('deployments.write', `rollout ${id}`)
    const before = await store.rolloutById(this.platform.db, actor.workspace, id)
    if (!before) throw RolloutNotFound(id)
    const { kind } = before.state
    if (kind !== 'rolled_back' && kind !== 'observed' && kind !== 'dropped') {
      throw RolloutNotOver(id, kind === 'promoted' ? kind : 'under way')
    }
    const policy = before.ownPolicy ?? undefined
    return this.startByHand(actor, before.endpoint, before.version, { reason, policy, retryOf: id })
  }

  private async approvalOf(actor: Actor, { name, model }: Endpoint, version: number) {
    const approvals = await this.eventsOf(actor.workspace, versionApproved.type, model, version)
    const own = approvals
      .map((event) => ({ ...event, approved: versionApproved.payload.parse(event.payload) }))
      .filter(({ approved }) => approved.endpoint === name)
    // Approved by its gates counts for more than let in by a waiver: it may have been both, in turn.
    const approval = own.find(({ approved }) => approved.waiver === null) ?? own[0]
    if (!approval) throw VersionNotApproved(`${model}/${version}`, name)
    return { id: approval.id, correlation: approval.correlation, waiver: approval.approved.waiver }
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
    const declared = queued.ownPolicy ?? endpoint.policy.rollout
    const versions = triedBy(declared, version)
    const now = this.platform.clock.now()
    const allowance = allowanceOf(declared, await store.alphasGiven(tx, workspace, endpoint.name), now.getTime())
    const unmeasured = await firstWithoutRuntime(tx, this.ports, workspace, model, [championVersion, ...versions])
    const obstacle = versions.includes(championVersion)
      ? `${model}/${championVersion} is the champion already`
      : unmeasured !== null
        ? `${model}/${unmeasured} was never evaluated, so nothing says how it runs`
        : null
    const drop = async (reason: string) => {
      await this.acts.drop(tx, actor, queued, reason)
      return null
    }
    if (obstacle !== null) return drop(obstacle)
    if ('noneUntil' in allowance) return drop(spentReason(declared, allowance.noneUntil))
    // What it may spend is part of the policy that it goes by: its decisions are made, and made again, with it.
    const policy = { ...declared, alpha: allowance.alpha }
    const tried = versions.map((each, index) => ({ version: each, evidence: index === 0 ? id : uuidv7() }))
    for (const each of tried) {
      const comparison = await evaluation.comparison(tx, workspace, model, each.version, championVersion)
      const owner = { workspace, rollout: each.evidence, parent: id, version: `${model}/${each.version}` }
      await createEvidence(
        tx,
        { ...owner, endpoint: endpoint.name },
        startEvidence(evidenceSettings(policy, comparison)),
      )
    }
    // Several versions at once begin with their shares; one alone first shows in the mirror that it answers at all.
    const state =
      policy.strategy === 'ab' ? { kind: 'ab' as const, weights: policy.ab.variants } : { kind: 'shadow' as const }
    const stage = policy.strategy === 'ab' ? 1 : 0
    const from = endpoint.replay ? null : now
    const because = actor.because([queued.lastEvent], queued.correlation)
    const routed: Rollout = { ...queued, championVersion, policy, state, tried, stage }
    const snapshotVersion = await this.acts.publish(tx, endpoint, routed)
    const begun: Rollout = {
      ...routed,
      stageFrom: from,
      limitsFrom: from,
      reason:
        policy.strategy === 'ab' ? `beside version ${championVersion}` : `in shadow of version ${championVersion}`,
      nextLook: firstLook(policy),
      nextLookAt: from === null ? null : new Date(from.getTime() + policy.maxDays * DAY),
      snapshotVersion,
      confirmed: false,
    }
    const weights = weightsOf(begun, state)
    await store.insertStage(tx, queued, { stage, kind: state.kind, weights, at: now, eventTime: null, snapshotVersion })
    const about = aboutOf(begun, queued.startReason)
    const lastEvent = await this.platform.events.append(tx, because, rolloutStarted, about)
    await store.saveRollout(tx, { ...begun, lastEvent })
    return id
  }

  private async enqueue(
    actor: Actor,
    asked: Pick<
      Rollout,
      'endpoint' | 'model' | 'version' | 'approval' | 'waiver' | 'lastEvent' | 'ownPolicy' | 'retryOf' | 'startReason'
    >,
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
        policy: asked.ownPolicy ?? endpoint.policy.rollout,
        state: { kind: 'queued' },
        tried: [],
        paused: null,
        stage: 0,
        stageFrom: null,
        limitsFrom: null,
        reason: 'waits for its turn on the endpoint',
        nextLook: 'when the rollout before it has ended',
        nextLookAt: null,
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

/** The versions that a policy tries when a rollout of `version` is asked for. */
function triedBy(policy: RolloutPolicy, version: number): number[] {
  return policy.strategy === 'ab' ? policy.ab.variants.map((variant) => variant.version) : [version]
}

function spentReason({ alphaPerYear }: RolloutPolicy, until: number): string {
  const day = new Date(until).toISOString().slice(0, 10)
  return `the year's budget of false alarms (alphaPerYear ${alphaPerYear}) is spent by the rollouts before it: raise it, or try again from ${day} on`
}

async function firstWithoutRuntime(
  tx: Tx,
  { evaluation }: DeploymentPorts,
  workspace: string,
  model: string,
  versions: readonly number[],
): Promise<number | null> {
  for (const version of versions) {
    if (!(await evaluation.runtime(tx, workspace, model, version))) return version
  }
  return null
}

function firstLook(policy: RolloutPolicy): string {
  const { minEntities, steps } = planOf(policy)
  if (policy.strategy === 'ab') return 'with each labelled thing and each caller'
  if (steps.length === 0) return 'with each thing predicted by both versions'
  return minEntities === 0 ? 'when all gateways confirmed' : `at ${minEntities} things predicted by both versions`
}
