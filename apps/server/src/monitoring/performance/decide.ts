import type { LossName } from '@tidemark/contracts'
import type { PerformanceEvidence } from '@tidemark/statistics'
import { quarterOf } from '../windows/calendar.ts'

/** The last time that lost performance was reported for a version. */
export interface LossReport {
  readonly logEvidence: number
  /** Event time, ISO 8601. */
  readonly at: string
  readonly event: string
  /** What it caused has ended without a new champion: retraining was declined, refused, rolled back or failed. */
  readonly answered: boolean
}

/**
 * Whether lost performance is reported now. Once for a version; again only after the first report was answered without a new champion, and
 * the evidence has doubled (in logarithm) or another quarter has begun, so that a changed balance of cost and gain is seen, and nobody is
 * told the same every month. A new champion begins with a watch of its own.
 */
export function shouldReport(
  evidence: Pick<PerformanceEvidence, 'alarm' | 'highestEValue'>,
  last: LossReport | null,
  eventTime: Date,
): boolean {
  if (!evidence.alarm) return false
  if (!last) return true
  if (!last.answered) return false
  const doubled = Math.log(evidence.highestEValue) >= 2 * last.logEvidence
  return doubled || quarterOf(eventTime) > quarterOf(new Date(last.at))
}

/** Losses in the unit of the watch, from those in the unit of the gates: the two losses are each other's square and root. */
export function convertLosses(losses: readonly number[], from: LossName, to: LossName): number[] {
  if (from === to) return [...losses]
  return losses.map((loss) => (to === 'absolute_error' ? Math.sqrt(loss) : loss * loss))
}

/** The mean loss now: since the likeliest change where there is suspicion, else of all labels. */
export function lossNow(evidence: PerformanceEvidence): number {
  return evidence.change ? evidence.referenceMean + evidence.change.increase : evidence.meanLoss
}

/** One sentence with the numbers. */
export function describePerformance(version: number, loss: LossName, evidence: PerformanceEvidence): string {
  const name = loss === 'absolute_error' ? 'mean absolute error' : 'mean squared error'
  const proof = `evidence ${evidence.highestEValue.toPrecision(3)}, alarm at ${evidence.threshold.toPrecision(3)}`
  if (evidence.n === 0) return `No labelled things of version ${version} yet.`
  const { change } = evidence
  if (evidence.alarm && change) {
    const since = new Date(change.since).toISOString().slice(0, 10)
    return `${name} of version ${version} is ${lossNow(evidence).toFixed(3)} on ${change.n} things since ${since}, ${evidence.referenceMean.toFixed(3)} on its holdout (${proof})`
  }
  return `${name} of version ${version} is ${evidence.meanLoss.toFixed(3)} on ${evidence.n} things, ${evidence.referenceMean.toFixed(3)} on its holdout (${proof})`
}
