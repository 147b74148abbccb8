/** Labels that come late: what they say about two versions, paired and by arm. */
import { normalQuantile, type Uniform } from '@tidemark/statistics'
import { gaussian } from './population.ts'

/** Labels come up to 30 days after a rollout's prediction; the rollout lasts this long. */
const ROLLOUT_DAYS = 60
const LONGEST_DELAY_DAYS = 30

/** Requests within which every label has come. */
export function longestDelay(requests: number): number {
  return (LONGEST_DELAY_DAYS / ROLLOUT_DAYS) * requests
}
const LABEL_NOISE = 1.1
/** How far two equally good versions' predictions lie apart, as a standard deviation of each. */
const OWN_NOISE = 0.2

export interface Label {
  /** Request number by which the label is known. */
  at: number
  /** Request number of the prediction. */
  predicted: number
  champion: number
  candidate: number
  /** Largest possible difference of both losses, known before the label. */
  bound: number
}

export interface LabelPlan {
  things: number
  requests: number
  /** Mean absolute error of the candidate over the champion's; 1: equally good. */
  lossRatio: number
  /** Whether things that were badly predicted are labelled first, as complaints come before silence. */
  worstFirst: boolean
}

/** Absolute errors of both versions on things that both predicted, in the order of their labels' arrival. */
export function drawLabels(uniform: Uniform, { things, requests, lossRatio, worstFirst }: LabelPlan): Label[] {
  const delay = longestDelay(requests)
  // The variance that makes the mean absolute error of a normal error larger by the ratio.
  const more = Math.sqrt((LABEL_NOISE ** 2 + OWN_NOISE ** 2) * (lossRatio ** 2 - 1))
  return Array.from({ length: things }, () => {
    const predicted = uniform() * requests
    // Labels are noisier in the second half: both versions' losses move.
    const scale = predicted > requests / 2 ? 1.5 : 1
    const noise = scale * LABEL_NOISE * gaussian(uniform)
    const champion = scale * OWN_NOISE * gaussian(uniform)
    const candidate = scale * (OWN_NOISE * gaussian(uniform) + more * gaussian(uniform))
    const late = worstFirst ? Math.exp(-Math.abs(noise)) * (0.5 + 0.5 * uniform()) : uniform()
    return {
      at: predicted + late * delay,
      predicted,
      champion: Math.abs(champion - noise),
      candidate: Math.abs(candidate - noise),
      bound: Math.abs(candidate - champion),
    }
  }).sort((a, b) => a.at - b.at)
}

interface Moments {
  n: number
  sum: number
  squares: number
}

/** A z-test of mean losses by arm, of the labels that have come, looked at again and again. */
export class LossZTest {
  readonly #criticalZ: number
  readonly #arms: readonly [champion: Moments, candidate: Moments] = [
    { n: 0, sum: 0, squares: 0 },
    { n: 0, sum: 0, squares: 0 },
  ]

  constructor(alpha: number) {
    this.#criticalZ = normalQuantile(1 - alpha)
  }

  add(onCandidate: boolean, loss: number): void {
    const arm = this.#arms[onCandidate ? 1 : 0]
    arm.n += 1
    arm.sum += loss
    arm.squares += loss * loss
  }

  rejects(): boolean {
    const [champion, candidate] = this.#arms
    if (champion.n < 5 || candidate.n < 5) return false
    const squaredError = ({ n, sum, squares }: Moments): number => (squares - (sum * sum) / n) / (n - 1) / n
    const difference = candidate.sum / candidate.n - champion.sum / champion.n
    return difference / Math.sqrt(squaredError(champion) + squaredError(candidate)) >= this.#criticalZ
  }
}
