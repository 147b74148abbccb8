import type { Guardrail, RolloutPolicy } from '@tidemark/contracts'
import type { Decision, LiveState, RolloutEvidence } from './types.ts'

const DAY = 86_400_000

/**
 * What the rollout does next. The same evidence always gives the same answer, so any past decision can be replayed.
 *
 * `evidence` carries its own clock: the event time of the log. Harm is looked at first, so that nothing is promoted while a guardrail
 * accuses it; a promotion needs errors and loss both proven within their margins, at the last step. `waived`: the version's gates refused it,
 * and a person let it in all the same; only proof promotes it, whatever the policy says of the time limit.
 */
export function decide(policy: RolloutPolicy, state: LiveState, evidence: RolloutEvidence, waived: boolean): Decision {
  if (evidence.loadFailure !== null) {
    return { kind: 'roll_back', guardrail: 'errors', reason: `a gateway could not load it: ${evidence.loadFailure}` }
  }
  const accuser = strongestAccuser(evidence)
  if (accuser && accuser.harmEValue >= accuser.harmNeeds) return rollBack(accuser)
  const atLastStep = state.kind === 'canary' && state.step === policy.canary.length - 1
  if (atLastStep && errorsProven(evidence) && lossProven(evidence)) {
    return { kind: 'promote', proof: 'non-inferiority proven', reason: proofReason(policy, evidence) }
  }
  if (ageDays(evidence) > policy.maxDays) return atTimeLimit(policy, state, waived)
  switch (state.kind) {
    case 'shadow':
      return leaveShadow(policy, evidence)
    case 'canary':
      return nextStep(policy, state.step, evidence)
  }
}

function leaveShadow(policy: RolloutPolicy, evidence: RolloutEvidence): Decision {
  const { minEntities } = policy.shadow
  const first = policy.canary[0]
  if (evidence.pairs < minEntities || !first) {
    return {
      kind: 'hold',
      reason: `${evidence.pairs} of ${minEntities} things seen by both versions in shadow`,
      nextLook: `at ${minEntities} things predicted by both versions`,
    }
  }
  return {
    kind: 'shift',
    step: 0,
    weightPercent: first.weightPercent,
    reason: `${evidence.pairs} things predicted by both versions in shadow, without proof of harm`,
    nextLook: `at ${first.minCallers} callers at ${first.weightPercent} %`,
  }
}

function nextStep(policy: RolloutPolicy, step: number, evidence: RolloutEvidence): Decision {
  const current = policy.canary[step]
  const next = policy.canary[step + 1]
  const weight = current?.weightPercent ?? 0
  const minCallers = current?.minCallers ?? 0
  if (!next) {
    const missing = [errorsProven(evidence) ? null : 'errors', lossProven(evidence) ? null : 'loss'].filter(Boolean)
    return {
      kind: 'hold',
      reason: `at ${weight} %, not yet proven within the margin: ${missing.join(' and ')}`,
      nextLook: `with each labelled thing and each caller, at the latest ${policy.maxDays} days after its start`,
    }
  }
  if (evidence.callersAtStage < minCallers) {
    return {
      kind: 'hold',
      reason: `${evidence.callersAtStage} of ${minCallers} callers seen at ${weight} %`,
      nextLook: `at ${minCallers} callers at ${weight} %`,
    }
  }
  return {
    kind: 'shift',
    step: step + 1,
    weightPercent: next.weightPercent,
    reason: `${evidence.callersAtStage} callers seen at ${weight} %, without proof of harm`,
    nextLook: `at ${next.minCallers} callers at ${next.weightPercent} %`,
  }
}

/** The guardrail whose evidence of harm is nearest to its threshold, or farthest beyond it. */
function strongestAccuser({ guardrails }: RolloutEvidence): Guardrail | undefined {
  return guardrails.toSorted((a, b) => b.harmEValue / b.harmNeeds - a.harmEValue / a.harmNeeds)[0]
}

function rollBack(accuser: Guardrail): Decision {
  const proof = `harm is proven (e = ${number(accuser.harmEValue)}, needs ${number(accuser.harmNeeds)})`
  const guardrail = accuser.name === 'loss' ? 'loss' : 'errors'
  return { kind: 'roll_back', guardrail, reason: `${observed(accuser)}; ${proof}` }
}

function observed(guardrail: Guardrail): string {
  const { name, units, champion, candidate, difference } = guardrail
  switch (name) {
    case 'errors':
      return `${percent(candidate)} of its requests fail, ${percent(champion)} of the champion's, over ${units} callers`
    case 'failures':
      return `it fails on ${percent(candidate)} of ${units} things, the champion on ${percent(champion)}`
    case 'loss':
      return `its mean loss is ${number(difference)} higher over ${units} labelled things`
  }
}

function atTimeLimit(policy: RolloutPolicy, state: LiveState, waived: boolean): Decision {
  const days = `${policy.maxDays} days of event time passed without proof either way`
  if (waived) {
    const reason = `${days}; its gates refused it and were waived, so only proof promotes it`
    return { kind: 'roll_back', guardrail: 'time', reason }
  }
  switch (policy.onTimeLimit) {
    case 'promote_without_proof':
      // A candidate that never answered anybody has no claim to be promoted by the passing of time.
      return state.kind === 'canary'
        ? { kind: 'promote', proof: 'promoted without proof', reason: `${days}; the policy promotes then` }
        : { kind: 'roll_back', guardrail: 'time', reason: `${days}, and too little was seen of it to leave the shadow` }
    case 'roll_back':
      return { kind: 'roll_back', guardrail: 'time', reason: `${days}; the policy rolls back then` }
  }
}

function proofReason(policy: RolloutPolicy, evidence: RolloutEvidence): string {
  const loss = evidence.guardrails.find((guardrail) => guardrail.name === 'loss')
  const errors = evidence.guardrails.find((guardrail) => guardrail.name !== 'loss' && guardrail.proven)
  return (
    `mean loss ${signed(loss?.difference ?? null)} over ${loss?.units ?? 0} labelled things, proven less than ${policy.lossMargin} worse; ` +
    `errors ${signed((errors?.difference ?? 0) * 100)} points over ${errors?.units ?? 0} ${errors?.name === 'failures' ? 'things' : 'callers'}, ` +
    `proven less than ${policy.errorMarginPercent} points worse`
  )
}

/** Errors are proven by either kind of evidence: callers who were split, or things that both versions predicted. */
function errorsProven(evidence: RolloutEvidence): boolean {
  return evidence.guardrails.some((guardrail) => guardrail.name !== 'loss' && guardrail.proven)
}

function lossProven(evidence: RolloutEvidence): boolean {
  return evidence.guardrails.some((guardrail) => guardrail.name === 'loss' && guardrail.proven)
}

function ageDays(evidence: RolloutEvidence): number {
  const { eventTimeFrom, eventTimeTo } = evidence
  return eventTimeFrom === null || eventTimeTo === null ? 0 : (eventTimeTo - eventTimeFrom) / DAY
}

function number(value: number | null): string {
  return value === null ? 'unknown' : value >= 1e6 ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}

function signed(value: number | null): string {
  return value === null ? 'unknown' : `${value >= 0 ? '+' : '−'}${number(Math.abs(value))}`
}

function percent(share: number | null): string {
  return share === null ? 'an unknown share' : `${number(share * 100)} %`
}
