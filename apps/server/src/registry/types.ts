import type { ActorRef, InputColumn, ModelInput } from '@tidemark/contracts'
import type { KeyValue } from '../experiments/index.ts'

export type Stage = 'None' | 'Staging' | 'Production' | 'Archived'

export interface ModelVersion {
  readonly model: string
  readonly version: number
  readonly description: string
  /** The source as the client gave it. */
  readonly source: string
  /** Where its files lie in the artifact tree, as `mlflow-artifacts:/…`; a prompt has its placeholder here. */
  readonly storageUri: string
  readonly run: string
  readonly loggedModel: string
  readonly runLink: string
  readonly stage: Stage
  readonly user: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly tags: readonly KeyValue[]
  readonly aliases: readonly string[]
  /** Content address of the list of files; null when there are none. */
  readonly digest: string | null
  readonly signature: readonly InputColumn[] | null
  readonly flavors: readonly string[]
}

export interface RegisteredModel {
  readonly name: string
  readonly description: string
  readonly createdMs: number
  readonly updatedMs: number
  readonly lastVersion: number
  readonly tags: readonly KeyValue[]
  readonly aliases: readonly { readonly alias: string; readonly version: number }[]
}

export interface AliasChange {
  readonly alias: string
  readonly version: number | null
  readonly previousVersion: number | null
  readonly by: ActorRef
  readonly at: Date
}

/** How a version takes its input, as its MLmodel file says. */
export type VersionInput =
  | { readonly kind: 'model'; readonly columns: readonly InputColumn[]; readonly input: ModelInput }
  | { readonly kind: 'no_model' }
