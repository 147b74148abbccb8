import { conditionalShare, openCaller, remainingClosings } from '@tidemark/statistics'
import type { CallerRow } from './types.ts'

/**
 * A caller at its first request at a stage. `earlier`: the same caller at lower weights. One that was on the champion is tossed again with the
 * probability that is left; one already on the candidate is not, and contributes nothing more.
 */
export function openRow(
  request: { caller: string; stage: number; candidate: boolean; weightPercent: number; timed: boolean },
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
  const { caller, stage, candidate, weightPercent, timed } = request
  const open = openCaller(candidate, rho, traffic)
  // What nobody asks about is closed from the beginning.
  return { caller, stage, weightPercent, open, times: timed ? open : { ...open, closed: remainingClosings(open) } }
}

/** Whether this caller was tossed a coin at this stage; only then its unit is a bet. */
export function wasTossed(row: CallerRow): boolean {
  return row.open.rho > 0 && row.open.rho < 1
}
