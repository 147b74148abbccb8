import { readFileSync } from 'node:fs'
import { api, platform as contract, openApiDocument, type SweepReport } from '@tidemark/contracts'
import type { Actor } from './actor.ts'
import type { SweepOptions } from './blobSweep.ts'
import { sql } from './db.ts'
import { NotFound } from './errors.ts'
import { findEvent, lastPosition, listEvents } from './events.ts'
import { actorOf, type HttpServer, mount } from './http.ts'
import type { Platform } from './platform.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** What the composition gives: sweeping needs the declarations of all modules. */
export interface Sweeper {
  sweepBlobs(actor: Actor, options: SweepOptions): Promise<SweepReport>
}

/** Things that count as being busy, beside the queue; modules add theirs. */
export interface BusyCounts {
  pipelineRuns(): Promise<number>
  unreadLogBytes(): Promise<number>
}

/** Health, metrics, events, the live stream and the API's own description. */
export function platformRoutes(app: HttpServer, platform: Platform, busy: BusyCounts, sweeper: Sweeper): void {
  const startedAt = new Date().toISOString()
  const gatewayUrl = `http://${platform.config.host}:${platform.config.gatewayPort}`
  const document = JSON.stringify(openApiDocument(api, version))

  app.get('/health', async (_request, reply) => reply.type('text/plain').send('OK'))
  app.get('/readyz', async (_request, reply) => {
    await sql`select 1`.execute(platform.db)
    return reply.type('text/plain').send('ready')
  })
  app.get('/metrics', async (_request, reply) =>
    reply.type(platform.metrics.contentType).send(await platform.metrics.metrics()),
  )
  app.get('/api/v1/openapi.json', async (_request, reply) => reply.type('application/json').send(document))

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

  app.get('/api/v1/stream', (request, reply) => {
    actorOf(request).require('platform.read')
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
      raw.write(`event: ${change.kind}\ndata: ${JSON.stringify(change)}\n\n`)
    })
    const beat = setInterval(() => raw.write(': beat\n\n'), 15_000)
    raw.on('close', () => {
      clearInterval(beat)
      unsubscribe()
    })
  })
}
