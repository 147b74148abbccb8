import type { LabelFold, PredictionFold } from '../platform/folds.ts'
import type { HttpServer, Platform, Queryable } from '../platform/index.ts'
import { Endpoints } from './endpoints/service.ts'
import { endpointNamed, endpointsOf } from './endpoints/store.ts'
import { EndpointNotFound, RolloutNotFound } from './errors.ts'
import { eraseEvidence } from './evidence/erase.ts'
import { rolloutEvidenceFold, rolloutLabelFold } from './evidence/fold.ts'
import { evidencesOf } from './evidence/store.ts'
import { ExternalRollouts } from './external/service.ts'
import type { Gateways } from './gateways/index.ts'
import { Acts } from './rollouts/act.ts'
import { distributionOf, pairsOf } from './rollouts/compare.ts'
import { evidenceOfRollout } from './rollouts/evidence.ts'
import { replayed } from './rollouts/replay.ts'
import { Rollouts } from './rollouts/service.ts'
import { spendingOf } from './rollouts/spending.ts'
import { RolloutStarter } from './rollouts/start.ts'
import * as store from './rollouts/store.ts'
import type { Rollout } from './rollouts/types.ts'
import { deploymentRoutes } from './routes.ts'
import type { DeploymentPorts, Endpoint } from './types.ts'
import { endpointView, listItem, rolloutView, verdictView } from './view.ts'

/** The module: endpoints, their rollouts, and the folds that carry evidence from the log to them. */
export class Deployments {
  readonly endpoints: Endpoints
  readonly rollouts: Rollouts
  readonly starter: RolloutStarter
  readonly external: ExternalRollouts
  readonly predictionFold: PredictionFold
  readonly labelFold: LabelFold
  /** Takes a subject's name out of what rollouts stored. */
  readonly erase = eraseEvidence
  private readonly platform: Platform

  constructor(platform: Platform, gateways: Gateways, ports: DeploymentPorts) {
    this.platform = platform
    this.endpoints = new Endpoints(platform, gateways, ports)
    this.external = new ExternalRollouts(platform)
    const acts = new Acts(platform, gateways, ports)
    this.starter = new RolloutStarter(platform, ports, acts)
    this.rollouts = new Rollouts(platform, gateways, acts, this.starter)
    const look = (key: { workspace: string; rollout: string }) => this.rollouts.advance(key.workspace, key.rollout)
    this.predictionFold = rolloutEvidenceFold(look)
    this.labelFold = rolloutLabelFold(look)
  }

  routes(app: HttpServer): void {
    deploymentRoutes(app, this)
  }

  /** An endpoint as declared, for other modules; null when there is none. */
  endpoint(db: Queryable, workspace: string, name: string): Promise<Endpoint | null> {
    return endpointNamed(db, workspace, name)
  }

  /** All endpoints of a workspace, by name. */
  endpointList(db: Queryable, workspace: string): Promise<Endpoint[]> {
    return endpointsOf(db, workspace)
  }

  /** Versions whose files are needed: served, tried, or waiting to be tried. */
  versionsInUse(db: Queryable, workspace: string): Promise<{ model: string; version: number }[]> {
    return store.versionsInUse(db, workspace)
  }

  /** Whether a rollout is under way or waits on an endpoint. */
  async hasOpenRollout(db: Queryable, workspace: string, endpoint: string): Promise<boolean> {
    if (await store.liveRollout(db, workspace, endpoint)) return true
    return (await store.queuedCount(db, workspace, endpoint)) > 0
  }

  /** Rollouts of all workspaces whose last change some gateway has yet to confirm. */
  unconfirmed(): Promise<number> {
    return store.unconfirmedCount(this.platform.db)
  }

  async endpointView(workspace: string, name: string) {
    const endpoint = await endpointNamed(this.platform.db, workspace, name)
    if (!endpoint) throw EndpointNotFound(name)
    return this.viewOf(endpoint)
  }

  async endpointViews(workspace: string) {
    const endpoints = await endpointsOf(this.platform.db, workspace)
    return Promise.all(endpoints.map((endpoint) => this.viewOf(endpoint)))
  }

  async rolloutList(workspace: string, question: { endpoint?: string | undefined; limit: number }) {
    const rollouts = await store.rolloutsOf(this.platform.db, workspace, question)
    return Promise.all(rollouts.map((rollout) => this.itemOf(rollout)))
  }

  async rolloutView(workspace: string, id: string) {
    const { db } = this.platform
    const { rollout, owned, evidence } = await this.standing(workspace, id)
    const decisions = await store.decisionsOf(db, workspace, id)
    const stages = await store.stagesOf(db, workspace, id)
    const spending = spendingOf(rollout, await store.alphasGiven(db, workspace, rollout.endpoint))
    return rolloutView(rollout, { owned, evidence, decisions, stages, spending })
  }

  /** Things that both versions predicted, those they differ on most first, with each version's distribution beside the champion's. */
  async rolloutPairs(workspace: string, id: string, limit: number) {
    const { db } = this.platform
    const rollout = await this.rollout(workspace, id)
    const owned = (await evidencesOf(db, workspace, id)).map((each) => ({
      ...each,
      version: each.version ?? `${rollout.model}/${rollout.version}`,
    }))
    const distributions = await Promise.all(owned.map((each) => distributionOf(db, each)))
    return { pairs: await pairsOf(db, owned, limit), distributions: distributions.filter((each) => each !== null) }
  }

  /** Every stored decision computed again. */
  async replayRollout(workspace: string, id: string) {
    await this.rollout(workspace, id)
    const decisions = replayed(await store.decisionsOf(this.platform.db, workspace, id))
    const count = (outcome: string) => decisions.filter((decision) => decision.outcome === outcome).length
    return { same: count('same'), different: count('different'), byPersons: count('by a person'), decisions }
  }

  /** What the evidence so far says, for whoever moves the traffic themselves. */
  async verdict(workspace: string, id: string) {
    const external = await this.external.verdict(workspace, id)
    if (external) return external
    const { rollout, evidence } = await this.standing(workspace, id)
    return verdictView(rollout, evidence)
  }

  private async rollout(workspace: string, id: string): Promise<Rollout> {
    const rollout = await store.rolloutById(this.platform.db, workspace, id)
    if (!rollout) throw RolloutNotFound(id)
    return rollout
  }

  private async standing(workspace: string, id: string) {
    const { db, clock } = this.platform
    const rollout = await this.rollout(workspace, id)
    const owned = await evidencesOf(db, workspace, id)
    const endpoint = await endpointNamed(db, workspace, rollout.endpoint)
    const moment = { now: clock.now(), loadFailure: null }
    const evidence = owned.length > 0 && endpoint ? evidenceOfRollout(rollout, endpoint, owned, moment) : null
    return { rollout, owned, evidence }
  }

  private async viewOf(endpoint: Endpoint) {
    const { db, config } = this.platform
    const live = await store.liveRollout(db, endpoint.workspace, endpoint.name)
    return endpointView(endpoint, {
      gatewayUrl: config.gatewayUrl,
      runtime: await this.endpoints.runtimeKind(endpoint),
      rollout: live && (await this.itemOf(live)),
      queuedRollouts: await store.queuedCount(db, endpoint.workspace, endpoint.name),
    })
  }

  private async itemOf(rollout: Rollout) {
    return listItem(rollout, await evidencesOf(this.platform.db, rollout.workspace, rollout.id))
  }
}
