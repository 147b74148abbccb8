import type { RunContent, Series } from '@tidemark/mlflow-protocol/checksum'

// What an MLflow has, as a reader gives it: with MLflow's ids and addresses, times in milliseconds since 1970.

export interface Pair {
  readonly key: string
  readonly value: string
}

export type Lifecycle = 'active' | 'deleted'

export interface SourceExperiment {
  readonly id: string
  readonly name: string
  readonly lifecycle: Lifecycle
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly Pair[]
}

/** A run without the history of its metrics. */
export interface SourceRun extends Omit<RunContent, 'metrics' | 'status' | 'lifecycle' | 'models'> {
  readonly experiment: string
  readonly status: 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'
  readonly lifecycle: Lifecycle
  readonly models: readonly { readonly role: 'input' | 'output'; readonly model: string; readonly step: number }[]
  readonly artifactUri: string
  /**
   * SHA-256 of what is cheap to read of a run that has ended, latest metrics included: one that is as it was needs no reading of its history.
   * Null when nothing tells that from outside.
   */
  readonly stamp: string | null
  /** Keys of its metrics, when the reader knows them without their points. */
  readonly metricKeys: readonly string[]
}

export type LoggedModelStatus =
  | 'LOGGED_MODEL_STATUS_UNSPECIFIED'
  | 'LOGGED_MODEL_PENDING'
  | 'LOGGED_MODEL_READY'
  | 'LOGGED_MODEL_UPLOAD_FAILED'

export interface SourceLoggedModel {
  readonly id: string
  readonly experiment: string
  readonly name: string
  readonly status: LoggedModelStatus
  readonly modelType: string
  readonly sourceRun: string
  readonly lifecycle: Lifecycle
  readonly createdMs: number
  readonly updatedMs: number
  readonly artifactUri: string
  readonly tags: readonly Pair[]
  readonly parameters: readonly Pair[]
  readonly metrics: readonly {
    readonly key: string
    readonly value: number
    readonly atMs: number
    readonly step: number
    readonly run: string
    readonly datasetName: string
    readonly datasetDigest: string
  }[]
}

export type Stage = 'None' | 'Staging' | 'Production' | 'Archived'

export interface SourceVersion {
  readonly version: number
  readonly description: string
  readonly source: string
  /** Where its files lie. */
  readonly storageUri: string
  readonly run: string
  readonly runLink: string
  readonly stage: Stage
  /** READY, or why it is not. */
  readonly status: string
  readonly user: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly Pair[]
}

export interface SourceModel {
  readonly name: string
  readonly description: string
  readonly createdMs: number
  readonly updatedMs: number
  /** The greatest number ever given, as far as the source tells. */
  readonly lastVersion: number
  readonly tags: readonly Pair[]
  readonly versions: readonly SourceVersion[]
  readonly aliases: readonly { readonly alias: string; readonly version: number }[]
}

/** What is there and does not come over, with the reason. */
export interface LeftOut {
  readonly what: string
  readonly count: number
  readonly reason: string
}

/** A reader of one MLflow. Lists come page by page, so that no server's whole content is ever in memory. */
export interface Source {
  /** A name for reports and for going on later, without passwords. */
  readonly name: string
  experiments(): Promise<SourceExperiment[]>
  runs(experiment: string): AsyncIterable<readonly SourceRun[]>
  /** Every point ever logged of these runs, in bundles of few enough points to be sent at once. */
  histories(runs: readonly SourceRun[]): AsyncIterable<ReadonlyMap<string, readonly Series[]>>
  loggedModels(experiment: string): AsyncIterable<readonly SourceLoggedModel[]>
  /** Registered models and prompts, which are registered models with a tag. */
  models(): AsyncIterable<SourceModel>
  leftOut(): Promise<LeftOut[]>
  close(): Promise<void>
}
