import type { RolloutPolicy } from '@tidemark/contracts'
import {
  addBounded,
  addCaller,
  addDifference,
  atEqualAge,
  type BoundedTest,
  type CallerUnit,
  expectTraffic,
  extendBoundedSequence,
  extendMeanSequence,
  type MeanTest,
  startBoundedSequence,
  startBoundedTest,
  startLatencyTest,
  startMeanSequence,
  startMeanTest,
  startRateTest,
  withTraffic,
} from '@tidemark/statistics'
import type { Comparison } from '../types.ts'
import { startObserved, withPrediction } from './observed.ts'
import { differ, lossDifference, lossOf } from './pairs.ts'
import type { AgedPair, EvidenceSettings, EvidenceState, Pair } from './types.ts'

/** Share of requests expected to fail before any was seen; it weighs as one error. */
const USUAL_ERROR_RATE = 0.02
/** Half of the width that the chart of failures is exact in. */
const FAILURE_SCALE = 0.1
const SHARES = { low: 0, high: 1 }
/** A budget of no disagreement at all is one of so little: a share of none needs no test. */
const LEAST_DISAGREEMENT = 5e-4

const NO_ANSWERS = { requests: 0, errors: 0, slow: 0 }
const UNCOUNTED = {
  answered: { champion: NO_ANSWERS, candidate: NO_ANSWERS },
  requestsAtStage: 0,
  labelledAtStage: 0,
  exposedRequests: 0,
  exposedCallers: 0,
}
const UNCOMPARED = { harm: null, sequence: null, things: 0, differing: 0 }

/** Stored evidence, of this release or one that counted less. */
export function readEvidence(stored: unknown): EvidenceState {
  const state = stored as EvidenceState
  const older: Partial<EvidenceState> = { ...UNCOUNTED, warmUpLeft: 0, latency: null, observed: null }
  const settings: Partial<EvidenceSettings> = {
    warmUpAnswers: 0,
    latency: null,
    disagreement: null,
    betterErrors: false,
    labelAgeMilliseconds: null,
  }
  return {
    ...older,
    ...state,
    settings: { ...settings, ...state.settings },
    errors: { ...{ better: null }, ...state.errors },
    failures: { ...{ sequence: null }, ...state.failures },
    disagreement: readDisagreement(state.disagreement),
  }
}

/** Shares were drawn by the sequence of means once: its bounds are not those of one that goes on. */
function readDisagreement(stored: EvidenceState['disagreement'] | undefined): EvidenceState['disagreement'] {
  if (stored === undefined) return UNCOMPARED
  return stored.sequence && 'bounds' in stored.sequence ? stored : { ...stored, sequence: null }
}

/** What the tests need to know before they start, from the policy and from how the two versions differed on the holdout. */
export function evidenceSettings(policy: RolloutPolicy, comparison: Comparison | null): EvidenceSettings {
  const { lossMargin, errorMarginPercent, warmUpAnswers, latency, disagreement } = policy
  // Several versions share the rollout's alpha, so that all of them together are wrong no more often; what one that is proven harmful leaves to the
  // others is theirs when they are judged together.
  const alpha = policy.strategy === 'ab' ? policy.alpha / Math.max(1, policy.ab.variants.length) : policy.alpha
  const labelRange = comparison?.labelRange ?? null
  // Squared errors have no bound without a range of labels: then the absolute error is compared.
  const loss = labelRange === null ? 'absolute_error' : policy.loss
  const gap = comparison?.meanPredictionGap ?? lossMargin
  const scale = loss === 'squared_error' && labelRange ? (labelRange.high - labelRange.low) / 2 : 1
  // Two to three times the typical difference is the bound that the tests are tuned for.
  return {
    alpha,
    loss,
    lossMargin,
    labelAgeMilliseconds: policy.labelAgeDays === null ? null : policy.labelAgeDays * 86_400_000,
    errorMarginPercent,
    labelRange,
    usualDifference: 2.5 * gap * scale,
    warmUpAnswers,
    latency,
    disagreement,
    betterErrors: policy.strategy === 'ab' && policy.ab.metric === 'errors',
  }
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
    ...UNCOUNTED,
    warmUpLeft: settings.warmUpAnswers,
    pairs: 0,
    traffic: expectTraffic(USUAL_ERROR_RATE),
    errors: {
      harm: startRateTest({ kind: 'harm' }),
      acceptance: startRateTest({ kind: 'acceptableMargin', margin }),
      better: settings.betterErrors ? startRateTest({ kind: 'harm' }) : null,
    },
    latency: settings.latency && startLatencyTest(settings.latency.quantile),
    failures: {
      harm: startMeanTest({ direction: 'above', mean: 0 }, 1),
      acceptance: startMeanTest({ direction: 'below', mean: margin }, 1),
      champion: 0,
      candidate: 0,
      sequence: startMeanSequence(FAILURE_SCALE, settings.alpha),
    },
    disagreement: {
      ...UNCOMPARED,
      harm: settings.disagreement && startBoundedTest(tooMuch(settings.disagreement), SHARES),
      sequence: startBoundedSequence(SHARES, settings.alpha),
    },
    loss: {
      harm: startMeanTest({ direction: 'above', mean: 0 }, usual),
      acceptance: startMeanTest({ direction: 'below', mean: settings.lossMargin }, usual),
      sequence: startMeanSequence(usual, settings.alpha),
      championSum: 0,
      candidateSum: 0,
    },
    points: [],
    observed: startObserved(settings),
  }
}

function tooMuch({ maxPercent }: NonNullable<EvidenceSettings['disagreement']>) {
  return { direction: 'above', mean: Math.max(LEAST_DISAGREEMENT, maxPercent / 100) } as const
}

/** Counts answered requests: their event time, how many failed, and whether the version on trial answered. */
export function addAnswer(
  state: EvidenceState,
  {
    eventTime,
    requests,
    errors,
    candidate,
  }: { eventTime: number; requests: number; errors: number; candidate: boolean },
): EvidenceState {
  return {
    ...state,
    requests: state.requests + requests,
    requestsAtStage: state.requestsAtStage + requests,
    exposedRequests: state.exposedRequests + (candidate ? requests : 0),
    traffic: withTraffic(state.traffic, errors, requests),
    eventTimeFrom: Math.min(state.eventTimeFrom ?? eventTime, eventTime),
    eventTimeTo: Math.max(state.eventTimeTo ?? eventTime, eventTime),
  }
}

/** Counts judged answers of a tossed caller: nothing is bet on them, they are told until its unit closes. */
export function addAnswered(
  state: EvidenceState,
  { candidate, requests, errors, slow }: { candidate: boolean; requests: number; errors: number; slow: number },
): EvidenceState {
  const arm = candidate ? 'candidate' : 'champion'
  const before = state.answered[arm]
  const after = { requests: before.requests + requests, errors: before.errors + errors, slow: before.slow + slow }
  return { ...state, answered: { ...state.answered, [arm]: after } }
}

/** Bets one closed caller unit. */
export function addClosedUnit(state: EvidenceState, unit: CallerUnit): EvidenceState {
  const { harm, acceptance, better } = state.errors
  // That the version on trial is better is that the champion harms: the same test with the arms exchanged.
  const exchanged = { ...unit, assignedCandidate: !unit.assignedCandidate, rho: 1 - unit.rho }
  return {
    ...state,
    errors: {
      harm: addCaller(harm, unit),
      acceptance: addCaller(acceptance, unit),
      better: better && addCaller(better, exchanged),
    },
  }
}

/** Counts the first pair of a thing: did one version fail where the other answered, and do their answers differ? */
export function addPair(state: EvidenceState, pair: Pair, warm: boolean): EvidenceState {
  const paired = {
    ...state,
    pairs: state.pairs + 1,
    disagreement: compared(state, pair),
    observed: withPrediction(state.observed, pair),
  }
  // A version that is still warming up may fail; what it answers when it answers is no matter of warmth.
  if (!warm) return paired
  const row = { difference: Number(pair.candidateFailed) - Number(pair.championFailed), bound: 1 }
  const { failures } = state
  return {
    ...paired,
    failures: {
      harm: addDifference(failures.harm, row),
      acceptance: addDifference(failures.acceptance, row),
      champion: failures.champion + Number(pair.championFailed),
      candidate: failures.candidate + Number(pair.candidateFailed),
      sequence: failures.sequence && extendMeanSequence(failures.sequence, row),
    },
  }
}

function compared({ disagreement, settings }: EvidenceState, pair: Pair): EvidenceState['disagreement'] {
  if (pair.championFailed || pair.candidateFailed) return disagreement
  const { harm, sequence, things, differing } = disagreement
  const differs = differ(pair.championSaid, pair.candidateSaid, settings.disagreement?.tolerance ?? 0)
  return {
    harm: harm && withDifference(harm, Number(differs)),
    sequence: sequence && extendBoundedSequence(sequence, Number(differs)),
    things: things + 1,
    differing: differing + Number(differs),
  }
}

function withDifference(harm: BoundedTest | MeanTest, differs: number): BoundedTest | MeanTest {
  return 'bounds' in harm ? addBounded(harm, differs) : addDifference(harm, { difference: differs, bound: 1 })
}

/**
 * Bets the label of a pair, when it comes: on harm always, on the proof of no loss where its labels have no age to reach. Pairs in which a version
 * gave no number have no loss to compare.
 */
export function addLabel(state: EvidenceState, pair: Pair, label: number): EvidenceState {
  const { champion, candidate } = pair
  if (champion === null || candidate === null) return state
  const row = lossDifference(state.settings, { champion, candidate }, label)
  const { loss } = state
  return {
    ...state,
    labelledAtStage: state.labelledAtStage + Number(pair.stage === state.stage),
    loss: {
      harm: addDifference(loss.harm, row),
      acceptance: state.settings.labelAgeMilliseconds === null ? addDifference(loss.acceptance, row) : loss.acceptance,
      sequence: extendMeanSequence(loss.sequence, row),
      championSum: loss.championSum + lossOf(state.settings.loss, champion, label),
      candidateSum: loss.candidateSum + lossOf(state.settings.loss, candidate, label),
    },
  }
}

/** Bets on the proof of no loss what is known of a pair at the age at which labels are read; one whose label came later has none. */
export function addAged(state: EvidenceState, { pair, label, labelledAt }: AgedPair, now: number): EvidenceState {
  const { labelAgeMilliseconds: age } = state.settings
  const { champion, candidate, eventTime } = pair
  if (age === null || label === null || champion === null || candidate === null) return state
  if (atEqualAge({ predictedAt: eventTime, labelledAt }, age, now) !== 'label') return state
  const { loss } = state
  const row = lossDifference(state.settings, { champion, candidate }, label)
  return { ...state, loss: { ...loss, acceptance: addDifference(loss.acceptance, row) } }
}
