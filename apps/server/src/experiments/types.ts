import type { LoggedModelStatusName, RunStatusName } from '@tidemark/mlflow-protocol'

export type Lifecycle = 'active' | 'deleted'

export interface KeyValue {
  readonly key: string
  readonly value: string
}

export interface Experiment {
  readonly id: number
  readonly name: string
  readonly artifactLocation: string
  readonly lifecycle: Lifecycle
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly KeyValue[]
}

export interface RunInfo {
  readonly id: string
  readonly experiment: number
  readonly name: string
  readonly user: string
  readonly status: RunStatusName
  readonly startMs: number
  readonly endMs: number | null
  readonly artifactUri: string
  readonly lifecycle: Lifecycle
}

/** One logged value. `value` may be NaN; infinities are stored as the greatest double. */
export interface MetricPoint {
  readonly key: string
  readonly value: number
  readonly atMs: number
  readonly step: number
}

/** A metric as it is logged: it may also speak for a logged model, on a data set. */
export interface LoggedMetric extends MetricPoint {
  readonly model: string | null
  readonly datasetName: string | null
  readonly datasetDigest: string | null
}

export interface DatasetInput {
  readonly name: string
  readonly digest: string
  readonly sourceType: string
  readonly source: string
  readonly schema: string | null
  readonly profile: string | null
  readonly tags: readonly KeyValue[]
}

export interface RunModel {
  readonly role: 'input' | 'output'
  readonly model: string
  readonly step: number
}

export interface Run extends RunInfo {
  readonly parameters: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
  readonly metrics: readonly MetricPoint[]
  readonly inputs: readonly DatasetInput[]
  readonly models: readonly RunModel[]
}

export interface LoggedModel {
  readonly id: string
  readonly experiment: number
  readonly name: string
  readonly artifactUri: string
  readonly status: LoggedModelStatusName
  readonly modelType: string
  readonly sourceRun: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly KeyValue[]
  readonly parameters: readonly KeyValue[]
  readonly metrics: readonly (MetricPoint & {
    readonly run: string
    readonly datasetName: string
    readonly datasetDigest: string
  })[]
}

/** A file of the artifact tree: its path from the root, where its bytes are. */
export interface ArtifactFile {
  readonly path: string
  readonly digest: string
  readonly bytes: number
}

/** What lies directly in a folder. */
export type FolderEntry =
  | { readonly kind: 'file'; readonly name: string; readonly bytes: number }
  | { readonly kind: 'folder'; readonly name: string }
