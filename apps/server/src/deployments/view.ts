import type { EndpointView, RolloutListItem, Rollout as RolloutView } from '@tidemark/contracts'
import type { z } from 'zod'
import type { EvidenceState } from './evidence/types.ts'
import type { StoredDecision } from './rollouts/store.ts'
import type { Rollout, RolloutEvidence } from './rollouts/types.ts'
import type { Endpoint } from './types.ts'

/** A rollout in a list. */
export function listItem(rollout: Rollout, evidence: EvidenceState | null): z.input<typeof RolloutListItem> {
  const { id, endpoint, model, version, championVersion, state, confirmed, reason, nextLook } = rollout
  return {
    id,
    endpoint,
    model,
    version,
    championVersion,
    state,
    confirmed,
    reason,
    nextLook,
    createdAt: rollout.createdAt.toISOString(),
    finishedAt: rollout.finishedAt?.toISOString() ?? null,
    eventTimeFrom: instant(evidence?.eventTimeFrom ?? null),
    eventTimeTo: instant(evidence?.eventTimeTo ?? null),
  }
}

/** Everything about one rollout. */
export function rolloutView(
  rollout: Rollout,
  state: EvidenceState | null,
  evidence: RolloutEvidence | null,
  decisions: readonly StoredDecision[],
): z.input<typeof RolloutView> {
  const candidate = candidateShare(rollout)
  return {
    ...listItem(rollout, state),
    weights: { champion: 100 - candidate, candidate },
    steps: rollout.policy.canary.map(({ weightPercent, minCallers }) => ({ weightPercent, minCallers })),
    progress: {
      pairs: evidence?.pairs ?? 0,
      labelledPairs: evidence?.labelledPairs ?? 0,
      callersAtStep: evidence?.callersAtStage ?? 0,
      requests: evidence?.requests ?? 0,
    },
    guardrails: [...(evidence?.guardrails ?? [])],
    points: [...(state?.points ?? [])],
    decisions: decisions.map(({ input: _, ...decision }) => decision),
    approval: rollout.approval,
  }
}

/** An endpoint with what happens on it now. */
export function endpointView(
  endpoint: Endpoint,
  now: {
    gatewayUrl: string
    runtime: 'onnx' | 'python' | null
    rollout: z.input<typeof RolloutListItem> | null
    queuedRollouts: number
  },
): z.input<typeof EndpointView> {
  const { name, model, state, problem, replay, policy, columns, input } = endpoint
  return {
    name,
    model,
    state,
    problem,
    champion: `${model}/${endpoint.championVersion}`,
    runtime: now.runtime,
    replay,
    policy,
    columns: [...columns],
    input,
    url: `${now.gatewayUrl}/endpoints/${name}/invocations`,
    rollout: now.rollout,
    queuedRollouts: now.queuedRollouts,
    createdAt: endpoint.createdAt.toISOString(),
  }
}

function candidateShare(rollout: Rollout): number {
  switch (rollout.state.kind) {
    case 'canary':
      return rollout.state.weightPercent
    case 'promoted':
      return 100
    default:
      return 0
  }
}

function instant(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString()
}
