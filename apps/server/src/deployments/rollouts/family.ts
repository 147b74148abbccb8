import type { Guardrail } from '@tidemark/contracts'
import { familywiseLevel } from '@tidemark/statistics'
import { strongestAccuser } from './rules.ts'

/**
 * The guardrails of versions that are tried beside each other, each version's at the level that Holm's correction leaves it: once harm is proven of one, its
 * part of α goes to the others, whose `harmNeeds` fall. A version's own guardrails share its level as they are given, at α over the number of
 * versions, so that the strongest of them is the version's always-valid p-value. Pure. What is decided by is stored with its thresholds, so that a decision
 * is computed again by those of its moment.
 */
export function byHolm(versions: readonly (readonly Guardrail[])[]): Guardrail[] {
  // In units of α over the number of versions.
  const pValues = versions.map((own) => {
    const accuser = strongestAccuser(own)
    return accuser === undefined ? Number.POSITIVE_INFINITY : accuser.harmNeeds / accuser.harmEValue
  })
  const level = familywiseLevel(versions.length, pValues)
  return versions.flat().map((guardrail) => ({ ...guardrail, harmNeeds: guardrail.harmNeeds / level }))
}
