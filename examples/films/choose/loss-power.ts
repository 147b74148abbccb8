/**
 * How many labelled films a rollout needs for its word on the loss: the platform's own always-valid tests, fed with films drawn from two fits of
 * one model on films before 2000.
 *
 * Two questions must be answered, each with probability `POWER`:
 * - `accepted`: a re-fit that is exactly as good is proven not worse than `lossMargin`. Each drawn film has champion and candidate swapped by a
 *   coin, so the mean difference is 0 and its spread is that of the two fits.
 * - `harm`: a version whose every film costs `lossMargin` more than that is proven harmful. The limit of time may promote, so what is worse by the
 *   margin must have been found by then.
 */
import type { RolloutPolicy } from '@tidemark/contracts'
import { addDifference, type MeanTest, meanEvidence, seededUniform } from '@tidemark/statistics'
import { lossDifference } from '../../../apps/server/src/deployments/evidence/pairs.ts'
import { evidenceSettings, startEvidence, summarise } from '../../../apps/server/src/deployments/evidence/state.ts'
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
  const guardrail = summarise(start, 0, null).guardrails.find(({ name }) => name === 'loss')
  if (!guardrail) throw new Error('A rollout has no guardrail for the loss.')
  const rows = pairs.map((pair) => lossDifference(settings, pair, pair.label))
  const differences = rows.map(({ difference }) => difference)
  const swapped = pairs.map(({ champion, candidate, label }) =>
    lossDifference(settings, { champion: candidate, candidate: champion }, label),
  )
  const draw = (uniform: () => number) => {
    const film = Math.floor(uniform() * pairs.length)
    const row = (uniform() < 0.5 ? rows : swapped)[film]
    if (!row) throw new Error('There is no film to draw.')
    return row
  }
  const worse = (uniform: () => number) => {
    const { difference, bound } = draw(uniform)
    return { difference: difference + policy.lossMargin, bound: bound + policy.lossMargin }
  }
  return {
    meanPredictionGap: gap,
    meanDifference: mean(differences),
    sdOfDifference: Math.sqrt(mean(differences.map((each) => (each - mean(differences)) ** 2))),
    acceptedAfterFilms: filmsUntilProof(start.loss.acceptance, guardrail.acceptanceNeeds, draw),
    harmAfterFilms: filmsUntilProof(start.loss.harm, guardrail.harmNeeds, worse),
  }
}

/** The number of films by which `POWER` of the simulated rollouts have the proof. */
function filmsUntilProof(
  test: MeanTest,
  needs: number,
  draw: (uniform: () => number) => { difference: number; bound: number },
): number | null {
  const uniform = seededUniform(1)
  const needed = Array.from({ length: RUNS }, () => {
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
