import type { Guardrail, RollbackCause, RolloutPolicy } from '@tidemark/contracts'
import type { RolloutEvidence } from './types.ts'
import { number, observed } from './words.ts'

/** What the rules of all strategies share. Pure. */

/** Milliseconds. */
export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** The guardrail whose evidence of harm is nearest to its threshold, or farthest beyond it. */
export function strongestAccuser(guardrails: readonly Guardrail[]): Guardrail | undefined {
  return guardrails.toSorted((a, b) => b.harmEValue / b.harmNeeds - a.harmEValue / a.harmNeeds)[0]
}

/** Whether harm is proven at the guardrail's share of the rollout's alpha. */
export function isHarmful(guardrail: Guardrail): boolean {
  return guardrail.harmEValue >= guardrail.harmNeeds
}

/** Which kind of harm a guardrail speaks of: things that fail are errors too. */
export function causeOf(accuser: Guardrail): RollbackCause {
  return accuser.name === 'failures' ? 'errors' : accuser.name
}

/** What was seen, and how surely it is harm. */
export function harmReason(accuser: Guardrail): string {
  const proof = `harm is proven (e = ${number(accuser.harmEValue)}, needs ${number(accuser.harmNeeds)})`
  return `${observed(accuser)}; ${proof}`
}

/** Whether no more callers may be exposed. */
export function isSpent({ exposure }: RolloutPolicy, { exposedRequests }: RolloutEvidence): boolean {
  return exposure.maxRequests !== null && exposedRequests >= exposure.maxRequests
}

/** How far callers were exposed, in words. */
export function exposed({ exposedRequests, exposedCallers }: RolloutEvidence): string {
  return `${exposedRequests} requests of ${exposedCallers} callers`
}

/** Whether the rollout's time is up. */
export function isOverdue(policy: RolloutPolicy, evidence: RolloutEvidence): boolean {
  return ageDays(evidence) > policy.maxDays
}

function ageDays({ now, limitsFrom }: RolloutEvidence): number {
  return now === null || limitsFrom === null ? 0 : (now - limitsFrom) / DAY
}
