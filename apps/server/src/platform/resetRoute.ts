import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpServer } from './http.ts'
import type { Platform } from './platform.ts'

const UNTIL_QUIET_MILLISECONDS = 2_000
// Streams and long polls never end by themselves, and write nothing.
const ENDLESS = /^\/(__reset|internal\/|api\/v1\/stream)/

/**
 * `POST /__reset`, which empties all data and blobs: only for tests, only with `--dev-reset`. Mount it before all other routes: it waits for
 * requests under way, and lets new ones wait, so that none writes into what was just emptied.
 */
export function resetRoute(app: HttpServer, platform: Platform): void {
  let open = 0
  let closed: Promise<unknown> = Promise.resolve()

  app.addHook('onRequest', async (request, reply) => {
    if (ENDLESS.test(request.url)) return
    await closed
    open += 1
    reply.raw.once('close', () => {
      open -= 1
    })
  })

  async function reset(): Promise<void> {
    const until = Date.now() + UNTIL_QUIET_MILLISECONDS
    while (open > 0 && Date.now() < until) await sleep(1)
    await platform.jobs.forget(async () => {
      await platform.resets.empty(platform.db)
      await platform.blobs.clear()
    })
  }

  app.post('/__reset', { config: { permission: 'platform.reset' } }, async (_request, reply) => {
    const begun = performance.now()
    const mine = closed.then(reset)
    closed = mine.catch(() => {})
    await mine
    return reply.send({ milliseconds: Math.round((performance.now() - begun) * 10) / 10 })
  })
}
