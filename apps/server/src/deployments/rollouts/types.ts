import type { ActorRef, Guardrail, RollbackCause, RolloutPolicy, RolloutState } from '@tidemark/contracts'

/** A rollout that may still change something. */
export type LiveState = Extract<RolloutState, { kind: 'shadow' | 'canary' | 'ab' }>

/** Somebody or the rule stopped the rollout where it is. */
export interface Pause {
  readonly reason: string
  readonly by: ActorRef
  /** ISO 8601. */
  readonly at: string
}

/** A version on trial. */
export interface TriedVersion {
  readonly version: number
  /** Its evidence's key: the rollout's own id for the first. */
  readonly evidence: string
}

/** A rollout as it is stored. Its policy is a copy from its start, so that its decisions can be replayed. */
export interface Rollout {
  readonly workspace: string
  readonly id: string
  readonly endpoint: string
  readonly model: string
  /** The version on trial; of several the first, and once one has won, the winner. */
  readonly version: number
  readonly championVersion: number
  readonly approval: string | null
  /** The waiver that let the version in though its gates refused it; null: they passed. */
  readonly waiver: string | null
  readonly policy: RolloutPolicy
  /** Declared for this rollout alone; null: the endpoint's when it begins. */
  readonly ownPolicy: RolloutPolicy | null
  readonly state: RolloutState
  /** All versions on trial; empty before it began and for one version alone. */
  readonly tried: readonly TriedVersion[]
  readonly paused: Pause | null
  /** 0 in shadow, then one more with each change of weight; the gateways write it into the log. */
  readonly stage: number
  /** On the endpoint's clock; null before it began, and for rollouts of before it was kept. */
  readonly stageFrom: Date | null
  /** Since when the time limit counts, on the endpoint's clock: its begin, or the last resume. */
  readonly limitsFrom: Date | null
  readonly reason: string
  readonly nextLook: string | null
  readonly nextLookAt: Date | null
  /** Number of the snapshot that put the last change in force; null before the first. */
  readonly snapshotVersion: number | null
  readonly confirmed: boolean
  readonly retryOf: string | null
  /** Why a person started it; null: the loop did. */
  readonly startReason: string | null
  /** The last event of this rollout: the cause of the next. */
  readonly lastEvent: string
  readonly correlation: string
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

/** How a version of an A/B rollout stands against the champion. */
export interface Contender {
  readonly version: number
  /** Distinct callers seen at the stage in force. */
  readonly callers: number
  /** Its declared metric minus the champion's; null before both were seen. */
  readonly difference: number | null
  /** Whether it is surely better than the champion in the declared metric. */
  readonly better: boolean
  /** Whether everything that must be proven of it is. */
  readonly proven: boolean
}

/** All that was seen of the versions. */
export interface RolloutEvidence {
  /** Event time of the first and the latest record, milliseconds since 1970; null before any. */
  readonly eventTimeFrom: number | null
  readonly eventTimeTo: number | null
  /** The endpoint's clock, milliseconds since 1970: event time in replay mode, else wall time. null: no event yet. */
  readonly now: number | null
  /** Since when the time limit counts, and since when the stage in force lasts; null: not yet known. */
  readonly limitsFrom: number | null
  readonly stageFrom: number | null
  readonly requests: number
  /** Things that both versions predicted. */
  readonly pairs: number
  readonly labelledPairs: number
  /** Distinct callers of either version, requests and labelled things seen at the stage in force. */
  readonly callersAtStage: number
  readonly requestsAtStage: number
  readonly labelledAtStage: number
  /** Answered by versions on trial, in the whole rollout. */
  readonly exposedRequests: number
  readonly exposedCallers: number
  readonly guardrails: readonly Guardrail[]
  readonly contenders: readonly Contender[]
  /** Why a gateway could not load a version on trial; null when all did. */
  readonly loadFailure: string | null
  /** Whether all live gateways serve by the last change. */
  readonly confirmed: boolean
}

/** The exact arguments of the rule; stored with every decision. */
export interface DecisionInput {
  readonly policy: RolloutPolicy
  readonly state: LiveState
  readonly evidence: RolloutEvidence
  /** The version's gates refused it, and a person let it in all the same. */
  readonly waived: boolean
  /** Why it is paused; null when it is not. */
  readonly paused: string | null
}

export type Weights = readonly { readonly version: number; readonly weightPercent: number }[]

export type Decision =
  | {
      readonly kind: 'hold'
      readonly reason: string
      readonly nextLook: string
      /** Milliseconds on the endpoint's clock: when time alone may change the decision. */
      readonly nextLookAt: number | null
    }
  | {
      readonly kind: 'shift'
      readonly to: Extract<LiveState, { kind: 'canary' | 'ab' }>
      readonly reason: string
      readonly nextLook: string
      readonly nextLookAt: number | null
    }
  | {
      readonly kind: 'promote'
      /** The winner of several; null: the one on trial. */
      readonly version: number | null
      readonly proof: 'non-inferiority proven' | 'promoted without proof'
      readonly reason: string
    }
  | { readonly kind: 'roll_back'; readonly guardrail: RollbackCause; readonly reason: string }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'finish'; readonly verdict: 'not worse' | 'no proof'; readonly reason: string }
