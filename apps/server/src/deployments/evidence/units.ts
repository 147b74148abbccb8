import { CLOSING_RULE, type ClosingRule, conditionalShare, openCaller } from '@tidemark/statistics'
import type { CallerRow } from './types.ts'

/** Requests of the endpoint for each caller of the stage after which a unit closes: 8,000 for 2,000 callers, as the rule was tuned. */
const REQUESTS_PER_CALLER = 4
const SHORTEST_SPAN = 40

/**
 * When units close, at this number of callers: small endpoints would wait years for the spans that suit large ones. Arms play no part in it,
 * which is what keeps the bets fair.
 */
export function closingRule(callersAtStage: number): ClosingRule {
  const wholeSpan = Math.min(CLOSING_RULE.wholeSpan, Math.max(SHORTEST_SPAN, REQUESTS_PER_CALLER * callersAtStage))
  return { requests: CLOSING_RULE.requests, wholeSpan, span: 2 * wholeSpan }
}

/**
 * A caller at its first request at a stage. `earlier`: the same caller at lower weights. One that was on the champion is tossed again with the
 * probability that is left; one already on the candidate is not, and contributes nothing more.
 */
export function openRow(
  request: { caller: string; stage: number; candidate: boolean; weightPercent: number },
  earlier: readonly CallerRow[],
  traffic: number,
): CallerRow {
  const last = earlier.reduce<CallerRow | null>(
    (latest, row) => (latest === null || row.stage > latest.stage ? row : latest),
    null,
  )
  const rho = last?.open.assignedCandidate
    ? 0
    : conditionalShare((last?.weightPercent ?? 0) / 100, request.weightPercent / 100)
  const { caller, stage, candidate, weightPercent } = request
  return { caller, stage, weightPercent, open: openCaller(candidate, rho, traffic) }
}

/** Whether this caller was tossed a coin at this stage; only then its unit is a bet. */
export function wasTossed(row: CallerRow): boolean {
  return row.open.rho > 0 && row.open.rho < 1
}
