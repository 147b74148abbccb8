import type { EvidencePoint, LossName } from '@tidemark/contracts'
import type { MeanSequence, MeanTest, OpenCaller, RateTest, TrafficRate } from '@tidemark/statistics'

/** What the tests of a rollout need to know before it starts. */
export interface EvidenceSettings {
  readonly alpha: number
  readonly loss: LossName
  readonly lossMargin: number
  readonly errorMarginPercent: number
  /** A loss difference that is usually not exceeded, in units of the loss. */
  readonly usualDifference: number
  /** Labels beyond are clipped for the squared error, whose differences have no bound without it; null: not clipped. */
  readonly labelRange: { readonly low: number; readonly high: number } | null
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
  readonly pairs: number
  /** Recent error rate of all requests, whichever version answered. */
  readonly traffic: TrafficRate
  /** Unit: the caller, where routing is by caller. */
  readonly errors: { readonly harm: RateTest; readonly acceptance: RateTest }
  /** Unit: the first pair of a thing; the difference is 1 when only the candidate failed, −1 when only the champion did. */
  readonly failures: {
    readonly harm: MeanTest
    readonly acceptance: MeanTest
    readonly champion: number
    readonly candidate: number
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
}

/** A caller at one stage, until its unit has closed by every rule. */
export interface CallerRow {
  /** Hash of the caller's name: evidence needs to tell callers apart, not to know them. */
  readonly caller: string
  readonly stage: number
  readonly weightPercent: number
  readonly open: OpenCaller
}

/** One version's prediction of a thing, waiting for the other version's. */
export interface Half {
  readonly prediction: string
  readonly entity: string
  readonly candidate: boolean
  /** null: the version failed, or did not answer with a number. */
  readonly value: number | null
  readonly failed: boolean
  readonly eventTime: number
}

/** The first prediction of a thing by both versions. */
export interface Pair {
  readonly entity: string
  readonly stage: number
  readonly champion: number | null
  readonly candidate: number | null
  readonly championFailed: boolean
  readonly candidateFailed: boolean
  readonly eventTime: number
}
