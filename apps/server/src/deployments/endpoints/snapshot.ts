import type {
  EndpointPolicy,
  EndpointSnapshot,
  Part,
  RolloutPolicy,
  RolloutState,
  Runtime,
  Variant,
  WorkerPolicy,
} from '@tidemark/contracts'
import type { Endpoint } from '../types.ts'
import { CHAMPION_ALONE, reallocate } from './parts.ts'

/** What of a rollout decides who answers. */
export interface RoutedRollout {
  readonly id: string
  readonly stage: number
  readonly state: RolloutState
  readonly policy: RolloutPolicy
  /** The versions on trial, at least one. */
  readonly tried: readonly { readonly version: number; readonly runtime: Runtime }[]
  /** How the circle was shared out before; null: not at all. */
  readonly parts: readonly Part[] | null
}

/** What the gateways serve by: the champion alone, or with versions on trial beside it. */
export function snapshotOf(endpoint: Endpoint, champion: Runtime, rollout: RoutedRollout | null): EndpointSnapshot {
  const base = {
    workspace: endpoint.workspace,
    name: endpoint.name,
    replay: endpoint.replay,
    columns: [...endpoint.columns],
    input: endpoint.input,
    logging: loggingOf(endpoint.policy),
    limits: endpoint.policy.limits,
    recheck: endpoint.policy.recheck,
    champion: variantOf(endpoint, endpoint.championVersion, champion),
  }
  const single = { ...base, routing: { kind: 'single' as const } }
  if (rollout === null) return single
  const { id, stage, state, policy } = rollout
  const variants = rollout.tried.map(({ version, runtime }) => variantOf(endpoint, version, runtime))
  const [candidate] = variants
  if (!candidate) return single
  const { sharePercent, maxConcurrency } = policy.shadow
  const mirror = { sharePercent, maxConcurrency }
  // The salt stays the same through all stages, so that a caller moves no more often than the weights make it.
  const sharing = { mirror, salt: id, ...sharingOf(policy) }
  switch (state.kind) {
    case 'shadow':
      return { ...base, routing: { kind: 'shadow', rollout: id, stage, candidate, mirror } }
    case 'canary': {
      const { weightPercent } = state
      return { ...base, routing: { kind: 'canary', rollout: id, stage, candidate, weightPercent, ...sharing } }
    }
    case 'ab': {
      const weights = state.weights.map(({ version, weightPercent }) => [`${endpoint.model}/${version}`, weightPercent])
      const parts = reallocate(rollout.parts ?? CHAMPION_ALONE, new Map(weights as [string, number][]))
      return { ...base, routing: { kind: 'split', rollout: id, stage, variants, parts, ...sharing } }
    }
    default:
      return single
  }
}

function variantOf({ model, policy }: Endpoint, version: number, runtime: Runtime): Variant {
  const ref = `${model}/${version}`
  return runtime.kind === 'python' ? { version: ref, runtime, workers: policy.workers } : { version: ref, runtime }
}

/** The same endpoint under another policy for its Python processes. */
export function withWorkers(published: EndpointSnapshot, workers: WorkerPolicy): EndpointSnapshot {
  return withVariants(published, (variant) => (variant.runtime.kind === 'python' ? { ...variant, workers } : variant))
}

/** The same endpoint with a version that runs elsewhere now, in whatever part it serves. */
export function withRuntime(published: EndpointSnapshot, version: string, runtime: Runtime): EndpointSnapshot {
  return withVariants(published, (variant) => (variant.version === version ? { ...variant, runtime } : variant))
}

function withVariants(published: EndpointSnapshot, change: (variant: Variant) => Variant): EndpointSnapshot {
  const { champion, routing } = published
  const changed = { ...published, champion: change(champion) }
  switch (routing.kind) {
    case 'single':
      return changed
    case 'split':
      return { ...changed, routing: { ...routing, variants: routing.variants.map(change) } }
    default:
      return { ...changed, routing: { ...routing, candidate: change(routing.candidate) } }
  }
}

/** What of the policy for the log the gateways keep. */
export function loggingOf({ logging }: EndpointPolicy): NonNullable<EndpointSnapshot['logging']> {
  const { sensitive, caller, unwritable } = logging
  return { sensitive, caller, unwritable }
}

/** Rules and caps, where there are any: most rollouts have none, and their snapshots stay small. */
function sharingOf({ rules, exposure }: RolloutPolicy) {
  const capped = exposure.maxRequests !== null || exposure.maxCallers !== null || exposure.slice !== null
  return { ...(rules.length > 0 ? { rules } : {}), ...(capped ? { exposure } : {}) }
}
