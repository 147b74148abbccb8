import type { Guardrail, RolloutPolicy } from '@tidemark/contracts'
import { harmReason, isHarmful, strongestAccuser } from '../rollouts/rules.ts'
import { isErrors, proofReason } from '../rollouts/words.ts'

/**
 * What counts of callers say of a rollout that is carried out elsewhere. Errors are all that counts can tell, so they are all that is asked for
 * (no loss, whatever the policy would have proven). Pure.
 */
export function judge(
  policy: RolloutPolicy,
  guardrails: readonly Guardrail[],
): { readonly verdict: 'promote' | 'roll_back' | 'hold'; readonly reason: string } {
  const own = guardrails.filter(({ name }) => name === 'errors')
  const accuser = strongestAccuser(own)
  if (accuser && isHarmful(accuser)) return { verdict: 'roll_back', reason: harmReason(accuser) }
  if (own.some((guardrail) => isErrors(guardrail) && guardrail.proven)) {
    return { verdict: 'promote', reason: proofReason({ ...policy, prove: ['errors'] }, own) }
  }
  const units = own[0]?.units ?? 0
  return { verdict: 'hold', reason: `neither harm nor its absence is proven yet, over ${units} callers` }
}
