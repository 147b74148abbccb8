import type { EvidencePoint, JsonValue, LatencyPoint, LossName, RolloutPolicy } from '@tidemark/contracts'
import type {
  BoundedSequence,
  BoundedTest,
  DistributionTest,
  LatencyTest,
  MeanSequence,
  MeanTest,
  OpenCaller,
  PredictedPair,
  QuantileSequence,
  RateTest,
  TrafficRate,
} from '@tidemark/statistics'

/** What the tests of a rollout need to know before it starts. */
export interface EvidenceSettings {
  readonly alpha: number
  readonly loss: LossName
  readonly lossMargin: number
  /** Age at which labels are read for the proof of no loss; null: as they come. */
  readonly labelAgeMilliseconds: number | null
  readonly errorMarginPercent: number
  /** A loss difference that is usually not exceeded, in units of the loss. */
  readonly usualDifference: number
  /** Labels beyond are clipped for the squared error, whose differences have no bound without it; null: not clipped. */
  readonly labelRange: { readonly low: number; readonly high: number } | null
  /** Answers of the version on trial that no test of errors, failures or latency counts. */
  readonly warmUpAnswers: number
  readonly latency: RolloutPolicy['latency']
  readonly disagreement: RolloutPolicy['disagreement']
  /** Whether it is also asked if the version on trial is better in errors. */
  readonly betterErrors: boolean
}

export interface AnsweredCounts {
  readonly requests: number
  readonly errors: number
  readonly slow: number
}

/** All statistics of one rollout: plain JSON, stored after each batch of the log and resumed. */
export interface EvidenceState {
  readonly format: 1
  readonly settings: EvidenceSettings
  readonly eventTimeFrom: number | null
  readonly eventTimeTo: number | null
  /** Answered requests under this rollout. */
  readonly requests: number
  /** The stage whose caller units are open, and the distinct callers seen at it. */
  readonly stage: number
  readonly callersAtStage: number
  readonly requestsAtStage: number
  readonly labelledAtStage: number
  /** Requests that the version on trial answered, and the distinct callers of these. */
  readonly exposedRequests: number
  readonly exposedCallers: number
  /** All judged answers of callers that were tossed, by arm: what is told before units close. */
  readonly answered: { readonly champion: AnsweredCounts; readonly candidate: AnsweredCounts }
  /** Answers of the version on trial that are yet to come before any is judged. */
  readonly warmUpLeft: number
  readonly pairs: number
  /** Recent error rate of all requests, whichever version answered. */
  readonly traffic: TrafficRate
  /** Unit: the caller, where routing is by caller. */
  readonly errors: { readonly harm: RateTest; readonly acceptance: RateTest; readonly better: RateTest | null }
  /** Unit: the caller; null where the policy declares nothing of latency. */
  readonly latency: LatencyTest | null
  /** Unit: the first pair of a thing; the difference is 1 when only the candidate failed, −1 when only the champion did. */
  readonly failures: {
    readonly harm: MeanTest
    readonly acceptance: MeanTest
    readonly champion: number
    readonly candidate: number
    /** For display; null in rollouts of before it was kept. */
    readonly sequence: MeanSequence | null
  }
  /** Unit: the first pair of a thing that neither failed on: 1 when the answers differ by more than the tolerance. */
  readonly disagreement: {
    /** null where the policy declares no budget; a test of means in rollouts that began with one. */
    readonly harm: BoundedTest | MeanTest | null
    /** null in rollouts of before it was kept. */
    readonly sequence: BoundedSequence | null
    readonly things: number
    readonly differing: number
  }
  /** Unit: the first pair of a thing, once its label is known. */
  readonly loss: {
    readonly harm: MeanTest
    readonly acceptance: MeanTest
    readonly sequence: MeanSequence
    readonly championSum: number
    readonly candidateSum: number
  }
  readonly points: readonly EvidencePoint[]
  /** null in rollouts of before it was kept. */
  readonly observed: Observed | null
}

/** What is shown of a version and judges nothing. */
export interface Observed {
  /** Unit: the first pair of a thing that both answered with a number, a short text, or yes or no. */
  readonly distribution: {
    /** The pairs that the bins of numbers are learnt from; empty once they are. */
    readonly first: readonly PredictedPair[]
    readonly test: DistributionTest | null
  }
  /** Milliseconds of an answer; unit: the first judged one that a tossed caller had of the version. */
  readonly latency: { readonly champion: QuantileSequence; readonly candidate: QuantileSequence }
  readonly latencyPoints: readonly LatencyPoint[]
}

/** A caller at one stage, until its unit has closed by every rule. */
export interface CallerRow {
  /** Hash of the caller's name: evidence needs to tell callers apart, not to know them. */
  readonly caller: string
  readonly stage: number
  readonly weightPercent: number
  readonly open: OpenCaller
  /** The same caller as the latency test sees it: its errors are slow answers. */
  readonly times: OpenCaller
}

/** One version's prediction of a thing, waiting for the other version's. */
export interface Half {
  readonly prediction: string
  readonly entity: string
  readonly candidate: boolean
  /** null: the version failed, or did not answer with a number. */
  readonly value: number | null
  /** null: it failed, or was stored before answers of all types were. */
  readonly said: JsonValue
  readonly failed: boolean
  readonly eventTime: number
}

/** A pair that has reached the age at which its label is read, and its first label with the time when that became known. */
export interface AgedPair {
  readonly pair: Pair
  readonly label: number | null
  readonly labelledAt: number | null
}

/** The first prediction of a thing by both versions. */
export interface Pair {
  readonly entity: string
  readonly stage: number
  readonly champion: number | null
  readonly candidate: number | null
  readonly championSaid: JsonValue
  readonly candidateSaid: JsonValue
  readonly championFailed: boolean
  readonly candidateFailed: boolean
  readonly eventTime: number
}
