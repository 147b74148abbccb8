import type { Guardrail, RolloutPolicy } from '@tidemark/contracts'
import type { RolloutEvidence } from './types.ts'

/** The sentences that decisions are told in. Pure: what was decided is told the same again. */

/** What a guardrail has seen, in a sentence's beginning. */
export function observed(guardrail: Guardrail): string {
  const { name, units, champion, candidate, difference, margin } = guardrail
  const callers = units > 0 ? `over ${units} callers` : 'so far'
  switch (name) {
    case 'errors':
      return `${percent(candidate)} of its requests fail, ${percent(champion)} of the champion's, ${callers}`
    case 'failures':
      return `it fails on ${percent(candidate)} of ${units} things, the champion on ${percent(champion)}`
    case 'loss':
      return `its mean loss is ${number(difference)} higher over ${units} labelled things`
    case 'latency':
      return `${percent(candidate)} of its answers are slow, ${percent(champion)} of the champion's, ${callers}`
    case 'disagreement':
      return `it answers ${percent(candidate)} of ${units} things differently, more than the ${percent(margin)} allowed`
  }
}

/** Why something was proven within its margins. */
export function proofReason(policy: RolloutPolicy, guardrails: readonly Guardrail[]): string {
  const loss = guardrails.find((guardrail) => guardrail.name === 'loss')
  const errors = guardrails.find((guardrail) => isErrors(guardrail) && guardrail.proven)
  const ofLoss =
    `mean loss ${signed(loss?.difference ?? null)} over ${loss?.units ?? 0} labelled things, ` +
    `proven less than ${policy.lossMargin} worse${atAge(policy)}`
  const ofErrors =
    `errors ${signed((errors?.difference ?? 0) * 100)} points over ${errors?.units ?? 0} ` +
    `${errors?.name === 'failures' ? 'things' : 'callers'}, proven less than ${policy.errorMarginPercent} points worse`
  const parts = { loss: ofLoss, errors: ofErrors }
  return (['loss', 'errors'] as const)
    .filter((name) => policy.prove.includes(name))
    .map((name) => parts[name])
    .join('; ')
}

function atAge({ labelAgeDays }: RolloutPolicy): string {
  return labelAgeDays === null ? '' : ` by labels at an age of ${number(labelAgeDays)} days`
}

/** Errors are proven by either kind of evidence: callers who were split, or things that both versions predicted. */
export function isErrors(guardrail: Guardrail): boolean {
  return guardrail.name === 'errors' || guardrail.name === 'failures'
}

/** Which of the things to be proven are not yet. */
export function unproven(policy: RolloutPolicy, guardrails: readonly Guardrail[]): string[] {
  return policy.prove.filter((what) => {
    const own = guardrails.filter((guardrail) => (what === 'errors' ? isErrors(guardrail) : guardrail.name === 'loss'))
    return !own.some((guardrail) => guardrail.proven)
  })
}

/** What would change the standing: one sentence for each way out. */
export function wouldChange(policy: RolloutPolicy, evidence: RolloutEvidence, nextLook: string | null): string[] {
  const harms = evidence.guardrails
    .toSorted((a, b) => b.harmEValue / b.harmNeeds - a.harmEValue / a.harmNeeds)
    .slice(0, 1)
    .map(
      (guardrail) =>
        `It rolls back when the evidence of harm in ${guardrail.name} reaches e = ${number(guardrail.harmNeeds)}; it is at ${number(guardrail.harmEValue)}.`,
    )
  const proofs = unproven(policy, evidence.guardrails).map((what) => {
    const own = evidence.guardrails.filter((each) => (what === 'errors' ? isErrors(each) : each.name === what))
    const nearest = own.toSorted(
      (a, b) => b.acceptanceEValue / b.acceptanceNeeds - a.acceptanceEValue / a.acceptanceNeeds,
    )[0]
    const at = nearest ? `; it is at ${number(nearest.acceptanceEValue)}` : ''
    const needs = nearest ? ` reaches e = ${number(nearest.acceptanceNeeds)}` : ' is there'
    const age = what === 'loss' ? atAge(policy) : ''
    return `It is promoted only when the evidence that its ${what} stay${what === 'loss' ? 's' : ''} within the margin${needs}${at}${age}.`
  })
  return [...harms, ...proofs, ...(nextLook === null ? [] : [`It is looked at again ${nextLook}.`])]
}

/** A limit of days as people say it: short ones in hours. */
export function limitOf({ maxDays }: RolloutPolicy): string {
  return maxDays >= 1 ? `${maxDays} days` : `${number(maxDays * 24)} hours`
}

/** Three significant digits; large ones as powers of ten. */
export function number(value: number | null): string {
  return value === null ? 'unknown' : value >= 1e6 ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}

function signed(value: number | null): string {
  return value === null ? 'unknown' : `${value >= 0 ? '+' : '−'}${number(Math.abs(value))}`
}

function percent(share: number | null): string {
  return share === null ? 'an unknown share' : `${number(share * 100)} %`
}
