/**
 * The rules by which the example's choices are settled, on films before 2000 alone. `choices.json` is what they gave; a test computes it again.
 *
 * - Form of the model: choose/form.py.
 * - `maxDays`: the whole months within which both proofs of the loss (loss-power.ts) are reached with the declared power, at the rate of labelled
 *   films of the last 24 months before 2000, the last label's delay included. Beyond `MOST_MONTHS` the limit is that cap.
 * - `onTimeLimit`: below the cap, "promote without proof": what is worse by the margin would have been found. At the cap that is not so: roll back.
 * - `errorMarginPercent`: the smallest whole number that a healthy rollout proves within that time with the same power (error-power.ts), so that
 *   errors are never what a promotion waits for. If none up to `MOST_PERCENT` is, that cap: the time limit ends such rollouts.
 */
import type { RolloutPolicy } from '@tidemark/contracts'
import { SIMULATION } from '../../../apps/cli/src/demo/config.ts'
import { errorPower } from './error-power.ts'
import type { Known } from './known.ts'
import { type LossPower, lossPower, POWER } from './loss-power.ts'

/** A rollout that outlasts the gates' holdout would be judged on films of other years than let it in. */
const MOST_MONTHS = 24
/** One failing answer in twenty: more than any site would call healthy. */
const MOST_PERCENT = 5
const DAYS_A_MONTH = 365.25 / 12

/** What the rules give, with the figures that they rest on. */
export function choicesOf(known: Known, declared: RolloutPolicy) {
  const labelledAMonth = known.pairs.length / known.months
  const loss = lossPower(known.pairs, declared)
  const { months, onTimeLimit } = limitOf(loss, labelledAMonth)
  const percents = Array.from({ length: MOST_PERCENT }, (_, index) => index + 1)
  const errors = errorPower(known.releaseDays, declared, months, percents)
  const provable = errors.find(({ proven }) => proven >= POWER)
  return {
    films: {
      releasedBefore: '2000-01-01',
      labelled: known.labelled,
      labelledAMonth: round(labelledAMonth),
      releasedAMonth: round(known.releaseDays.length / known.months),
    },
    form: {
      chosen: known.chosen,
      candidates: known.candidates.map((candidate) => ({ ...candidate, rmse: round(candidate.rmse, 4) })),
    },
    refits: {
      films: known.pairs.length,
      meanPredictionGap: round(loss.meanPredictionGap),
      meanDifference: round(loss.meanDifference),
      sdOfDifference: round(loss.sdOfDifference),
    },
    rollout: {
      power: POWER,
      lossMargin: declared.lossMargin,
      acceptedAfterFilms: loss.acceptedAfterFilms,
      harmAfterFilms: loss.harmAfterFilms,
      months,
      errorsProvenInTime: errors,
      maxDays: Math.ceil(months * DAYS_A_MONTH),
      onTimeLimit,
      errorMarginPercent: provable?.percent ?? MOST_PERCENT,
    },
  }
}

/** How long a rollout may take, in whole months, and what then: enough for both proofs of the loss, or the cap. */
export function limitOf(
  loss: Pick<LossPower, 'acceptedAfterFilms' | 'harmAfterFilms'>,
  labelledAMonth: number,
): { readonly months: number; readonly onTimeLimit: RolloutPolicy['onTimeLimit'] } {
  const never = Number.POSITIVE_INFINITY
  const films = Math.max(loss.acceptedAfterFilms ?? never, loss.harmAfterFilms ?? never)
  const months = Math.ceil(films / labelledAMonth + SIMULATION.labelDelayDays / DAYS_A_MONTH)
  return months > MOST_MONTHS
    ? { months: MOST_MONTHS, onTimeLimit: 'roll_back' }
    : { months, onTimeLimit: 'promote_without_proof' }
}

export type Choices = ReturnType<typeof choicesOf>

function round(value: number, digits = 3): number {
  return Number(value.toFixed(digits))
}
