import type {
  EndpointPolicy,
  EndpointSnapshot,
  RolloutState,
  Runtime,
  Variant,
  WorkerPolicy,
} from '@tidemark/contracts'
import type { Endpoint } from '../types.ts'

/** What the gateways serve by: the champion alone, or with a candidate in shadow or canary. */
export function snapshotOf(
  endpoint: Endpoint,
  champion: Runtime,
  rollout: { id: string; version: number; stage: number; state: RolloutState; runtime: Runtime } | null,
): EndpointSnapshot {
  const base = {
    workspace: endpoint.workspace,
    name: endpoint.name,
    replay: endpoint.replay,
    columns: [...endpoint.columns],
    input: endpoint.input,
    logging: loggingOf(endpoint.policy),
    champion: variantOf(endpoint, endpoint.championVersion, champion),
  }
  if (rollout === null) return { ...base, routing: { kind: 'single' } }
  const candidate = variantOf(endpoint, rollout.version, rollout.runtime)
  const { id, stage, state } = rollout
  switch (state.kind) {
    case 'shadow':
      return { ...base, routing: { kind: 'shadow', rollout: id, stage, candidate } }
    case 'canary':
      // The salt stays the same through all steps, so that a caller moves to the candidate at most once.
      return {
        ...base,
        routing: { kind: 'canary', rollout: id, stage, candidate, weightPercent: state.weightPercent, salt: id },
      }
    default:
      return { ...base, routing: { kind: 'single' } }
  }
}

function variantOf({ model, policy }: Endpoint, version: number, runtime: Runtime): Variant {
  const ref = `${model}/${version}`
  return runtime.kind === 'python' ? { version: ref, runtime, workers: policy.workers } : { version: ref, runtime }
}

/** The same endpoint under another policy for its Python processes. */
export function withWorkers(published: EndpointSnapshot, workers: WorkerPolicy): EndpointSnapshot {
  const on = (variant: Variant): Variant => (variant.runtime.kind === 'python' ? { ...variant, workers } : variant)
  const { champion, routing } = published
  return {
    ...published,
    champion: on(champion),
    routing: routing.kind === 'single' ? routing : { ...routing, candidate: on(routing.candidate) },
  }
}

/** What of the policy for the log the gateways keep. */
export function loggingOf({ logging }: EndpointPolicy): NonNullable<EndpointSnapshot['logging']> {
  const { sensitive, caller, unwritable } = logging
  return { sensitive, caller, unwritable }
}
