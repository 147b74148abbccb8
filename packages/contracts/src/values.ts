import { z } from 'zod'

/** Names of things people make: letters, digits, dot, dash, underscore; safe in paths and URLs. */
export const Name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
    'Use 1–128 letters, digits, ".", "-" or "_", beginning with a letter or digit.',
  )

/** Content address of bytes. */
export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'A content address reads "sha256:" and 64 hex digits.')
export type Digest = z.infer<typeof Digest>

/** An instant, ISO 8601 in UTC on the wire. */
export const Instant = z.iso.datetime({ offset: true })

export const Id = z.uuid()

export const Json: z.ZodType<JsonValue> = z.json()
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue }

/** A model version as people write it: `films/3`. */
export const ModelVersionRef = z
  .string()
  .regex(/^[^/]+\/[1-9][0-9]*$/, 'A model version reads "name/number", as in "films/3".')

/** Splits `films/3`; refuses anything else. */
export function parseModelVersionRef(ref: string): { model: string; version: number } {
  const checked = ModelVersionRef.parse(ref)
  const slash = checked.lastIndexOf('/')
  return { model: checked.slice(0, slash), version: Number(checked.slice(slash + 1)) }
}

/** Who acts. A policy that decides is an actor of kind `system`. */
export const ActorRef = z.object({ kind: z.enum(['person', 'service', 'system']), id: z.string() })
export type ActorRef = z.infer<typeof ActorRef>

/** A value of a raw feature column as callers send it. */
export const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()])
export type Cell = z.infer<typeof Cell>
export const Row = z.record(z.string(), Cell)
export type Row = z.infer<typeof Row>

export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().optional(),
})
