import type { Guardrail } from '@tidemark/contracts'
import {
  allocateAlpha,
  boundedEvidence,
  boundedInterval,
  latencyEvidence,
  meanEvidence,
  meanInterval,
  type RateEvidence,
  rateEvidence,
} from '@tidemark/statistics'
import type { AnsweredCounts, EvidenceSettings, EvidenceState } from './types.ts'

/**
 * What each harm test may spend of the rollout's alpha; the union bound keeps all of them together at alpha. Not the mean of their e-values:
 * the tests close their units in different orders, so their mean is no e-process. Loss gets most: its units, labelled things, are the fewest.
 * What is not declared spends nothing.
 */
function harmShares({ alpha, latency, disagreement }: EvidenceSettings) {
  return allocateAlpha(alpha, {
    errors: 1,
    failures: 1,
    loss: 2,
    latency: latency === null ? 0 : 1,
    disagreement: disagreement === null ? 0 : 1,
  })
}

/** How each guardrail stands, the undeclared ones left out. */
export function guardrailsOf(state: EvidenceState): Guardrail[] {
  return [
    errorsGuardrail(state),
    failuresGuardrail(state),
    lossGuardrail(state),
    ...latencyGuardrail(state),
    ...disagreementGuardrail(state),
  ]
}

/** Shares of closed callers; until both arms have some, of all judged answers: harm may be proven before any unit has closed. */
function ratesOf(harm: RateEvidence, answered: EvidenceState['answered'], what: 'errors' | 'slow') {
  const closed = harm.callers.champion > 0 && harm.callers.candidate > 0
  const share = (arm: AnsweredCounts) => (arm.requests > 0 ? arm[what] / arm.requests : null)
  const champion = closed ? harm.championRate : share(answered.champion)
  const candidate = closed ? harm.candidateRate : share(answered.candidate)
  return { champion, candidate, difference: champion === null || candidate === null ? null : candidate - champion }
}

function errorsGuardrail(state: EvidenceState): Guardrail {
  const { alpha, errorMarginPercent } = state.settings
  const harm = rateEvidence(state.errors.harm)
  const acceptance = rateEvidence(state.errors.acceptance)
  const units = harm.callers.champion + harm.callers.candidate
  const { champion, candidate, difference } = ratesOf(harm, state.answered, 'errors')
  // Two kinds of evidence may prove the errors' guardrail: each gets half of alpha.
  const acceptanceNeeds = 2 / alpha
  return {
    name: 'errors',
    unit: 'caller',
    units,
    champion,
    candidate,
    difference,
    lower: null,
    upper: null,
    margin: errorMarginPercent / 100,
    harmEValue: finite(harm.highestEValue),
    harmNeeds: 1 / harmShares(state.settings).errors,
    acceptanceEValue: finite(acceptance.highestEValue),
    acceptanceNeeds,
    proven: acceptance.highestEValue >= acceptanceNeeds,
  }
}

function failuresGuardrail(state: EvidenceState): Guardrail {
  const { alpha, errorMarginPercent } = state.settings
  const { failures } = state
  const units = failures.harm.n
  const share = (count: number) => (units > 0 ? count / units : null)
  const acceptance = meanEvidence(failures.acceptance)
  const acceptanceNeeds = 2 / alpha
  const interval = failures.sequence && units > 0 ? meanInterval(failures.sequence) : null
  return {
    name: 'failures',
    unit: 'thing predicted by both versions',
    units,
    champion: share(failures.champion),
    candidate: share(failures.candidate),
    difference: share(failures.candidate - failures.champion),
    lower: interval?.lower ?? null,
    upper: interval?.upper ?? null,
    margin: errorMarginPercent / 100,
    harmEValue: finite(meanEvidence(failures.harm).highestEValue),
    harmNeeds: 1 / harmShares(state.settings).failures,
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
    harmNeeds: 1 / harmShares(settings).loss,
    acceptanceEValue: finite(acceptance.highestEValue),
    acceptanceNeeds,
    proven: acceptance.highestEValue >= acceptanceNeeds,
  }
}

/** Only its harm is looked for: that a version is not slower is nothing that a promotion waits for. */
function latencyGuardrail({ latency, settings, answered }: EvidenceState): Guardrail[] {
  if (latency === null || settings.latency === null) return []
  const harm = latencyEvidence(latency)
  const { champion, candidate, difference } = ratesOf(harm, answered, 'slow')
  return [
    {
      name: 'latency',
      unit: 'caller',
      units: harm.callers.champion + harm.callers.candidate,
      champion,
      candidate,
      difference,
      lower: null,
      upper: null,
      margin: settings.latency.marginPercent / 100,
      harmEValue: finite(harm.highestEValue),
      harmNeeds: 1 / harmShares(settings).latency,
      acceptanceEValue: 0,
      acceptanceNeeds: 1 / settings.alpha,
      proven: false,
    },
  ]
}

function disagreementGuardrail({ disagreement, settings }: EvidenceState): Guardrail[] {
  const { harm, sequence, things, differing } = disagreement
  if (harm === null || settings.disagreement === null) return []
  const interval = sequence && things > 0 ? boundedInterval(sequence) : null
  const proof = 'bounds' in harm ? boundedEvidence(harm) : meanEvidence(harm)
  const share = things > 0 ? differing / things : null
  return [
    {
      name: 'disagreement',
      unit: 'thing predicted by both versions',
      units: things,
      champion: null,
      candidate: share,
      difference: share,
      lower: interval?.lower ?? null,
      upper: interval?.upper ?? null,
      margin: settings.disagreement.maxPercent / 100,
      harmEValue: finite(proof.highestEValue),
      harmNeeds: 1 / harmShares(settings).disagreement,
      acceptanceEValue: 0,
      acceptanceNeeds: 1 / settings.alpha,
      proven: false,
    },
  ]
}

/** JSON has no Infinity; beyond 1e300 the size of the evidence tells nothing more. */
function finite(value: number): number {
  return Math.min(value, 1e300)
}
