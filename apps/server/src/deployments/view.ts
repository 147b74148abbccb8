import type {
  EndpointView,
  RolloutListItem,
  RolloutStage,
  Rollout as RolloutView,
  Verdict as VerdictView,
} from '@tidemark/contracts'
import type { z } from 'zod'
import { observedView } from './evidence/observed.ts'
import { type OwnedEvidence, versionNumber } from './evidence/store.ts'
import { weightOf } from './rollouts/act.ts'
import { isLiveState } from './rollouts/input.ts'
import { planOf } from './rollouts/plan.ts'
import { isHarmful } from './rollouts/rules.ts'
import type { StoredDecision } from './rollouts/store.ts'
import type { Rollout, RolloutEvidence } from './rollouts/types.ts'
import { unproven, wouldChange } from './rollouts/words.ts'
import type { Endpoint } from './types.ts'

/** A rollout in a list. */
export function listItem(rollout: Rollout, owned: readonly OwnedEvidence[]): z.input<typeof RolloutListItem> {
  const { id, endpoint, model, version, championVersion, state, paused, confirmed, reason, nextLook } = rollout
  const from = owned.flatMap((each) => each.state.eventTimeFrom ?? [])
  const to = owned.flatMap((each) => each.state.eventTimeTo ?? [])
  return {
    id,
    endpoint,
    model,
    version,
    championVersion,
    strategy: rollout.policy.strategy,
    state,
    paused,
    confirmed,
    reason,
    nextLook,
    nextLookAt: rollout.nextLookAt?.toISOString() ?? null,
    createdAt: rollout.createdAt.toISOString(),
    finishedAt: rollout.finishedAt?.toISOString() ?? null,
    eventTimeFrom: from.length > 0 ? instant(Math.min(...from)) : null,
    eventTimeTo: to.length > 0 ? instant(Math.max(...to)) : null,
  }
}

/** Everything about one rollout. */
export function rolloutView(
  rollout: Rollout,
  seen: {
    owned: readonly OwnedEvidence[]
    evidence: RolloutEvidence | null
    decisions: readonly StoredDecision[]
    stages: readonly RolloutStage[]
    spending: RolloutView['spending']
  },
): z.input<typeof RolloutView> {
  const { owned, evidence, decisions, stages, spending } = seen
  const candidate = candidateShare(rollout)
  const isAb = rollout.policy.strategy === 'ab'
  return {
    ...listItem(rollout, owned),
    policy: rollout.policy,
    weights: { champion: 100 - candidate, candidate },
    steps: planOf(rollout.policy).steps.map(({ weightPercent, minCallers }) => ({ weightPercent, minCallers })),
    timeline: [...stages],
    spending,
    progress: {
      pairs: evidence?.pairs ?? 0,
      labelledPairs: evidence?.labelledPairs ?? 0,
      callersAtStep: evidence?.callersAtStage ?? 0,
      requests: evidence?.requests ?? 0,
      exposedRequests: evidence?.exposedRequests ?? 0,
      exposedCallers: evidence?.exposedCallers ?? 0,
    },
    guardrails: [...(evidence?.guardrails ?? [])],
    observed: owned.map(({ version, state }) => ({
      version: versionNumber(version, rollout),
      ...observedView(state),
    })),
    wouldChange: isLiveState(rollout.state) && evidence ? wouldChange(rollout.policy, evidence, rollout.nextLook) : [],
    points: owned.flatMap(({ version, state }) =>
      state.points.map((point) => (isAb ? { ...point, version: versionNumber(version, rollout) } : point)),
    ),
    decisions: decisions.map(({ input: _, ...decision }) => decision),
    approval: rollout.approval,
    retryOf: rollout.retryOf,
  }
}

/** The standing of a rollout as one value. A rollout that has ended stands by how it ended. */
export function verdictView(rollout: Rollout, evidence: RolloutEvidence | null): z.input<typeof VerdictView> {
  const { state, reason, nextLook, nextLookAt } = rollout
  const guardrails = [...(evidence?.guardrails ?? [])]
  const seen = evidence === null ? { harmful: false, proven: false } : standingOf(rollout, evidence)
  const harmful = state.kind === 'rolled_back' || (state.kind !== 'promoted' && seen.harmful)
  const proven = state.kind === 'promoted' || (!harmful && seen.proven)
  return {
    verdict: harmful ? 'roll_back' : proven ? 'promote' : 'hold',
    healthy: !harmful,
    proven,
    state: state.kind,
    weightPercent: candidateShare(rollout),
    reason,
    nextLook,
    nextLookAt: nextLookAt?.toISOString() ?? null,
    guardrails,
  }
}

/** What is proven of what is on trial; of several versions that all do harm, or that one has won. */
function standingOf({ policy }: Rollout, { guardrails, contenders }: RolloutEvidence) {
  if (policy.strategy !== 'ab') {
    return { harmful: guardrails.some(isHarmful), proven: unproven(policy, guardrails).length === 0 }
  }
  const left = contenders.filter(
    ({ version }) => !guardrails.some((guardrail) => guardrail.version === version && isHarmful(guardrail)),
  )
  return { harmful: left.length === 0, proven: left.some(({ better, proven }) => better && proven) }
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

function candidateShare({ state }: Rollout): number {
  if (isLiveState(state)) return weightOf(state)
  return state.kind === 'promoted' ? 100 : 0
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
