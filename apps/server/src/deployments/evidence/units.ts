import { conditionalShare } from '@tidemark/statistics'
import type { CallerUnitRow } from './types.ts'

/** A caller's unit ends after this many requests: beyond, a heavy caller tells little more about itself. */
const CAP_REQUESTS = 40
/** A unit also ends when the rollout has seen this many requests for each caller of the stage since it opened, so that every caller had its share of time. */
const REQUESTS_PER_CALLER = 4
const SHORTEST_SPAN = 40

/**
 * Opens a caller's unit at a stage. `earlier`: the caller's units at lower weights. A caller that was on the champion is tossed again with the
 * probability that is left; one already on the candidate is not, and contributes nothing more.
 */
export function openUnit(
  request: { caller: string; stage: number; candidate: boolean; weightPercent: number },
  earlier: readonly CallerUnitRow[],
  traffic: number,
): CallerUnitRow {
  const last = earlier.reduce<CallerUnitRow | null>(
    (latest, unit) => (latest === null || unit.stage > latest.stage ? unit : latest),
    null,
  )
  const rho = last?.candidate ? null : conditionalShare((last?.weightPercent ?? 0) / 100, request.weightPercent / 100)
  return { ...request, rho, errors: 0, requests: 0, openedAt: traffic, closed: false }
}

/** Whether a unit ends now. The rule never looks at the arm: else its bet would not be fair. */
export function unitEnds(unit: CallerUnitRow, stage: number, traffic: number, callersAtStage: number): boolean {
  if (unit.stage < stage || unit.requests >= CAP_REQUESTS) return true
  return traffic - unit.openedAt >= Math.max(SHORTEST_SPAN, REQUESTS_PER_CALLER * callersAtStage)
}
