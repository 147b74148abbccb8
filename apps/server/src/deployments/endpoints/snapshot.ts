import type { EndpointPolicy, EndpointSnapshot, RolloutState, Runtime } from '@tidemark/contracts'
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
    champion: { version: `${endpoint.model}/${endpoint.championVersion}`, runtime: champion },
  }
  if (rollout === null) return { ...base, routing: { kind: 'single' } }
  const candidate = { version: `${endpoint.model}/${rollout.version}`, runtime: rollout.runtime }
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

/** What of the policy for the log the gateways keep. */
export function loggingOf({ logging }: EndpointPolicy): NonNullable<EndpointSnapshot['logging']> {
  const { sensitive, caller, unwritable } = logging
  return { sensitive, caller, unwritable }
}
