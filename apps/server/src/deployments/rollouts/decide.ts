import type { CanaryStep, Guardrail, RolloutPolicy } from '@tidemark/contracts'
import { decideContest } from './contest.ts'
import { type Plan, planOf } from './plan.ts'
import { causeOf, DAY, exposed, HOUR, harmReason, isHarmful, isOverdue, isSpent, strongestAccuser } from './rules.ts'
import type { Decision, DecisionInput, LiveState, RolloutEvidence } from './types.ts'
import { limitOf, proofReason, unproven } from './words.ts'

/**
 * What the rollout does next. The same input always gives the same answer, so any past decision can be replayed.
 *
 * `evidence` carries its own clock: the event time of the log in replay mode, else wall time. Harm is looked at first, so that nothing is
 * promoted while a guardrail accuses it, and a paused rollout still rolls back. A promotion needs what `policy.prove` names proven within its
 * margin, at the last step. `waived`: the version's gates refused it, and a person let it in all the same; only proof promotes it, whatever the
 * policy says of the time limit.
 */
export function decide(input: DecisionInput): Decision {
  const { policy, state, evidence, paused } = input
  if (evidence.loadFailure !== null) {
    return { kind: 'roll_back', guardrail: 'errors', reason: `a gateway could not load it: ${evidence.loadFailure}` }
  }
  if (state.kind === 'ab') return decideContest(input, state)
  const accuser = strongestAccuser(evidence.guardrails)
  if (accuser && isHarmful(accuser)) return rollBack(accuser)
  if (paused !== null) return held(`paused: ${paused}`, 'when somebody resumes it', null)
  const plan = planOf(policy)
  const { steps } = plan
  const step = state.kind === 'canary' ? steps[state.step] : undefined
  if (state.kind === 'canary' && state.weightPercent > 0 && isSpent(policy, evidence)) {
    const to = { ...state, weightPercent: 0 }
    const reason = `the exposure that its policy allows is spent (${exposed(evidence)}); the champion answers everybody`
    return { kind: 'shift', to, reason, ...proofAwaited(policy, evidence) }
  }
  const atEnd = state.kind === 'canary' ? state.step === steps.length - 1 : steps.length === 0
  const kept = hoursAtStage(evidence) >= (step?.minHours ?? 0)
  if (atEnd && kept && unproven(policy, evidence.guardrails).length === 0) {
    const reason = proofReason(policy, evidence.guardrails)
    return state.kind === 'canary'
      ? { kind: 'promote', version: null, proof: 'non-inferiority proven', reason }
      : { kind: 'finish', verdict: 'not worse', reason }
  }
  if (isOverdue(policy, evidence)) return atTimeLimit(input)
  if (state.kind === 'shadow') return leaveShadow(policy, plan, evidence)
  return nextStep(policy, plan, state, evidence)
}

function leaveShadow(policy: RolloutPolicy, { minEntities, steps }: Plan, evidence: RolloutEvidence): Decision {
  const [first] = steps
  const { pairs } = evidence
  if (!first) {
    const missing = unproven(policy, evidence.guardrails).join(' and ')
    const { nextLook, nextLookAt } = proofAwaited(policy, evidence)
    return held(`in shadow, not yet proven within the margin: ${missing}`, nextLook, nextLookAt)
  }
  if (pairs < minEntities) {
    const reason = `${pairs} of ${minEntities} things seen by both versions in shadow`
    return held(reason, `at ${minEntities} things predicted by both versions`, limitAt(policy, evidence))
  }
  if (!evidence.confirmed) return held('waits until every gateway has loaded it', 'when all gateways confirmed', null)
  const why =
    policy.strategy === 'blue_green'
      ? 'every live gateway has it warm'
      : `${pairs} things predicted by both versions in shadow, without proof of harm`
  return shiftTo(policy, 0, first, why, evidence)
}

function nextStep(
  policy: RolloutPolicy,
  { steps }: Plan,
  state: Extract<LiveState, { kind: 'canary' }>,
  evidence: RolloutEvidence,
): Decision {
  const step = steps[state.step]
  const next = steps[state.step + 1]
  const weight = state.weightPercent
  const missing = step ? missingAtStep(step, weight, evidence) : null
  const overdue = step?.maxHours != null && hoursAtStage(evidence) > step.maxHours
  // At the last step too: what its minimum waits for may never come.
  if (overdue && (missing !== null || !next)) {
    const why = missing?.reason ?? `not yet proven: ${unproven(policy, evidence.guardrails).join(' and ')}`
    const after = `${step.maxHours} hours at ${weight} % are over, ${why}`
    if (step.onMaxHours === 'pause') return { kind: 'pause', reason: `${after}; its policy pauses then` }
    if (step.onMaxHours === 'roll_back') {
      return { kind: 'roll_back', guardrail: 'time', reason: `${after}; its policy rolls back then` }
    }
    if (next) return shiftTo(policy, state.step + 1, next, `${after}; its policy goes on then`, evidence)
  }
  if (!next) {
    const open = unproven(policy, evidence.guardrails)
    const reason =
      open.length > 0
        ? `at ${weight} %, not yet proven within the margin: ${open.join(' and ')}`
        : `proven, and kept at ${weight} % for ${step?.minHours ?? 0} hours, so that a return takes no time`
    const { nextLook, nextLookAt } = proofAwaited(policy, evidence, step)
    return held(reason, nextLook, nextLookAt)
  }
  if (missing) return held(missing.reason, missing.nextLook, missing.at ?? limitAt(policy, evidence, step))
  if (!evidence.confirmed)
    return held(`waits until every gateway serves ${weight} %`, 'when all gateways confirmed', null)
  const seen = `${evidence.callersAtStage} callers seen at ${weight} %, without proof of harm`
  return shiftTo(policy, state.step + 1, next, seen, evidence)
}

/** What the step still waits for; null when it has all that it needs. */
function missingAtStep(step: CanaryStep, weight: number, evidence: RolloutEvidence) {
  const { callersAtStage, requestsAtStage, labelledAtStage, stageFrom } = evidence
  const counts = [
    [callersAtStage, step.minCallers, 'callers'],
    [requestsAtStage, step.minRequests, 'requests'],
    [labelledAtStage, step.minLabelled, 'labelled things'],
  ] as const
  for (const [seen, least, what] of counts) {
    if (seen < least) {
      const reason = `${seen} of ${least} ${what} seen at ${weight} %`
      return { reason, nextLook: `at ${least} ${what} at ${weight} %`, at: null }
    }
  }
  if (hoursAtStage(evidence) < step.minHours) {
    const at = stageFrom === null ? null : stageFrom + step.minHours * HOUR
    const reason = `the ${step.minHours} hours at ${weight} % are not over`
    return { reason, nextLook: `at the end of ${step.minHours} hours at ${weight} %`, at }
  }
  return null
}

function shiftTo(
  policy: RolloutPolicy,
  index: number,
  step: CanaryStep,
  reason: string,
  evidence: RolloutEvidence,
): Decision {
  const { weightPercent, minCallers } = step
  const to = { kind: 'canary' as const, step: index, weightPercent }
  const nextLook =
    policy.strategy === 'blue_green'
      ? `with each caller, at the earliest after ${step.minHours} hours`
      : `at ${minCallers} callers at ${weightPercent} %`
  const earliest = evidence.now !== null && step.minHours > 0 ? evidence.now + step.minHours * HOUR : null
  return { kind: 'shift', to, reason, nextLook, nextLookAt: earliest ?? limitAt(policy, evidence) }
}

function held(reason: string, nextLook: string, nextLookAt: number | null): Decision {
  return { kind: 'hold', reason, nextLook, nextLookAt }
}

function proofAwaited(policy: RolloutPolicy, evidence: RolloutEvidence, step?: CanaryStep) {
  const nextLook = `with each labelled thing and each caller, at the latest ${limitOf(policy)} after its start`
  return { nextLook, nextLookAt: limitAt(policy, evidence, step) }
}

/** When time alone decides next: the end of the step's least or most time, or of the rollout's. */
function limitAt(policy: RolloutPolicy, evidence: RolloutEvidence, step?: CanaryStep): number | null {
  const { now, limitsFrom, stageFrom } = evidence
  const ends = [
    limitsFrom === null ? null : limitsFrom + policy.maxDays * DAY,
    stageFrom === null || !step ? null : stageFrom + step.minHours * HOUR,
    stageFrom === null || step?.maxHours == null ? null : stageFrom + step.maxHours * HOUR,
  ].filter((at): at is number => at !== null && (now === null || at > now))
  return ends.length > 0 ? Math.min(...ends) : null
}

function rollBack(accuser: Guardrail): Decision {
  return { kind: 'roll_back', guardrail: causeOf(accuser), reason: harmReason(accuser) }
}

function atTimeLimit({ policy, state, evidence, waived }: DecisionInput): Decision {
  const days = `${limitOf(policy)} of event time passed without proof either way`
  if (policy.strategy === 'shadow') {
    return { kind: 'finish', verdict: 'no proof', reason: `${days}; ${evidence.pairs} things were predicted by both` }
  }
  if (waived) {
    const reason = `${days}; its gates refused it and were waived, so only proof promotes it`
    return { kind: 'roll_back', guardrail: 'time', reason }
  }
  switch (policy.onTimeLimit) {
    case 'promote_without_proof':
      // A candidate that never answered anybody has no claim to be promoted by the passing of time.
      return state.kind === 'canary'
        ? {
            kind: 'promote',
            version: null,
            proof: 'promoted without proof',
            reason: `${days}; the policy promotes then`,
          }
        : { kind: 'roll_back', guardrail: 'time', reason: `${days}, and too little was seen of it to leave the shadow` }
    case 'roll_back':
      return { kind: 'roll_back', guardrail: 'time', reason: `${days}; the policy rolls back then` }
    case 'pause':
      return { kind: 'pause', reason: `${days}; the policy pauses then` }
  }
}

function hoursAtStage({ now, stageFrom }: RolloutEvidence): number {
  return now === null || stageFrom === null ? 0 : (now - stageFrom) / HOUR
}
