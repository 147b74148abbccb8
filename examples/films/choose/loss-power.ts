/**
 * How many labelled films a rollout needs for its word on the loss: the platform's own always-valid tests, fed with films drawn from two fits of
 * one model on films before 2000.
 *
 * Two questions must be answered, each with probability `POWER`:
 * - `accepted`: a re-fit that is exactly as good is proven not worse than `lossMargin`. Each drawn film has champion and candidate swapped by a
 *   coin, so the mean difference is 0 and its spread is that of the two fits.
 * - `harm`: a version that is worse by `lossMargin` is proven harmful: the re-fit, with every prediction too low or (in every other rollout) too
 *   high by the constant that makes its mean loss worse by just that. The constant widens the spread too: films that the champion rates on that
 *   side anyway gain by it. The limit of time may promote, so what is worse by the margin must have been found by then.
 */
import type { RolloutPolicy } from '@tidemark/contracts'
import { addDifference, type MeanTest, meanEvidence, type PairedDifference, seededUniform } from '@tidemark/statistics'
import { guardrailsOf } from '../../../apps/server/src/deployments/evidence/guardrails.ts'
import { lossDifference } from '../../../apps/server/src/deployments/evidence/pairs.ts'
import { evidenceSettings, startEvidence } from '../../../apps/server/src/deployments/evidence/state.ts'
import type { EvidenceSettings } from '../../../apps/server/src/deployments/evidence/types.ts'
import type { RefitPair } from './known.ts'

export const POWER = 0.9
const RUNS = 1_000
const MOST_FILMS = 2_000

export interface LossPower {
  /** Mean |candidate − champion| of the two fits, and mean and standard deviation of their losses' difference. */
  readonly meanPredictionGap: number
  readonly meanDifference: number
  readonly sdOfDifference: number
  /** Labelled films until the proof, at `POWER`; null: not within 2,000. */
  readonly acceptedAfterFilms: number | null
  readonly harmAfterFilms: number | null
}

/** The two fits' spread, and the films that the two proofs need under this policy. */
export function lossPower(pairs: readonly RefitPair[], policy: RolloutPolicy): LossPower {
  const gap = mean(pairs.map(({ champion, candidate }) => Math.abs(candidate - champion)))
  const labels = pairs.map(({ label }) => label)
  const labelRange = { low: Math.min(...labels), high: Math.max(...labels) }
  const settings = evidenceSettings(policy, { meanPredictionGap: gap, labelRange })
  const start = startEvidence(settings)
  const guardrail = guardrailsOf(start).find(({ name }) => name === 'loss')
  if (!guardrail) throw new Error('A rollout has no guardrail for the loss.')
  const rows = pairs.map((pair) => shifted(settings, pair, 0))
  const differences = rows.map(({ difference }) => difference)
  const swapped = pairs.map((pair) => shifted(settings, swap(pair), 0))
  const draw = drawer([rows, swapped])
  const shifts = [-1, 1].map((side) => side * shiftFor(pairs, settings, side, policy.lossMargin))
  const worse = shifts.map((shift) =>
    drawer([pairs, pairs.map(swap)].map((list) => list.map((pair) => shifted(settings, pair, shift)))),
  )
  return {
    meanPredictionGap: gap,
    meanDifference: mean(differences),
    sdOfDifference: Math.sqrt(mean(differences.map((each) => (each - mean(differences)) ** 2))),
    acceptedAfterFilms: filmsUntilProof(start.loss.acceptance, guardrail.acceptanceNeeds, () => draw),
    harmAfterFilms: filmsUntilProof(start.loss.harm, guardrail.harmNeeds, (run) => worse[run % 2] ?? draw),
  }
}

type Draw = (uniform: () => number) => PairedDifference

/** Draws a film, and by a coin which of the two fits is the champion. */
function drawer(sides: readonly (readonly PairedDifference[])[]): Draw {
  return (uniform) => {
    const side = sides[uniform() < 0.5 ? 0 : 1] ?? []
    const row = side[Math.floor(uniform() * side.length)]
    if (!row) throw new Error('There is no film to draw.')
    return row
  }
}

function swap({ champion, candidate, label }: RefitPair): RefitPair {
  return { champion: candidate, candidate: champion, label }
}

/** The loss difference of a film whose candidate rates `shift` higher. */
function shifted(settings: EvidenceSettings, pair: RefitPair, shift: number): PairedDifference {
  return lossDifference(settings, { champion: pair.champion, candidate: pair.candidate + shift }, pair.label)
}

/** How far predictions are off, to one side, when the mean loss is worse by `margin`; found by halving, the mean grows with it. */
function shiftFor(pairs: readonly RefitPair[], settings: EvidenceSettings, side: number, margin: number): number {
  const worseBy = (size: number) =>
    mean([...pairs, ...pairs.map(swap)].map((pair) => shifted(settings, pair, side * size).difference))
  let [low, high] = [0, 10]
  for (let step = 0; step < 40; step += 1) {
    const middle = (low + high) / 2
    if (worseBy(middle) < margin) low = middle
    else high = middle
  }
  return high
}

/** The number of films by which `POWER` of the simulated rollouts have the proof. */
function filmsUntilProof(test: MeanTest, needs: number, drawOf: (run: number) => Draw): number | null {
  const uniform = seededUniform(1)
  const needed = Array.from({ length: RUNS }, (_, run) => {
    const draw = drawOf(run)
    let state = test
    for (let films = 1; films <= MOST_FILMS; films += 1) {
      state = addDifference(state, draw(uniform))
      if (meanEvidence(state).highestEValue >= needs) return films
    }
    return Number.POSITIVE_INFINITY
  }).sort((a, b) => a - b)
  const films = needed[Math.ceil(POWER * RUNS) - 1] ?? Number.POSITIVE_INFINITY
  return Number.isFinite(films) ? films : null
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
