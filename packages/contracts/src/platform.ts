import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { EventRecord } from './events/index.ts'
import { Id } from './values.ts'

const tag = 'platform'

export const ServerInfo = z
  .object({
    name: z.literal('tidemark'),
    version: z.string(),
    workspace: z.string(),
    gatewayUrl: z.string(),
    startedAt: z.iso.datetime(),
    apiVersion: z.literal('v1'),
  })
  .meta({ id: 'ServerInfo' })

/** What a sweep of the blob store found and did: numbers of blobs, and bytes. */
export const SweepReport = z
  .object({
    dryRun: z.boolean(),
    stored: z.int().describe('Blobs on the disk before'),
    swept: z.int().describe('Blobs that nothing names: deleted, or with dryRun to be deleted'),
    sweptBytes: z.int(),
    young: z.int().describe('Blobs that nothing names, written within the grace: left alone'),
    revoked: z.int().describe('Grants of workspaces that own the content no more'),
    busy: z.int().describe('Candidates left for the next sweep because uploads left no gap'),
  })
  .meta({ id: 'SweepReport' })
export type SweepReport = z.infer<typeof SweepReport>

export const platform = {
  sweepBlobs: endpoint({
    method: 'POST',
    path: '/api/v1/blobs/sweep',
    tag,
    summary: 'Delete content that nothing names any more, in all workspaces',
    permission: 'platform.manage',
    body: z.object({
      dryRun: z.boolean().default(false).describe('Count only'),
      graceSeconds: z
        .number()
        .min(0)
        .default(3600)
        .describe('Content written less than this ago is left alone: its work may not be recorded yet'),
    }),
    reply: SweepReport,
  }),
  info: endpoint({
    method: 'GET',
    path: '/api/v1/info',
    tag,
    summary: 'Name, version and addresses of this platform',
    permission: 'platform.read',
    reply: ServerInfo,
  }),
  listEvents: endpoint({
    method: 'GET',
    path: '/api/v1/events',
    tag,
    summary: 'Events in commit order; the audit trail',
    permission: 'governance.read',
    query: z.object({
      after: z.coerce.number().int().min(0).optional().describe('Only events after this position, oldest first'),
      before: z.coerce.number().int().optional().describe('Only events before this position, newest first'),
      type: z.string().optional().describe('Exact type, or a prefix ending in "."'),
      subject: z.string().optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(100),
    }),
    reply: z.object({ events: z.array(EventRecord), lastPosition: z.int() }),
  }),
  getEvent: endpoint({
    method: 'GET',
    path: '/api/v1/events/:id',
    tag,
    summary: 'One event',
    permission: 'governance.read',
    params: z.object({ id: Id }),
    reply: EventRecord,
  }),
  idle: endpoint({
    method: 'GET',
    path: '/api/v1/work',
    tag,
    summary: 'What the platform is busy with: jobs waiting or running, pipeline runs, unread log',
    permission: 'platform.read',
    reply: z.object({ jobs: z.int(), pipelineRuns: z.int(), unreadLogBytes: z.int(), lastPosition: z.int() }),
  }),
} as const
