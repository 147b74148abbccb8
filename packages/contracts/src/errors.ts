import { z } from 'zod'

/** The body of every error answer of the own API. `requestId` finds the log line. */
export const ErrorReply = z
  .object({
    error: z.object({
      code: z.string().describe('Stable, upper case: what a program may match on.'),
      message: z.string().describe('What was wrong, where, and what to do.'),
      details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
      requestId: z.string(),
    }),
  })
  .meta({ id: 'Error' })
export type ErrorReply = z.infer<typeof ErrorReply>

/** One row of a module's error table. */
export interface ErrorDefinition<A extends readonly unknown[]> {
  readonly code: string
  readonly status: number
  readonly message: (...values: A) => string
}

/** An error that a caller may see: thrown by services, turned into `ErrorReply` at the edge. */
export class TidemarkError extends Error {
  readonly code: string
  readonly status: number
  readonly details: readonly { path: string; message: string }[] | undefined
  constructor(code: string, status: number, message: string, details?: readonly { path: string; message: string }[]) {
    super(message)
    this.name = 'TidemarkError'
    this.code = code
    this.status = status
    this.details = details
  }
}

/**
 * Declares an error: call the result to make one.
 * @example const DatasetNotFound = defineError('DATASET_NOT_FOUND', 404, (name: string) => `No dataset "${name}".`)
 *          throw DatasetNotFound('films')
 */
export function defineError<const A extends readonly unknown[]>(
  code: string,
  status: number,
  message: (...values: A) => string,
): ((...values: A) => TidemarkError) & { readonly code: string } {
  const make = (...values: A) => new TidemarkError(code, status, message(...values))
  return Object.assign(make, { code })
}
