import type { LoggedModelStatusName, RunStatusName } from './requests.ts'

// What MLflow's REST API answers: int64 as JSON numbers, unset and empty fields left out.

export interface KeyValue {
  readonly key: string
  readonly value: string
}

/** JSON has no NaN: MLflow writes it, and reads it, as text. */
export type WireDouble = number | 'NaN' | 'Infinity' | '-Infinity'

export interface WireMetric {
  readonly key: string
  readonly value: WireDouble
  readonly timestamp: number
  readonly step: number
  readonly model_id?: string
  readonly run_id?: string
  readonly dataset_name?: string
  readonly dataset_digest?: string
}

export interface WireExperiment {
  readonly experiment_id: string
  readonly name: string
  readonly artifact_location: string
  readonly lifecycle_stage: string
  readonly last_update_time: number
  readonly creation_time: number
  readonly tags?: readonly KeyValue[]
  readonly workspace: string
}

export interface WireRunInfo {
  readonly run_uuid: string
  readonly experiment_id: string
  readonly run_name: string
  readonly user_id: string
  readonly status: RunStatusName
  readonly start_time: number
  readonly end_time?: number
  readonly artifact_uri: string
  readonly lifecycle_stage: string
  readonly run_id: string
}

export interface WireDatasetInput {
  readonly tags?: readonly KeyValue[]
  readonly dataset: {
    readonly name: string
    readonly digest: string
    readonly source_type: string
    readonly source: string
    readonly schema?: string
    readonly profile?: string
  }
}

export interface WireRun {
  readonly info: WireRunInfo
  readonly data: {
    readonly metrics?: readonly WireMetric[]
    readonly params?: readonly KeyValue[]
    readonly tags?: readonly KeyValue[]
  }
  readonly inputs: {
    readonly dataset_inputs?: readonly WireDatasetInput[]
    readonly model_inputs?: readonly { readonly model_id: string }[]
  }
  readonly outputs?: { readonly model_outputs?: readonly { readonly model_id: string; readonly step: number }[] }
}

export interface WireLoggedModel {
  readonly info: {
    readonly model_id: string
    readonly experiment_id: string
    readonly name: string
    readonly creation_timestamp_ms: number
    readonly last_updated_timestamp_ms: number
    readonly artifact_uri: string
    readonly status: LoggedModelStatusName
    readonly model_type: string
    readonly source_run_id: string
    readonly tags?: readonly KeyValue[]
  }
  readonly data: { readonly params?: readonly KeyValue[]; readonly metrics?: readonly WireMetric[] }
}

export interface WireFile {
  readonly path: string
  readonly is_dir: boolean
  readonly file_size?: number
}

export interface WireModelVersion {
  readonly name: string
  readonly version: string
  readonly creation_timestamp: number
  readonly last_updated_timestamp: number
  readonly user_id?: string
  readonly current_stage: string
  readonly description: string
  readonly source: string
  readonly run_id: string
  readonly status: 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY'
  readonly status_message?: string
  readonly tags?: readonly KeyValue[]
  readonly run_link: string
  readonly aliases?: readonly string[]
  readonly model_id?: string
}

export interface WireRegisteredModel {
  readonly name: string
  readonly creation_timestamp: number
  readonly last_updated_timestamp: number
  readonly description?: string
  readonly latest_versions?: readonly WireModelVersion[]
  readonly tags?: readonly KeyValue[]
  readonly aliases?: readonly { readonly alias: string; readonly version: string }[]
}

/** A double on the wire. */
export function wireDouble(value: number): WireDouble {
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
}

/** The list itself, or nothing when it is empty: MLflow leaves empty lists out. */
export function unlessEmpty<K extends string, T>(key: K, list: readonly T[]): { [P in K]?: readonly T[] } {
  return list.length === 0 ? {} : ({ [key]: list } as { [P in K]?: readonly T[] })
}
