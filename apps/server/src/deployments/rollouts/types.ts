import type { Guardrail, RolloutPolicy, RolloutState } from '@tidemark/contracts'

/** A rollout that may still change something. */
export type LiveState = Extract<RolloutState, { kind: 'shadow' | 'canary' }>

/** A rollout as it is stored. Its policy is a copy from its start, so that its decisions can be replayed. */
export interface Rollout {
  readonly workspace: string
  readonly id: string
  readonly endpoint: string
  readonly model: string
  readonly version: number
  readonly championVersion: number
  readonly approval: string | null
  /** The waiver that let the version in though its gates refused it; null: they passed. */
  readonly waiver: string | null
  readonly policy: RolloutPolicy
  readonly state: RolloutState
  /** 0 in shadow, then one more with each change of weight; the gateways write it into the log. */
  readonly stage: number
  readonly reason: string
  readonly nextLook: string | null
  /** Number of the snapshot that put the last change in force; null before the first. */
  readonly snapshotVersion: number | null
  readonly confirmed: boolean
  /** The last event of this rollout: the cause of the next. */
  readonly lastEvent: string
  readonly correlation: string
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

/** All that was seen of the two versions. */
export interface RolloutEvidence {
  /** Event time of the first and the latest record, milliseconds since 1970; null before any. */
  readonly eventTimeFrom: number | null
  readonly eventTimeTo: number | null
  readonly requests: number
  /** Things that both versions predicted. */
  readonly pairs: number
  readonly labelledPairs: number
  /** Distinct callers of either version seen at the stage in force. */
  readonly callersAtStage: number
  /** All harm tests as one e-value, and the value that rejects: 1/alpha. */
  readonly guardrails: readonly Guardrail[]
  /** Why a gateway could not load the candidate; null when all did. */
  readonly loadFailure: string | null
}

export type Decision =
  | { readonly kind: 'hold'; readonly reason: string; readonly nextLook: string }
  | {
      readonly kind: 'shift'
      readonly step: number
      readonly weightPercent: number
      readonly reason: string
      readonly nextLook: string
    }
  | {
      readonly kind: 'promote'
      readonly proof: 'non-inferiority proven' | 'promoted without proof'
      readonly reason: string
    }
  | { readonly kind: 'roll_back'; readonly guardrail: 'errors' | 'loss' | 'time'; readonly reason: string }
