import type { EvidencePoint } from '@tidemark/contracts'
import { boundedInterval } from '@tidemark/statistics'
import { guardrailsOf } from './guardrails.ts'
import { withLatencyPoint } from './observed.ts'
import { thinned } from './thinned.ts'
import type { EvidenceState } from './types.ts'

/** Points kept for the chart; when full, every second one is dropped. */
const MAX_POINTS = 400

/** Appends the present evidence to the charts' series, for what has new units. */
export function withPoints(state: EvidenceState): EvidenceState {
  if (state.eventTimeTo === null) return state
  const at = new Date(state.eventTimeTo).toISOString()
  const observed = state.observed && withLatencyPoint(state.observed, at)
  const fresh = [...guardrailsOf(state), ...undeclared(state)].flatMap((guardrail): EvidencePoint[] => {
    const { name, units, difference, lower, upper, harmEValue, acceptanceEValue } = guardrail
    const last = state.points.findLast((point) => point.guardrail === name)
    return units === (last?.units ?? 0)
      ? []
      : [{ at, guardrail: name, units, difference, lower, upper, harmEValue, acceptanceEValue }]
  })
  if (fresh.length === 0) return { ...state, observed }
  const points = [...state.points, ...fresh]
  return {
    ...state,
    observed,
    points: points.length > MAX_POINTS ? thinned(points, (point) => point.guardrail) : points,
  }
}

/** How often the versions differ is shown where no budget for it was declared, too. */
function undeclared({ disagreement, settings }: EvidenceState) {
  const { sequence, things, differing } = disagreement
  if (settings.disagreement !== null || sequence === null || things === 0) return []
  const { lower, upper } = boundedInterval(sequence)
  const difference = differing / things
  return [
    { name: 'disagreement' as const, units: things, difference, lower, upper, harmEValue: 0, acceptanceEValue: 0 },
  ]
}
