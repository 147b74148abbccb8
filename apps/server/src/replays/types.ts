import type {
  ActorRef,
  EndpointPolicy,
  InputColumn,
  ModelInput,
  ReplayFlip,
  ReplayReport,
  ReplayView,
  Runtime,
} from '@tidemark/contracts'
import type { Queryable } from '../platform/index.ts'

export type ReplayState = ReplayView['state']

/** What is compared how; fixed when a replay is asked for, so that what is reported is what was asked. */
export interface ReplayTerms {
  /** Numbers that differ by no more are the same decision. */
  readonly tolerance: number
  /** Columns to slice by, besides those of texts and of true and false. */
  readonly slices: readonly string[]
  /** Columns whose values the report must not name. */
  readonly hidden: readonly string[]
  readonly alpha: number
  /** Of shares, from 0 to 1. */
  readonly margin: number
  /** In units of the loss. */
  readonly lossMargin: number
  readonly minThings: number
  readonly loss: 'squared_error' | 'absolute_error'
}

export interface StoredReplay {
  readonly workspace: string
  readonly id: string
  readonly endpoint: string
  readonly model: string
  readonly version: number
  readonly from: Date | null
  readonly to: Date
  readonly terms: ReplayTerms
  readonly state: ReplayState
  readonly problem: string | null
  readonly rows: number | null
  readonly rowsDone: number
  readonly evaluation: string | null
  readonly report: ReplayReport | null
  readonly actorKind: ActorRef['kind']
  readonly actorId: string
  readonly requestedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

export type Flip = Omit<ReplayFlip, 'eventTime'> & { readonly eventTime: Date }

/** What replays ask of other modules. */
export interface ReplayPorts {
  endpoint(
    db: Queryable,
    workspace: string,
    name: string,
  ): Promise<{ readonly model: string; readonly policy: EndpointPolicy } | null>
  /** Input of a version, null when there is no such version; `columns` is empty without a signature. */
  input(
    db: Queryable,
    workspace: string,
    model: string,
    version: number,
  ): Promise<{ readonly columns: readonly InputColumn[]; readonly input: ModelInput } | null>
  /** Where a version runs; null before that was decided. */
  runtime(db: Queryable, workspace: string, model: string, version: number): Promise<Runtime | null>
  readonly log: {
    writeAnswers(
      db: Queryable,
      workspace: string,
      endpoint: string,
      from: Date | null,
      to: Date,
      path: string,
    ): Promise<void>
    labels(
      db: Queryable,
      workspace: string,
      endpoint: string,
      things: readonly string[],
    ): Promise<ReadonlyMap<string, number | string>>
    eventTime(db: Queryable, workspace: string, endpoint: string): Promise<Date | null>
  }
}

/** What a slice's things did; `increase` is the mean loss increase of its labelled ones, with its standard error. */
export interface SliceFacts {
  readonly column: string
  readonly value: string | null
  readonly things: number
  readonly flipped: number
  readonly labelled: number
  readonly increase: number | null
  readonly error: number | null
}

/** What a comparison counted; a report says what it means. */
export interface ReplayFacts {
  readonly requests: number
  readonly rows: number
  /** Milliseconds since 1970, event time. */
  readonly from: number | null
  readonly to: number | null
  readonly versions: readonly { readonly version: string; readonly n: number }[]
  readonly skipped: readonly { readonly reason: string; readonly n: number; readonly problem: string | null }[]
  /** Rows that were answered then, and asked again. */
  readonly asked: number
  readonly equal: number
  readonly failed: number
  readonly refused: number
  readonly problem: string | null
  readonly mended: number
  readonly flips: number
  readonly things: { readonly all: number; readonly flipped: number }
  readonly differences: ReplayReport['differences']
  readonly slices: readonly SliceFacts[]
  readonly latency: ReplayReport['latency']
  /** Losses of labelled things; `mean` of logged minus candidate, with its standard error. */
  readonly lift: {
    readonly loss: 'squared_error' | 'absolute_error' | 'wrong_label'
    readonly things: number
    readonly logged: number
    readonly candidate: number
    readonly mean: number
    readonly error: number
  } | null
}
