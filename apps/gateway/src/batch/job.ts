import { FileFormat, InputColumn, ModelInput, Variant } from '@tidemark/contracts'
import { z } from 'zod'

/** What the server gives a batch process, as a file: everything lies on this disk, and was checked. */
export const BatchJob = z.object({
  variant: Variant,
  columns: z.array(InputColumn),
  input: ModelInput,
  file: z.string(),
  format: FileFormat,
  /** Columns that name a row in the result; none: its number, as `row`. */
  key: z.array(z.string()),
  /** Where chunks of the result go; those that are there are not made again. */
  chunks: z.string(),
  /** The blob store of the server. */
  blobs: z.string(),
  /** For copies and models, which workers must be able to enter. */
  work: z.string(),
})
export type BatchJob = z.infer<typeof BatchJob>

/** A line that a program prints: so far, counted from the first row; the last one when it is done. */
export interface Progress {
  readonly rows: number
  readonly rowsDone: number
}
