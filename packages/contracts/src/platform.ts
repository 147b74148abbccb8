import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { EventRecord } from './events.ts'
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

export const platform = {
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
