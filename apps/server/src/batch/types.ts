import type { ActorRef, BatchView, FileFormat, InputColumn, ModelInput, Runtime } from '@tidemark/contracts'
import type { Queryable } from '../platform/index.ts'

export type BatchState = BatchView['state']

/** What is predicted: a dataset's version, or a file in the blob store. */
export type BatchInput =
  | { readonly kind: 'dataset'; readonly dataset: string; readonly version: number }
  | { readonly kind: 'file'; readonly digest: string; readonly format: FileFormat }

export interface StoredBatch {
  readonly workspace: string
  readonly id: string
  readonly model: string
  readonly version: number
  readonly input: BatchInput
  readonly out: string
  readonly state: BatchState
  readonly problem: string | null
  readonly rows: number | null
  readonly rowsDone: number
  readonly outVersion: number | null
  readonly actorKind: ActorRef['kind']
  readonly actorId: string
  readonly requestedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

/** What batch prediction asks of other modules. */
export interface BatchPorts {
  /** Input of a version, null when there is no such version; `columns` is empty without a signature. */
  input(
    db: Queryable,
    workspace: string,
    model: string,
    version: number,
  ): Promise<{ readonly columns: readonly InputColumn[]; readonly input: ModelInput } | null>
  aliasVersion(db: Queryable, workspace: string, model: string, alias: string): Promise<number | null>
  /** Where a version runs; null before that was decided. */
  runtime(db: Queryable, workspace: string, model: string, version: number): Promise<Runtime | null>
}

/** `films@3`, or the digest of a file. */
export function nameOf(input: BatchInput): string {
  return input.kind === 'dataset' ? `${input.dataset}@${input.version}` : input.digest
}
