import type { EvidencePoint, Guardrail, RolloutPolicy } from '@tidemark/contracts'
import {
  addCaller,
  addDifference,
  allocateAlpha,
  type CallerUnit,
  expectTraffic,
  extendMeanSequence,
  meanEvidence,
  meanInterval,
  rateEvidence,
  startMeanSequence,
  startMeanTest,
  startRateTest,
  withTraffic,
} from '@tidemark/statistics'
import type { RolloutEvidence } from '../rollouts/types.ts'
import type { Comparison } from '../types.ts'
import { lossDifference, lossOf } from './pairs.ts'
import type { EvidenceSettings, EvidenceState, Pair } from './types.ts'

/** Points kept for the chart; when full, every second one is dropped. */
const MAX_POINTS = 400
/** Share of requests expected to fail before any was seen; it weighs as one error. */
const USUAL_ERROR_RATE = 0.02

/**
 * What each harm test may spend of the rollout's alpha; the union bound keeps all of them together at alpha. Not the mean of their e-values:
 * the tests close their units in different orders, so their mean is no e-process. Loss gets half: its units, labelled things, are the fewest.
 */
function harmShares(alpha: number): Record<'errors' | 'failures' | 'loss', number> {
  return allocateAlpha(alpha, { errors: 1, failures: 1, loss: 2 })
}

/** What the tests need to know before they start, from the policy and from how the two versions differed on the holdout. */
export function evidenceSettings(policy: RolloutPolicy, comparison: Comparison | null): EvidenceSettings {
  const { alpha, lossMargin, errorMarginPercent } = policy
  const labelRange = comparison?.labelRange ?? null
  // Squared errors have no bound without a range of labels: then the absolute error is compared.
  const loss = labelRange === null ? 'absolute_error' : policy.loss
  const gap = comparison?.meanPredictionGap ?? lossMargin
  const scale = loss === 'squared_error' && labelRange ? (labelRange.high - labelRange.low) / 2 : 1
  // Two to three times the typical difference is the bound that the tests are tuned for.
  return { alpha, loss, lossMargin, errorMarginPercent, labelRange, usualDifference: 2.5 * gap * scale }
}

/** Evidence of a rollout that has seen nothing yet. */
export function startEvidence(settings: EvidenceSettings): EvidenceState {
  const margin = settings.errorMarginPercent / 100
  const usual = Math.max(settings.usualDifference, settings.lossMargin / 10)
  return {
    format: 1,
    settings,
    eventTimeFrom: null,
    eventTimeTo: null,
    requests: 0,
    stage: 0,
    callersAtStage: 0,
    pairs: 0,
    traffic: expectTraffic(USUAL_ERROR_RATE),
    errors: {
      harm: startRateTest({ kind: 'harm' }),
      acceptance: startRateTest({ kind: 'acceptableMargin', margin }),
    },
    failures: {
      harm: startMeanTest({ direction: 'above', mean: 0 }, 1),
      acceptance: startMeanTest({ direction: 'below', mean: margin }, 1),
      champion: 0,
      candidate: 0,
    },
    loss: {
      harm: startMeanTest({ direction: 'above', mean: 0 }, usual),
      acceptance: startMeanTest({ direction: 'below', mean: settings.lossMargin }, usual),
      sequence: startMeanSequence(usual, settings.alpha),
      championSum: 0,
      candidateSum: 0,
    },
    points: [],
  }
}

/** Counts one answered request: its event time and whether it failed. */
export function addAnswer(state: EvidenceState, eventTime: number, failed: boolean): EvidenceState {
  return {
    ...state,
    requests: state.requests + 1,
    traffic: withTraffic(state.traffic, Number(failed), 1),
    eventTimeFrom: Math.min(state.eventTimeFrom ?? eventTime, eventTime),
    eventTimeTo: Math.max(state.eventTimeTo ?? eventTime, eventTime),
  }
}

/** Bets one closed caller unit. */
export function addClosedUnit(state: EvidenceState, unit: CallerUnit): EvidenceState {
  const { harm, acceptance } = state.errors
  return { ...state, errors: { harm: addCaller(harm, unit), acceptance: addCaller(acceptance, unit) } }
}

/** Counts the first pair of a thing: did one version fail where the other answered? */
export function addPair(state: EvidenceState, pair: Pair): EvidenceState {
  const row = { difference: Number(pair.candidateFailed) - Number(pair.championFailed), bound: 1 }
  const { failures } = state
  return {
    ...state,
    pairs: state.pairs + 1,
    failures: {
      harm: addDifference(failures.harm, row),
      acceptance: addDifference(failures.acceptance, row),
      champion: failures.champion + Number(pair.championFailed),
      candidate: failures.candidate + Number(pair.candidateFailed),
    },
  }
}

/** Bets the label of a pair. Pairs in which a version gave no number have no loss to compare. */
export function addLabel(state: EvidenceState, pair: Pair, label: number): EvidenceState {
  const { champion, candidate } = pair
  if (champion === null || candidate === null) return state
  const row = lossDifference(state.settings, { champion, candidate }, label)
  const { loss } = state
  return {
    ...state,
    loss: {
      harm: addDifference(loss.harm, row),
      acceptance: addDifference(loss.acceptance, row),
      sequence: extendMeanSequence(loss.sequence, row),
      championSum: loss.championSum + lossOf(state.settings.loss, champion, label),
      candidateSum: loss.candidateSum + lossOf(state.settings.loss, candidate, label),
    },
  }
}

/** The evidence as decisions and people read it. */
export function summarise(state: EvidenceState, stage: number, loadFailure: string | null): RolloutEvidence {
  const guardrails = [errorsGuardrail(state), failuresGuardrail(state), lossGuardrail(state)]
  return {
    eventTimeFrom: state.eventTimeFrom,
    eventTimeTo: state.eventTimeTo,
    requests: state.requests,
    pairs: state.pairs,
    labelledPairs: state.loss.harm.n,
    callersAtStage: state.stage === stage ? state.callersAtStage : 0,
    guardrails,
    loadFailure,
  }
}

/** Appends the present evidence to the chart's series, for guardrails that have new units. */
export function withPoints(state: EvidenceState): EvidenceState {
  if (state.eventTimeTo === null) return state
  const at = new Date(state.eventTimeTo).toISOString()
  const fresh: EvidencePoint[] = summarise(state, state.stage, null).guardrails.flatMap((guardrail) => {
    const { name, units, difference, lower, upper, harmEValue, acceptanceEValue } = guardrail
    const last = state.points.findLast((point) => point.guardrail === name)
    return units === (last?.units ?? 0)
      ? []
      : [{ at, guardrail: name, units, difference, lower, upper, harmEValue, acceptanceEValue }]
  })
  if (fresh.length === 0) return state
  const points = [...state.points, ...fresh]
  return { ...state, points: points.length > MAX_POINTS ? thinned(points) : points }
}

/** Drops every second point of each guardrail, never the last. */
function thinned(points: readonly EvidencePoint[]): EvidencePoint[] {
  const counts = new Map<string, number>()
  const backwards = points.toReversed().filter((point) => {
    const index = counts.get(point.guardrail) ?? 0
    counts.set(point.guardrail, index + 1)
    return index % 2 === 0
  })
  return backwards.toReversed()
}

function errorsGuardrail(state: EvidenceState): Guardrail {
  const { alpha, errorMarginPercent } = state.settings
  const harm = rateEvidence(state.errors.harm)
  const acceptance = rateEvidence(state.errors.acceptance)
  const units = harm.callers.champion + harm.callers.candidate
  const seenBoth = harm.callers.champion > 0 && harm.callers.candidate > 0
  // Two kinds of evidence may prove the errors' guardrail: each gets half of alpha.
  const acceptanceNeeds = 2 / alpha
  return {
    name: 'errors',
    unit: 'caller',
    units,
    champion: harm.callers.champion > 0 ? harm.championRate : null,
    candidate: harm.callers.candidate > 0 ? harm.candidateRate : null,
    difference: seenBoth ? harm.candidateRate - harm.championRate : null,
    lower: null,
    upper: null,
    margin: errorMarginPercent / 100,
    harmEValue: finite(harm.highestEValue),
    harmNeeds: 1 / harmShares(alpha).errors,
    acceptanceEValue: finite(acceptance.highestEValue),
    acceptanceNeeds,
    proven: acceptance.highestEValue >= acceptanceNeeds,
  }
}

function failuresGuardrail(state: EvidenceState): Guardrail {
  const { alpha, errorMarginPercent } = state.settings
  const { failures, pairs } = state
  const share = (count: number) => (pairs > 0 ? count / pairs : null)
  const acceptance = meanEvidence(failures.acceptance)
  const acceptanceNeeds = 2 / alpha
  return {
    name: 'failures',
    unit: 'thing predicted by both versions',
    units: pairs,
    champion: share(failures.champion),
    candidate: share(failures.candidate),
    difference: share(failures.candidate - failures.champion),
    lower: null,
    upper: null,
    margin: errorMarginPercent / 100,
    harmEValue: finite(meanEvidence(failures.harm).highestEValue),
    harmNeeds: 1 / harmShares(alpha).failures,
    acceptanceEValue: finite(acceptance.highestEValue),
    acceptanceNeeds,
    proven: acceptance.highestEValue >= acceptanceNeeds,
  }
}

function lossGuardrail(state: EvidenceState): Guardrail {
  const { loss, settings } = state
  const units = loss.harm.n
  const interval = meanInterval(loss.sequence)
  const acceptance = meanEvidence(loss.acceptance)
  const acceptanceNeeds = 1 / settings.alpha
  return {
    name: 'loss',
    unit: 'labelled thing predicted by both versions',
    units,
    champion: units > 0 ? loss.championSum / units : null,
    candidate: units > 0 ? loss.candidateSum / units : null,
    difference: units > 0 ? interval.mean : null,
    lower: units > 0 ? interval.lower : null,
    upper: units > 0 ? interval.upper : null,
    margin: settings.lossMargin,
    harmEValue: finite(meanEvidence(loss.harm).highestEValue),
    harmNeeds: 1 / harmShares(settings.alpha).loss,
    acceptanceEValue: finite(acceptance.highestEValue),
    acceptanceNeeds,
    proven: acceptance.highestEValue >= acceptanceNeeds,
  }
}

/** JSON has no Infinity; beyond 1e300 the size of the evidence tells nothing more. */
function finite(value: number): number {
  return Math.min(value, 1e300)
}
