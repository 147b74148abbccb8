import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { Id, Instant, Name } from './values.ts'

const tag = 'predictions'

export const ErasureRequest = z
  .strictObject({
    entity: z.string().min(1).max(500).optional().describe('Business key of the thing'),
    caller: z.string().min(1).max(256).optional().describe('Name of the caller, as it was sent'),
    endpoint: Name.optional().describe('Only at this endpoint; all of the workspace unless said'),
    reason: z.string().min(1).max(1000).describe('Why, without naming the subject: it is kept'),
  })
  .refine(({ entity, caller }) => (entity === undefined) !== (caller === undefined), {
    message: 'Say "entity" or "caller", one of them.',
    path: ['entity'],
  })
export type ErasureRequest = z.infer<typeof ErasureRequest>

/** What an erasure removed, in numbers: predictions and their rows from the log, archive files rewritten, rows of the database by what they were. */
export const ErasureReport = z.object({
  predictions: z.int(),
  rows: z.int(),
  files: z.int(),
  stored: z.record(z.string(), z.int()),
})
export type ErasureReport = z.infer<typeof ErasureReport>

export const ErasureView = z
  .object({
    id: Id,
    endpoint: Name.nullable(),
    kind: z.enum(['entity', 'caller']),
    reason: z.string(),
    /** `done`: nothing of the subject that had arrived by `requestedAt` is left on the disk; backups of before still have it. */
    state: z.enum(['running', 'done']),
    /** Parts of the log that are still being written or wait for the archive. */
    waitsForSegments: z.int(),
    report: ErasureReport,
    requestedAt: Instant,
    finishedAt: Instant.nullable(),
  })
  .meta({ id: 'Erasure' })
export type ErasureView = z.infer<typeof ErasureView>

export const erasures = {
  erase: endpoint({
    method: 'POST',
    path: '/api/v1/erasures',
    tag,
    summary: 'Erase what the prediction log, its archive, labels and stored evidence have about a subject, by its key',
    permission: 'monitoring.erase',
    status: 202,
    body: ErasureRequest,
    reply: ErasureView,
  }),
  list: endpoint({
    method: 'GET',
    path: '/api/v1/erasures',
    tag,
    summary: 'Erasures, newest first; without their subjects',
    permission: 'monitoring.read',
    reply: z.object({ erasures: z.array(ErasureView) }),
  }),
  get: endpoint({
    method: 'GET',
    path: '/api/v1/erasures/:id',
    tag,
    summary: 'How far an erasure is, and what it removed',
    permission: 'monitoring.read',
    params: z.object({ id: Id }),
    reply: ErasureView,
  }),
} as const
