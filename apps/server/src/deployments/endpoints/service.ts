import { isDeepStrictEqual } from 'node:util'
import {
  type EndpointPolicy,
  endpointChanged,
  endpointCreated,
  endpointDeclared,
  type RuntimeVerdict,
} from '@tidemark/contracts'
import { type Actor, inTransaction, type Platform } from '../../platform/index.ts'
import {
  EndpointHasChampion,
  EndpointHasModel,
  EndpointNeedsVersion,
  SensitiveColumnUnknown,
  VersionUnknown,
  VersionWithoutModel,
} from '../errors.ts'
import type { Gateways } from '../gateways/index.ts'
import type { DeploymentPorts, Endpoint } from '../types.ts'
import { loggingOf, snapshotOf, withRuntime, withWorkers } from './snapshot.ts'
import * as store from './store.ts'

/** What an owner declares of an endpoint. */
export interface EndpointDeclaration {
  readonly model: string
  readonly version?: number | undefined
  readonly replay: boolean
  readonly policy: EndpointPolicy
}

/** Declares endpoints and opens them once their first version was measured. */
export class Endpoints {
  private readonly platform: Platform
  private readonly gateways: Gateways
  private readonly ports: DeploymentPorts

  constructor(platform: Platform, gateways: Gateways, ports: DeploymentPorts) {
    this.platform = platform
    this.gateways = gateways
    this.ports = ports
  }

  /** Creates an endpoint, which serves once its first version is measured; or changes the policy of one that exists. */
  async put(actor: Actor, name: string, declaration: EndpointDeclaration): Promise<void> {
    actor.require('deployments.write', `endpoint ${name}`)
    const { model, version } = declaration
    const input = version === undefined ? null : await this.inputOf(actor.workspace, model, version)
    await inTransaction(this.platform.db, async (tx) => {
      const existing = await store.lockEndpoint(tx, actor.workspace, name)
      if (existing && existing.model !== model) throw EndpointHasModel(name, existing.model)
      if (existing?.state === 'serving' || existing?.state === 'preparing') {
        if (version !== undefined && version !== existing.championVersion) {
          throw EndpointHasChampion(name, existing.championVersion)
        }
        requireColumns(name, declaration.policy, existing)
        const changed = changes(existing, declaration)
        if (changed.length === 0) return
        await store.saveEndpoint(tx, { ...existing, replay: declaration.replay, policy: declaration.policy })
        const published = await this.gateways.published(actor.workspace, name, tx)
        const { policy, replay } = declaration
        const spec = { replay, logging: loggingOf(policy), limits: policy.limits, recheck: policy.recheck }
        const next = published && withWorkers({ ...published, ...spec }, policy.workers)
        if (next && !isDeepStrictEqual(published, next)) await this.gateways.publish(tx, next)
        await this.platform.events.append(tx, actor, endpointChanged, { endpoint: name, changed })
        return
      }
      if (version === undefined || input === null) throw EndpointNeedsVersion(name)
      requireColumns(name, declaration.policy, input)
      await store.saveEndpoint(tx, {
        workspace: actor.workspace,
        name,
        model,
        championVersion: version,
        state: 'preparing',
        problem: null,
        replay: declaration.replay,
        policy: declaration.policy,
        ...input,
        createdAt: existing?.createdAt ?? this.platform.clock.now(),
      })
      await this.platform.events.append(tx, actor, endpointDeclared, { endpoint: name, model, version })
    })
    this.platform.live.changed('endpoint', name)
  }

  /** Publishes an endpoint whose first version was measured. Runs at least once: an endpoint that serves is left alone. */
  async open(actor: Actor, measured: { endpoint: string; version: number }): Promise<void> {
    await inTransaction(this.platform.db, async (tx) => {
      const endpoint = await store.lockEndpoint(tx, actor.workspace, measured.endpoint)
      if (endpoint?.state !== 'preparing' || endpoint.championVersion !== measured.version) return
      const { workspace, name, model, championVersion: version } = endpoint
      const runtime = await this.ports.evaluation.runtime(tx, workspace, model, version)
      if (!runtime) throw new Error(`${model}/${version} was measured, but has no runtime.`)
      await store.saveEndpoint(tx, { ...endpoint, state: 'serving', problem: null })
      await this.gateways.publish(tx, snapshotOf(endpoint, runtime, null))
      await this.platform.events.append(tx, actor, endpointCreated, { endpoint: name, model, version })
    })
    this.platform.live.changed('endpoint', measured.endpoint)
  }

  /** Says on the endpoint why it does not serve. Declaring it again tries again. */
  async refuse(actor: Actor, broken: { endpoint: string; version: number; problem: string }): Promise<void> {
    await inTransaction(this.platform.db, async (tx) => {
      const endpoint = await store.lockEndpoint(tx, actor.workspace, broken.endpoint)
      if (endpoint?.state !== 'preparing' || endpoint.championVersion !== broken.version) return
      await store.saveEndpoint(tx, { ...endpoint, state: 'broken', problem: broken.problem })
    })
    this.platform.live.changed('endpoint', broken.endpoint)
  }

  /** Publishes again what serves a version, because it runs elsewhere now. Runs at least once: the same snapshot is not published twice. */
  async rerun(actor: Actor, { model, version }: { model: string; version: number }): Promise<void> {
    const { db, live } = this.platform
    const { workspace } = actor
    const runtime = await this.ports.evaluation.runtime(db, workspace, model, version)
    if (!runtime) return
    const named = `${model}/${version}`
    for (const { name, model: own } of await store.endpointsOf(db, workspace)) {
      if (own !== model) continue
      await inTransaction(db, async (tx) => {
        const endpoint = await store.lockEndpoint(tx, workspace, name)
        const published = await this.gateways.published(workspace, name, tx)
        if (!endpoint || !published) return
        const changed = withWorkers(withRuntime(published, named, runtime), endpoint.policy.workers)
        if (!isDeepStrictEqual(changed, published)) await this.gateways.publish(tx, changed)
      })
      live.changed('endpoint', name)
    }
  }

  async runtimeKind(endpoint: Endpoint): Promise<RuntimeVerdict['kind'] | null> {
    const { workspace, model, championVersion } = endpoint
    const runtime = await this.ports.evaluation.runtime(this.platform.db, workspace, model, championVersion)
    return runtime?.kind ?? null
  }

  private async inputOf(
    workspace: string,
    model: string,
    version: number,
  ): Promise<Pick<Endpoint, 'columns' | 'input'>> {
    const found = await this.ports.registry.inputOf(this.platform.db, workspace, model, version)
    if (!found) throw VersionUnknown(model, version)
    if (found.kind === 'no_model') throw VersionWithoutModel(model, version)
    return { columns: found.columns, input: found.input }
  }
}

/** @throws SensitiveColumnUnknown: a policy with a typing mistake would protect nothing. */
function requireColumns(
  name: string,
  { logging }: EndpointPolicy,
  { columns, input }: Pick<Endpoint, 'columns' | 'input'>,
): void {
  // Without a signature nobody knows what its columns will be called.
  if (input.kind === 'any') return
  const named = input.kind === 'tensors' ? input.tensors : columns
  const unknown = Object.keys(logging.sensitive).filter((column) => !named.some((each) => each.name === column))
  if (unknown.length > 0) throw SensitiveColumnUnknown(name, unknown)
}

function changes(existing: Endpoint, declaration: EndpointDeclaration): string[] {
  const parts = Object.entries(declaration.policy).filter(
    ([part, value]) => !isDeepStrictEqual(existing.policy[part as keyof EndpointPolicy], value),
  )
  return [...parts.map(([part]) => `policy.${part}`), ...(existing.replay === declaration.replay ? [] : ['replay'])]
}
