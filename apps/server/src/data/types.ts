import type { ActorRef, DatasetDefinition } from '@tidemark/contracts'
import type { MagnitudeCounts } from '@tidemark/statistics'

/** A value after its column's type was checked. Dates are `YYYY-MM-DD`, timestamps ISO 8601 in UTC. */
export type Value = string | number | boolean | null
export type CleanRow = Readonly<Record<string, Value>>
/** A row as it was sent. */
export type RawRow = Readonly<Record<string, unknown>>

export type QualityRule = 'missing_key' | 'type' | 'after_snapshot_end' | 'range' | 'unit'

export interface Refusal {
  readonly rule: QualityRule
  readonly column: string | null
  readonly reason: string
}

/** What the gate makes of one row. */
export type RowVerdict =
  | { readonly kind: 'good'; readonly row: CleanRow; readonly eventTime: Date | null }
  | { readonly kind: 'quarantined'; readonly row: RawRow; readonly refusal: Refusal }

/** What the dataset already holds, for rules that compare: magnitudes of each column that has a unit rule. */
export type Reference = ReadonlyMap<string, MagnitudeCounts>

/** A file of rows, or of the content hashes of rows that later ones replaced. Order matters: a removal acts on the files before it. */
export interface Chunk {
  readonly kind: 'rows' | 'removals'
  readonly digest: string
  readonly rows: number
  readonly bytes: number
}

export interface StoredVersion {
  readonly workspace: string
  readonly dataset: string
  readonly version: number
  readonly digest: string
  readonly definition: DatasetDefinition
  readonly chunks: readonly Chunk[]
  readonly rows: number
  readonly newRows: number
  readonly replacedRows: number
  readonly newBytes: number
  readonly quarantinedRows: number
  readonly from: Date | null
  readonly to: Date | null
  readonly parent: number | null
  readonly source: string
  readonly batchDigest: string
  readonly createdBy: ActorRef
  readonly createdAt: Date
}

export interface StoredDataset {
  readonly name: string
  readonly definition: DatasetDefinition
  readonly latestVersion: number
  readonly createdAt: Date
}

/** A version's rows as one Parquet file for a step or a person. */
export interface Materialized {
  readonly file: string
  readonly version: number
  readonly digest: string
}
