/**
 * An outcome of callers (bought, came back, its loss by labels) between two arms: the mean difference, one value a caller.
 *
 * The arm A (1 = candidate, probability ρ at its toss) is independent of the two outcomes that a caller would have. Then
 * (A/ρ − (1 − A)/(1 − ρ))·(Y − c) has the candidate's mean minus the champion's as expectation, for any c fixed before, so the
 * betting tests of sequential-mean.ts hold for it. Each value lies within a bound that is known before the outcome. With the
 * mean of earlier outcomes as c the value varies least; a wrong c costs power, never validity.
 *
 * Where both versions predict every thing (shadow, or mirrored canaries) use the pairs instead: they vary far less.
 *
 * Papers: Horvitz & Thompson (1952) for the weights; Waudby-Smith & Ramdas (2010.09686) for the bets.
 */
import type { PairedDifference } from './sequential-mean.ts'

export interface CallerOutcome {
  assignedCandidate: boolean
  /** Probability (strictly 0–1) of the candidate arm when this caller was assigned. */
  rho: number
  /** Its outcome, from 0 to 1. */
  outcome: number
}

/**
 * A caller's outcome as a difference of the two arms, for `addDifference`. `centre` (0–1): the mean outcome of callers before.
 *
 * Worked value: ρ = 0.2, outcome 1, centre 0.5 gives 2.5 on the candidate (bound 2.5) and −0.625 on the champion.
 *
 * @throws RangeError when outcome, centre or ρ lie outside their ranges.
 */
export function weighOutcome({ assignedCandidate, rho, outcome }: CallerOutcome, centre: number): PairedDifference {
  if (!(rho > 0 && rho < 1)) throw new RangeError('The probability of the arm must lie between 0 and 1.')
  if (!(outcome >= 0 && outcome <= 1)) throw new RangeError(`An outcome must lie from 0 to 1, not ${outcome}.`)
  if (!(centre >= 0 && centre <= 1)) throw new RangeError('The centre of outcomes must lie from 0 to 1.')
  const weight = assignedCandidate ? 1 / rho : -1 / (1 - rho)
  const widest = Math.max(centre, 1 - centre)
  return { difference: weight * (outcome - centre), bound: widest / Math.min(rho, 1 - rho) }
}

/** Something that was predicted and whose label may come later. Times in milliseconds. */
export interface Awaited {
  predictedAt: number
  /** null: no label yet. */
  labelledAt: number | null
}

/**
 * Whether an outcome counts at label age `ageMilliseconds`: `wait` until the age is reached, then `label` if the label had come
 * by then, else `none`. Both arms are then read at one age; counted as they come, an arm whose labels come sooner (or whose
 * callers are older) would look better or worse than it is.
 */
export function atEqualAge(
  { predictedAt, labelledAt }: Awaited,
  ageMilliseconds: number,
  now: number,
): 'wait' | 'label' | 'none' {
  const due = predictedAt + ageMilliseconds
  if (now < due) return 'wait'
  return labelledAt !== null && labelledAt <= due ? 'label' : 'none'
}
