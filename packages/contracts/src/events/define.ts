import { z } from 'zod'

/** A kind of event: what happened, in the past tense, and the shape of its payload. */
export interface EventType<P extends z.ZodType = z.ZodType> {
  readonly type: string
  readonly schemaVersion: number
  readonly payload: P
  /** What it happened to, as `kind:id`, from the payload. */
  readonly subject: (payload: z.output<P>) => string
  /** One sentence for a person, with the numbers used. */
  readonly sentence: (payload: z.output<P>) => string
}

/** An event of the first shape of its payload. */
export function defineEvent<P extends z.ZodType>(
  type: string,
  payload: P,
  subject: (payload: z.output<P>) => string,
  sentence: (payload: z.output<P>) => string,
): EventType<P> {
  return { type, schemaVersion: 1, payload, subject, sentence }
}

/** Numbers and words that explain a decision, as the person reads them. */
export const Evidence = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
export type Evidence = z.infer<typeof Evidence>

/** A model version, by the two that name it. */
export const Version = z.object({ model: z.string(), version: z.int() })
