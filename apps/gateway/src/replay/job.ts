import { InputColumn, ModelInput, Variant } from '@tidemark/contracts'
import { z } from 'zod'

/** What the server gives a replay's process, as a file: everything lies on this disk, and was checked. */
export const ReplayJob = z.object({
  variant: Variant,
  columns: z.array(InputColumn),
  input: ModelInput,
  /** Rows of the prediction log as its archive has them, in the order of prediction and row. */
  file: z.string(),
  /** Where chunks of the answers go; those that are there are not made again. */
  chunks: z.string(),
  /** The blob store of the server. */
  blobs: z.string(),
  /** For copies and models, which workers must be able to enter. */
  work: z.string(),
})
export type ReplayJob = z.infer<typeof ReplayJob>

/** Why a row has no answer of the candidate. `twice`: it stood in the log and its archive, and was asked once. */
export type NoAnswer = 'failed' | 'refused' | 'redacted' | 'whole' | 'erased' | 'twice'

/** What the candidate said to one row of the file. */
export interface RowAnswer {
  readonly id: string
  readonly row: number
  /** JSON text. */
  readonly answer: string | null
  readonly missing: NoAnswer | null
  readonly problem: string | null
  /** Milliseconds in the model, on the first row of a request that was asked alone. */
  readonly milliseconds: number | null
}
