import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Digest, Id, Instant, Name } from './values.ts'

const tag = 'batch'

/** Of a file that is predicted. */
export const FileFormat = z.enum(['parquet', 'csv', 'ndjson'])
export type FileFormat = z.infer<typeof FileFormat>

export const BatchRequest = z
  .strictObject({
    model: z.string().min(1),
    version: z.int().min(1).optional(),
    alias: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe('The version that it points to now; "champion" unless a version is said'),
    data: z
      .union([
        z.strictObject({ dataset: Name, version: z.int().min(1).optional().describe('The latest unless said') }),
        z.strictObject({ file: Digest, format: FileFormat }),
      ])
      .describe('A dataset version, or a file that POST /api/v1/batch-files took'),
    out: Name.describe('Dataset that the result becomes a version of'),
  })
  .refine(({ version, alias }) => version === undefined || alias === undefined, {
    message: 'Say "version" or "alias", not both.',
    path: ['alias'],
  })
export type BatchRequest = z.infer<typeof BatchRequest>

export const BatchView = z
  .object({
    id: Id,
    model: z.string(),
    version: z.int(),
    /** What it reads: `films@3`, or the file's digest. */
    input: z.string(),
    out: Name,
    state: z.enum(['waiting', 'running', 'storing', 'done', 'failed', 'cancelled']),
    /** Why it failed; null otherwise. */
    problem: z.string().nullable(),
    rows: z.int().nullable().describe('How many there are; null before they were counted'),
    rowsDone: z.int(),
    rowsPerSecond: z.number().nullable(),
    secondsLeft: z.number().nullable().describe('Estimate from its rate so far, without the storing'),
    /** Version of `out` that has the result. */
    outVersion: z.int().nullable(),
    requestedAt: Instant,
    startedAt: Instant.nullable(),
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'BatchPrediction' })
export type BatchView = z.infer<typeof BatchView>

const One = z.object({ id: Id })

export const batch = {
  predict: endpoint({
    method: 'POST',
    path: '/api/v1/batch-predictions',
    tag,
    summary: 'Predict every row of a dataset version or file; the result becomes a dataset version',
    permission: 'data.write',
    status: 202,
    body: BatchRequest,
    reply: BatchView,
  }),
  list: endpoint({
    method: 'GET',
    path: '/api/v1/batch-predictions',
    tag,
    summary: 'Batch predictions, newest first',
    permission: 'data.read',
    query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
    reply: z.object({ batches: z.array(BatchView) }),
  }),
  get: endpoint({
    method: 'GET',
    path: '/api/v1/batch-predictions/:id',
    tag,
    summary: 'One batch prediction: how far it is, and how long it will take',
    permission: 'data.read',
    params: One,
    reply: BatchView,
  }),
  cancel: endpoint({
    method: 'POST',
    path: '/api/v1/batch-predictions/:id/cancel',
    tag,
    summary: 'Ends a batch prediction; nothing of it becomes a dataset version',
    permission: 'data.write',
    params: One,
    reply: BatchView,
  }),
} as const
