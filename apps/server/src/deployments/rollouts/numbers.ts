import type { Evidence } from '@tidemark/contracts'
import type { RolloutEvidence } from './types.ts'

/** The evidence as the flat record that events and decisions carry. */
export function evidenceNumbers(evidence: RolloutEvidence): Evidence {
  const { requests, pairs, labelledPairs, callersAtStage } = evidence
  const ofGuardrails = evidence.guardrails.flatMap(({ name, ...guardrail }) => [
    [`${name}.units`, guardrail.units],
    [`${name}.champion`, guardrail.champion],
    [`${name}.candidate`, guardrail.candidate],
    [`${name}.difference`, guardrail.difference],
    [`${name}.margin`, guardrail.margin],
    [`${name}.harmEValue`, guardrail.harmEValue],
    [`${name}.harmNeeds`, guardrail.harmNeeds],
    [`${name}.acceptanceEValue`, guardrail.acceptanceEValue],
    [`${name}.acceptanceNeeds`, guardrail.acceptanceNeeds],
  ])
  return {
    requests,
    pairs,
    labelledPairs,
    callersAtStage,
    ...(Object.fromEntries(ofGuardrails) as Evidence),
  }
}
