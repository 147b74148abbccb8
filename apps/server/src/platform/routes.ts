import { readFileSync } from 'node:fs'
import { api, platform as contract, openApiDocument, type SweepReport } from '@tidemark/contracts'
import type { Actor } from './actor.ts'
import type { SweepOptions } from './blobSweep.ts'
import { sql } from './db.ts'
import { NotFound } from './errors.ts'
import { findEvent, lastPosition, listEvents } from './events.ts'
import { actorOf } from './gate.ts'
import { type HttpServer, mount } from './http.ts'
import type { Platform } from './platform.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** What the composition gives: sweeping needs the declarations of all modules. */
export interface Sweeper {
  sweepBlobs(actor: Actor, options: SweepOptions): Promise<SweepReport>
}

const BEAT_MS = 15_000

/** Things that count as being busy, beside the queue; modules add theirs. */
export interface BusyCounts {
  pipelineRuns(): Promise<number>
  unreadLogBytes(): Promise<number>
}

/** Health, metrics, events, the live stream and the API's own description. */
export function platformRoutes(app: HttpServer, platform: Platform, busy: BusyCounts, sweeper: Sweeper): void {
  const startedAt = new Date().toISOString()
  const { gatewayUrl } = platform.config
  const open = { config: { access: 'everybody' } } as const
  const readable = { config: { permission: 'platform.read' } } as const
  const document = JSON.stringify(openApiDocument(api, version))

  app.get('/health', open, async (_request, reply) => reply.type('text/plain').send('OK'))
  app.get('/readyz', open, async (_request, reply) => {
    await sql`select 1`.execute(platform.db)
    return reply.type('text/plain').send('ready')
  })
  app.get('/metrics', readable, async (_request, reply) =>
    reply.type(platform.metrics.contentType).send(await platform.metrics.metrics()),
  )
  app.get('/api/v1/openapi.json', readable, async (_request, reply) => reply.type('application/json').send(document))

  mount(app, contract.info, async (_input, { actor }) => ({
    name: 'tidemark' as const,
    version,
    workspace: actor.workspace,
    gatewayUrl,
    startedAt,
    apiVersion: 'v1' as const,
  }))
  mount(app, contract.listEvents, async ({ query }, { actor }) => ({
    events: await listEvents(platform.db, actor.workspace, query),
    lastPosition: await lastPosition(platform.db),
  }))
  mount(app, contract.getEvent, async ({ params }, { actor }) => {
    const event = await findEvent(platform.db, actor.workspace, params.id)
    if (!event) throw NotFound(`event ${params.id}`)
    return event
  })
  mount(app, contract.idle, async () => ({
    jobs: await platform.jobs.pending(platform.db),
    pipelineRuns: await busy.pipelineRuns(),
    unreadLogBytes: await busy.unreadLogBytes(),
    lastPosition: await lastPosition(platform.db),
  }))

  mount(app, contract.sweepBlobs, ({ body }, { actor }) => sweeper.sweepBlobs(actor, body))

  app.get('/api/v1/stream', readable, (request, reply) => {
    const { workspace } = actorOf(request)
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
    })
    raw.write('retry: 1000\n\n')
    const unsubscribe = platform.live.subscribe((change) => {
      if (change.kind === 'event' && change.workspace !== workspace) return
      // Not which thing: what changes too often to be an event is told without its workspace.
      const told =
        change.kind === 'event'
          ? { kind: change.kind, position: change.position }
          : { kind: change.kind, topic: change.topic }
      raw.write(`event: ${change.kind}\ndata: ${JSON.stringify(told)}\n\n`)
    })
    const beat = setInterval(() => {
      raw.write(': beat\n\n')
      // Rights that were taken, or a session that ended, end the stream too.
      app.letInAgain(request).catch(() => raw.end())
    }, BEAT_MS)
    raw.on('close', () => {
      clearInterval(beat)
      unsubscribe()
    })
  })
}
