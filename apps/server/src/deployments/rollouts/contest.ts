import type { Guardrail, RolloutPolicy } from '@tidemark/contracts'
import { causeOf, DAY, exposed, harmReason, isHarmful, isOverdue, isSpent, strongestAccuser } from './rules.ts'
import type { Decision, DecisionInput, LiveState, RolloutEvidence, Weights } from './types.ts'
import { limitOf, number, proofReason } from './words.ts'

/**
 * What an A/B rollout does next. A version whose harm is proven loses its share to the champion; when none is left it is rolled back. The winner
 * is the one that is surely better than the champion in the declared metric, the best of several, with everything proven that must be; ties are
 * for the version declared first. Pure.
 */
export function decideContest(input: DecisionInput, state: Extract<LiveState, { kind: 'ab' }>): Decision {
  const { policy, evidence, paused } = input
  const inRace = state.weights.filter(({ weightPercent }) => weightPercent > 0)
  const harmful = inRace.flatMap(({ version }) => {
    const accuser = strongestAccuser(ofVersion(evidence, version))
    return accuser && isHarmful(accuser) ? [{ version, accuser }] : []
  })
  const [worst] = harmful
  if (worst) {
    const left = state.weights.map((each) => (isOne(harmful, each.version) ? { ...each, weightPercent: 0 } : each))
    const reason = harmful.map(({ version, accuser }) => `version ${version}: ${harmReason(accuser)}`).join('; ')
    // A version without a share after its exposure was spent may still be proven; one that is harmful may not.
    return left.some(({ weightPercent }) => weightPercent > 0)
      ? shift(policy, left, reason, evidence)
      : { kind: 'roll_back', guardrail: causeOf(worst.accuser), reason }
  }
  if (paused !== null) {
    return { kind: 'hold', reason: `paused: ${paused}`, nextLook: 'when somebody resumes it', nextLookAt: null }
  }
  if (inRace.length > 0 && isSpent(policy, evidence)) {
    const none = state.weights.map((each) => ({ ...each, weightPercent: 0 }))
    const reason = `the exposure that its policy allows is spent (${exposed(evidence)}); the champion answers everybody`
    return shift(policy, none, reason, evidence)
  }
  const ready = evidence.contenders.filter(
    ({ version, callers }) =>
      callers >= policy.ab.minCallers && !ofVersion(evidence, version).some((guardrail) => isHarmful(guardrail)),
  )
  const [winner] = ready
    .filter(({ better, proven }) => better && proven)
    .toSorted((a, b) => (a.difference ?? 0) - (b.difference ?? 0))
  if (winner) {
    const reason = `version ${winner.version} is surely better than the champion in ${policy.ab.metric} (${number(winner.difference)}); ${proofReason(policy, ofVersion(evidence, winner.version))}`
    return { kind: 'promote', version: winner.version, proof: 'non-inferiority proven', reason }
  }
  if (isOverdue(policy, evidence)) return atTimeLimit(input, ready)
  const names = inRace.map(({ version, weightPercent }) => `version ${version} at ${number(weightPercent)} %`)
  return {
    kind: 'hold',
    reason: `no version is surely better than the champion in ${policy.ab.metric} yet: ${names.join(', ')}`,
    ...awaited(policy, evidence),
  }
}

function atTimeLimit({ policy, waived }: DecisionInput, ready: RolloutEvidence['contenders']): Decision {
  const days = `${limitOf(policy)} of event time passed without a winner`
  if (policy.onTimeLimit === 'pause') return { kind: 'pause', reason: `${days}; the policy pauses then` }
  const [best] = ready.toSorted((a, b) => (a.difference ?? 0) - (b.difference ?? 0))
  if (policy.onTimeLimit === 'promote_without_proof' && !waived && best?.difference != null && best.difference < 0) {
    const reason = `${days}; version ${best.version} was the best seen, and the policy promotes then`
    return { kind: 'promote', version: best.version, proof: 'promoted without proof', reason }
  }
  return { kind: 'roll_back', guardrail: 'time', reason: `${days}; the champion stays` }
}

function shift(policy: RolloutPolicy, weights: Weights, reason: string, evidence: RolloutEvidence): Decision {
  return { kind: 'shift', to: { kind: 'ab', weights: [...weights] }, reason, ...awaited(policy, evidence) }
}

function awaited(policy: RolloutPolicy, { limitsFrom }: RolloutEvidence) {
  return {
    nextLook: `with each labelled thing and each caller, at the latest ${limitOf(policy)} after its start`,
    nextLookAt: limitsFrom === null ? null : limitsFrom + policy.maxDays * DAY,
  }
}

function ofVersion({ guardrails }: RolloutEvidence, version: number): Guardrail[] {
  return guardrails.filter((guardrail) => guardrail.version === version)
}

function isOne(some: readonly { version: number }[], version: number): boolean {
  return some.some((each) => each.version === version)
}
