import { createHash, timingSafeEqual } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Confirmation, Digest, RuntimeMismatch, UnloggedAnswers } from '@tidemark/contracts'
import { z } from 'zod'
import { type HttpServer, type Platform, parsePart } from '../../platform/index.ts'
import { BlobUnknown, InternalTokenRefused } from './errors.ts'
import type { Gateways } from './service.ts'
import { POLL_SECONDS } from './types.ts'

const GatewayId = z.string().regex(/^[\w-]{1,64}$/)

/** `/internal/*`: for gateways only, by the token that server and gateways share. A person's permissions do not open it. */
export function internalRoutes(app: HttpServer, platform: Platform, gateways: Gateways): void {
  const expected = digestOf(`Bearer ${platform.config.internalToken}`)

  app.register(
    async (internal) => {
      internal.addHook('onRoute', (route) => {
        route.config = { ...route.config, access: 'gateways' }
      })
      internal.addHook('onRequest', async (request) => {
        // Digests have one length whatever was sent, so that the comparison's time tells nothing.
        if (!timingSafeEqual(digestOf(request.headers.authorization ?? ''), expected)) throw InternalTokenRefused()
      })

      internal.get('/snapshot', async (request, reply) => {
        const query = parsePart(
          z.object({ gateway: GatewayId, after: z.coerce.number().int().min(-1).default(-1) }),
          request.query,
          'query',
        )
        const gone = new AbortController()
        reply.raw.on('close', () => gone.abort())
        const snapshot = await gateways.changedSnapshot(query.gateway, query.after, POLL_SECONDS, gone.signal)
        return snapshot ? snapshot : reply.code(204).send()
      })

      internal.get('/blobs/:digest', async (request, reply) => {
        const { digest } = parsePart(z.object({ digest: Digest }), request.params, 'path')
        const path = platform.blobs.path(digest)
        const file = await stat(path).catch(() => null)
        if (!file) throw BlobUnknown(digest)
        return reply.type('application/octet-stream').header('content-length', file.size).send(createReadStream(path))
      })

      internal.post('/confirmations', async (request, reply) => {
        await gateways.confirm(parsePart(Confirmation.extend({ gateway: GatewayId }), request.body, 'body'))
        return reply.code(204).send()
      })

      internal.post('/unlogged', async (request, reply) => {
        await gateways.unlogged(parsePart(UnloggedAnswers.extend({ gateway: GatewayId }), request.body, 'body'))
        return reply.code(204).send()
      })

      internal.post('/mismatches', async (request, reply) => {
        await gateways.mismatch(parsePart(RuntimeMismatch.extend({ gateway: GatewayId }), request.body, 'body'))
        return reply.code(204).send()
      })

      internal.delete('/gateways/:gateway', async (request, reply) => {
        const { gateway } = parsePart(z.object({ gateway: GatewayId }), request.params, 'path')
        await gateways.goodbye(gateway)
        return reply.code(204).send()
      })
    },
    { prefix: '/internal' },
  )
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
