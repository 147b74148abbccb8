import type { AutomationPolicy, DecisionReason, RecoveryBelief } from '@tidemark/contracts'

/** Lost performance as it was reported: rise of the mean loss with its 95 % interval. */
export interface LossRise {
  readonly estimate: number
  readonly lower: number
  readonly upper: number
}

export interface Situation {
  /** Event time. */
  readonly now: Date
  readonly policy: AutomationPolicy | null
  readonly rise: LossRise
  readonly recovery: RecoveryBelief
  readonly thingsPerDay: number
  readonly openFaults: readonly string[]
  readonly rolloutOpen: boolean
  readonly trainingOpen: boolean
  /** Retrainings decided so far, and the event time of the last. */
  readonly trainings: number
  readonly lastTrainingAt: Date | null
}

export interface Verdict {
  readonly verdict: 'retrain' | 'decline'
  readonly reason: DecisionReason
  readonly sentence: string
  readonly asOf: Date | null
  readonly numbers: Readonly<Record<string, number | string | boolean | null>>
}

const DAY_MILLISECONDS = 86_400_000

/**
 * Does retraining pay? Only lost performance asks; drift alone never does (on Elec2 and weather, retraining on drift alone made models worse
 * or cost three times as much). Expected gain = rise of the mean loss × expected recovery × things a day × days × cost of a unit of loss. Guards
 * come first, the most fundamental first: a faulty input is mended, not learnt. The same situation always gives the same verdict.
 */
export function decideRetraining(situation: Situation): Verdict {
  const { now, policy, rise, recovery, thingsPerDay } = situation
  const things = policy ? thingsPerDay * policy.horizonDays : 0
  const worth = policy ? recovery.mean * things * policy.costPerLossUnit : 0
  const gain = rise.estimate * worth
  const daysSince = situation.lastTrainingAt
    ? (now.getTime() - situation.lastTrainingAt.getTime()) / DAY_MILLISECONDS
    : null
  const numbers = {
    lossIncrease: rise.estimate,
    lossIncreaseLower: rise.lower,
    lossIncreaseUpper: rise.upper,
    expectedRecovery: recovery.mean,
    outcomesSeen: recovery.outcomes,
    thingsPerDay,
    horizonDays: policy?.horizonDays ?? null,
    costPerLossUnit: policy?.costPerLossUnit ?? null,
    expectedGain: gain,
    expectedGainLower: rise.lower * worth,
    expectedGainUpper: rise.upper * worth,
    costPerTraining: policy?.costPerTraining ?? null,
    trainings: situation.trainings,
    maxTrainings: policy?.maxTrainings ?? null,
    daysSinceTraining: daysSince,
    openFaults: situation.openFaults.join(', ') || null,
  }
  const decline = (reason: DecisionReason, sentence: string): Verdict => ({
    verdict: 'decline',
    reason,
    sentence,
    asOf: null,
    numbers,
  })
  if (!policy) return decline('no_policy', 'the endpoint declares no automation; start the pipeline by hand')
  if (situation.openFaults.length > 0) {
    return decline(
      'input_fault',
      `${situation.openFaults.join(', ')} arrives wrong; mend the sender first, retraining would learn the mistake`,
    )
  }
  if (situation.rolloutOpen) return decline('rollout_open', 'a rollout is under way; its result comes first')
  if (situation.trainingOpen) return decline('training_open', 'a retraining is under way; its result comes first')
  if (situation.trainings >= policy.maxTrainings) {
    return decline('limit_reached', `${situation.trainings} of at most ${policy.maxTrainings} trainings were used`)
  }
  if (daysSince !== null && daysSince < policy.minDaysBetween) {
    return decline(
      'too_soon',
      `the last training was ${Math.round(daysSince)} days ago, fewer than the ${policy.minDaysBetween} between two`,
    )
  }
  if (rise.lower <= 0) {
    return decline(
      'gain_uncertain',
      `the rise of ${number(rise.estimate)} may be none: its interval reaches ${number(rise.lower)}`,
    )
  }
  const sum = `${number(rise.estimate)} rise × ${number(recovery.mean)} recovery × ${number(thingsPerDay)} things a day × ${policy.horizonDays} days × ${number(policy.costPerLossUnit)} a unit = ${number(gain)}`
  if (gain <= policy.costPerTraining) {
    return decline('does_not_pay', `expected gain ${sum}, not more than the cost of ${number(policy.costPerTraining)}`)
  }
  return {
    verdict: 'retrain',
    reason: 'pays',
    sentence: `expected gain ${sum}, more than the cost of ${number(policy.costPerTraining)}`,
    asOf: monthStart(now),
    numbers,
  }
}

/** First instant of the month: training sees whole months only, so that a run can be repeated by its date. */
export function monthStart(at: Date): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1))
}

/** Worth, in outcomes, of what the policy expected. */
const PRIOR_OUTCOMES = 2

/**
 * What share of a loss a retraining wins back: mean of a Beta distribution that begins at the policy's expectation (worth two outcomes) and
 * counts each outcome's recovered share r as r successes and 1 − r failures. A candidate that gates refused or a rollout took back won
 * nothing (r = 0); a run that failed for technical reasons teaches nothing.
 */
export function recoveryBelief(expected: number, recoveries: readonly number[]): RecoveryBelief {
  const won = recoveries.reduce((sum, share) => sum + share, 0)
  const alpha = PRIOR_OUTCOMES * expected + won
  const beta = PRIOR_OUTCOMES * (1 - expected) + recoveries.length - won
  return { mean: alpha / (alpha + beta), alpha, beta, outcomes: recoveries.length }
}

/** Fewer things than this that both versions predicted say nothing of a recovery. */
const FEWEST_PAIRS = 5

/**
 * The share of the lost performance that a promoted version won back, on the labelled things that both versions predicted during the
 * rollout; null when they are too few to tell.
 */
export function realisedRecovery(pairs: { n: number; first: number; second: number }, rise: number): number | null {
  if (pairs.n < FEWEST_PAIRS || !(rise > 0)) return null
  return Math.min(1, Math.max(0, (pairs.first - pairs.second) / rise))
}

const number = (value: number): string => String(Number(value.toPrecision(3)))
