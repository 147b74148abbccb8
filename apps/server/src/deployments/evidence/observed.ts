import {
  type JsonValue,
  type LatencyEstimate,
  type LatencyPoint,
  type Observed as ObservedView,
  scalarOf,
} from '@tidemark/contracts'
import {
  addPredictedPair,
  boundedInterval,
  distributionEvidence,
  extendQuantileSequence,
  type PredictedPair,
  type QuantileSequence,
  quantileInterval,
  startDistributionTest,
  startQuantileSequence,
} from '@tidemark/statistics'
import { thinned } from './thinned.ts'
import type { EvidenceSettings, EvidenceState, Observed, Pair } from './types.ts'

/** Pairs whose numbers of the champion say where the bins lie; they are bet on by nothing. */
const FIRST_PAIRS = 50
/** Texts beyond are no categories. */
const LONGEST_CATEGORY = 64
const USUAL_QUANTILE = 0.95
const MAX_POINTS = 200

/** Nothing was observed yet; the latency quantile is the policy's, 0.95 where it declares none. */
export function startObserved({ alpha, latency }: Pick<EvidenceSettings, 'alpha' | 'latency'>): Observed {
  const sequence = () => startQuantileSequence(latency?.quantile ?? USUAL_QUANTILE, alpha)
  return {
    distribution: { first: [], test: null },
    latency: { champion: sequence(), candidate: sequence() },
    latencyPoints: [],
  }
}

/** Observes what both versions predicted of one thing. */
export function withPrediction(observed: Observed | null, pair: Pair): Observed | null {
  const [champion, candidate] = [categoryOf(pair.championSaid), categoryOf(pair.candidateSaid)]
  if (observed === null || champion === null || candidate === null) return observed
  const { first, test } = observed.distribution
  const both = { champion, candidate }
  if (test) return { ...observed, distribution: { first, test: addPredictedPair(test, both) } }
  const learnt = [...first, both]
  const numbers = learnt.flatMap((each) => (typeof each.champion === 'number' ? [each.champion] : []))
  // Where the first answer is no number there is nothing to learn.
  if (numbers.length > 0 && learnt.length < FIRST_PAIRS) {
    return { ...observed, distribution: { first: learnt, test: null } }
  }
  const begun =
    numbers.length > 0
      ? startDistributionTest(tenths(numbers))
      : learnt.reduce<ReturnType<typeof startDistributionTest>>(addPredictedPair, startDistributionTest())
  return { ...observed, distribution: { first: [], test: begun } }
}

/** Observes the first judged answer that a caller had of a version, in milliseconds. */
export function withFirstTime(observed: Observed, arm: 'champion' | 'candidate', milliseconds: number): Observed {
  const { latency } = observed
  return { ...observed, latency: { ...latency, [arm]: extendQuantileSequence(latency[arm], [milliseconds]) } }
}

/** Appends the latencies of both versions as they are known now to the chart's series, when an answer was observed since. */
export function withLatencyPoint(observed: Observed, at: string): Observed {
  const { champion, candidate } = observed.latency
  const last = observed.latencyPoints.at(-1)
  if ((last?.champion?.units ?? 0) === champion.n && (last?.candidate?.units ?? 0) === candidate.n) return observed
  const point: LatencyPoint = { at, champion: estimateOf(champion), candidate: estimateOf(candidate) }
  const points = [...observed.latencyPoints, point]
  return { ...observed, latencyPoints: points.length > MAX_POINTS ? thinned(points, () => 'latency') : points }
}

/** What was observed, as a person reads it. */
export function observedView({ observed, disagreement, settings }: EvidenceState): ObservedView {
  const { sequence, things, differing } = disagreement
  const interval = sequence && things > 0 ? boundedInterval(sequence) : null
  const test = observed?.distribution.test ?? null
  const distribution = test === null ? null : distributionEvidence(test)
  return {
    disagreement: {
      things,
      tolerance: settings.disagreement?.tolerance ?? 0,
      share: things > 0 ? differing / things : null,
      lower: interval?.lower ?? null,
      upper: interval?.upper ?? null,
    },
    distribution: distribution && {
      pairs: distribution.pairs,
      distance: distribution.distance,
      eValue: Math.min(distribution.highestEValue, 1e300),
      needs: 1 / settings.alpha,
    },
    latency: observed && {
      quantile: observed.latency.candidate.quantile,
      champion: estimateOf(observed.latency.champion),
      candidate: estimateOf(observed.latency.candidate),
      points: [...observed.latencyPoints],
    },
  }
}

function estimateOf(sequence: QuantileSequence): LatencyEstimate | null {
  const { n, estimate, lower, upper } = quantileInterval(sequence)
  return estimate === null ? null : { units: n, value: estimate, lower, upper: Number.isFinite(upper) ? upper : null }
}

function categoryOf(said: JsonValue): PredictedPair['champion'] | null {
  const cell = scalarOf(said)
  return typeof cell === 'string' && cell.length > LONGEST_CATEGORY ? null : cell
}

/** Cuts between tenths of numbers; fewer where many are equal. */
function tenths(numbers: readonly number[]): number[] {
  const sorted = numbers.toSorted((a, b) => a - b)
  const cuts = Array.from({ length: 9 }, (_, tenth) => sorted[Math.floor(((tenth + 1) / 10) * sorted.length)] ?? 0)
  return [...new Set(cuts)]
}
