import type { Json, JsonObject } from './json.ts'

export interface EvaluationDataset {
  readonly id: string
  readonly name: string
  readonly digest: string
  readonly tags: Readonly<Record<string, string>>
  /** JSON text; null before the first record. */
  readonly schema: string | null
  readonly profile: string | null
  readonly createdMs: number
  readonly updatedMs: number
  readonly createdBy: string | null
  readonly updatedBy: string | null
}

export interface EvaluationRecord {
  readonly id: string
  readonly inputHash: string
  readonly inputs: JsonObject
  readonly outputs: Json
  readonly expectations: JsonObject | null
  readonly tags: JsonObject
  /** `{source_type, source_data}` */
  readonly source: JsonObject | null
  readonly createdMs: number
  readonly updatedMs: number
  readonly createdBy: string | null
  readonly updatedBy: string | null
}

/** A record as it is given. What is undefined was not. */
export interface GivenRecord {
  readonly inputs: JsonObject
  readonly outputs: Json | undefined
  readonly expectations: JsonObject | null
  readonly tags: JsonObject | null
  readonly source: JsonObject | null
}
