import type { InputColumn, LoggingPolicy, LossName, MonitoringPolicy } from '@tidemark/contracts'
import type { LabelFold, PredictionFold } from '../platform/folds.ts'
import type { Queryable, Tx } from '../platform/index.ts'
import type { EraseStored } from './log/archive/erasure.ts'

/** What monitoring must know of an endpoint. */
export interface MonitoredEndpoint {
  readonly name: string
  readonly model: string
  readonly championVersion: number
  /** Replay mode: event time comes with the requests, and only they advance it. */
  readonly replay: boolean
  readonly columns: readonly InputColumn[]
  readonly policy: MonitoringPolicy
  readonly logging: LoggingPolicy
  /** Unit of the holdout losses that evaluation stores. */
  readonly gateLoss: LossName
}

export interface ReferenceFiles {
  /** Raw serving columns of the training rows. */
  readonly training: string
  /** The same of the holdout, with `event_time`; null when there was none. */
  readonly holdout: string | null
}

/** What monitoring asks of other modules. */
export interface MonitoringPorts {
  endpoint(db: Queryable, workspace: string, name: string): Promise<MonitoredEndpoint | null>
  endpoints(db: Queryable, workspace: string): Promise<readonly MonitoredEndpoint[]>
  /** Where the parquet files of a version's training rows and holdout lie; null for a version that no pipeline made. */
  referenceFiles(db: Queryable, workspace: string, model: string, version: number): Promise<ReferenceFiles | null>
  holdout(
    db: Queryable,
    workspace: string,
    model: string,
    version: number,
  ): Promise<{ readonly losses: readonly number[]; readonly predictions: readonly number[] } | null>
  /** Why a version stopped to run as ONNX; null: nothing was found against it. */
  runtimeSwitch(
    db: Queryable,
    workspace: string,
    model: string,
    version: number,
  ): Promise<{ readonly at: string; readonly sentence: string } | null>
  /** Folds of other modules over the same log and labels; applied in the reader's transaction. */
  readonly predictionFolds: readonly PredictionFold[]
  readonly labelFolds: readonly LabelFold[]
  /** Erases what other modules stored about a subject. */
  readonly eraseStored: readonly EraseStored[]
  /** Key by which the gateways hash what the log must not show, hex. */
  logKey(): string
  /** Has the gateways end the segments of the log that they are writing. */
  endSegments(tx: Tx): Promise<void>
}

/** Workspace and endpoint: the key of everything here. */
export interface EndpointKey {
  readonly workspace: string
  readonly endpoint: string
}
