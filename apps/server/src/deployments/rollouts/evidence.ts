import { meanInterval, rateEvidence } from '@tidemark/statistics'
import { guardrailsOf } from '../evidence/guardrails.ts'
import { type OwnedEvidence, versionNumber } from '../evidence/store.ts'
import type { EvidenceState } from '../evidence/types.ts'
import type { Endpoint } from '../types.ts'
import { byHolm } from './family.ts'
import type { Contender, Rollout, RolloutEvidence } from './types.ts'
import { unproven } from './words.ts'

/**
 * The evidence as decisions and people read it: the versions' own evidence together, with the clock that the endpoint goes by. Of several
 * versions, counts are of the one that saw most: all see the champion's callers.
 *
 * @throws RangeError when there is none.
 */
export function evidenceOfRollout(
  rollout: Rollout,
  endpoint: Pick<Endpoint, 'replay'>,
  owned: readonly OwnedEvidence[],
  moment: { now: Date; loadFailure: string | null },
): RolloutEvidence {
  const states = owned.map(({ state }) => state)
  const [first] = states
  if (!first) throw new RangeError(`Rollout ${rollout.id} has no evidence row.`)
  const isAb = rollout.policy.strategy === 'ab'
  const atStage = states.filter((state) => state.stage === rollout.stage)
  const most = (of: (state: EvidenceState) => number, among = states) => Math.max(0, ...among.map(of))
  const sum = (of: (state: EvidenceState) => number) => states.reduce((total, state) => total + of(state), 0)
  const from = states.flatMap(({ eventTimeFrom }) => eventTimeFrom ?? [])
  const to = states.flatMap(({ eventTimeTo }) => eventTimeTo ?? [])
  const eventTimeFrom = from.length > 0 ? Math.min(...from) : null
  const eventTimeTo = to.length > 0 ? Math.max(...to) : null
  const since = rollout.limitsFrom?.getTime() ?? null
  return {
    eventTimeFrom,
    eventTimeTo,
    now: endpoint.replay ? eventTimeTo : moment.now.getTime(),
    limitsFrom: since ?? eventTimeFrom,
    // In replay a stage that began before any event begins with the first.
    stageFrom: rollout.stageFrom?.getTime() ?? eventTimeFrom,
    requests: most((state) => state.requests),
    pairs: most((state) => state.pairs),
    labelledPairs: most((state) => state.loss.harm.n),
    callersAtStage: most((state) => state.callersAtStage, atStage),
    requestsAtStage: most((state) => state.requestsAtStage, atStage),
    labelledAtStage: most((state) => state.labelledAtStage, atStage),
    exposedRequests: sum((state) => state.exposedRequests),
    exposedCallers: sum((state) => state.exposedCallers),
    guardrails: isAb
      ? byHolm(
          owned.map(({ version, state }) =>
            guardrailsOf(state).map((guardrail) => ({ ...guardrail, version: versionNumber(version, rollout) })),
          ),
        )
      : states.flatMap(guardrailsOf),
    contenders: isAb
      ? owned.map(({ version, state }) => contenderOf(rollout, versionNumber(version, rollout), state))
      : [],
    loadFailure: moment.loadFailure,
    confirmed: rollout.confirmed,
  }
}

function contenderOf(rollout: Rollout, version: number, state: EvidenceState): Contender {
  const { policy } = rollout
  const callers = state.stage === rollout.stage ? state.callersAtStage : 0
  const proven = unproven(policy, guardrailsOf(state)).length === 0
  if (policy.ab.metric === 'loss') {
    const { sequence } = state.loss
    const { mean, upper } = meanInterval(sequence)
    const seen = sequence.n > 0
    return { version, callers, difference: seen ? mean : null, better: seen && upper < 0, proven }
  }
  const { harm, better } = state.errors
  const { callers: seen, championRate, candidateRate } = rateEvidence(harm)
  const difference = seen.champion > 0 && seen.candidate > 0 ? candidateRate - championRate : null
  const surely = better !== null && rateEvidence(better).highestEValue >= 1 / state.settings.alpha
  return { version, callers, difference, better: surely, proven }
}
