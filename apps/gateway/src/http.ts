import { TidemarkError, uuidv7 } from '@tidemark/contracts'
import { givenRequestId, type Names, strangerOf } from '@tidemark/process'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { HostRefused, OriginRefused } from './errors.ts'
import type { Log } from './telemetry.ts'

export interface HttpOptions {
  readonly out: Log
  /** What this gateway answers to; a function because port 0 is known only after listening. */
  readonly names: () => Names
  readonly bodyLimitBytes?: number
}

/** Makes the HTTP server: request ids, exact Host and Origin checks, bodies as bytes, errors in the form that MLflow's clients read. */
export function createHttp(options: HttpOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes ?? 16 * 1024 * 1024,
    genReqId: (request) => givenRequestId(request.headers['x-request-id']) ?? uuidv7(),
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: 'idle',
  })
  // The scoring protocol has its own words about content types and wrong JSON.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    refuseStrangers(request, options.names())
  })
  app.setErrorHandler((error, request, reply) => {
    const { status, code, message } = describe(error, request, options.out)
    // As MLflow's server does, so that its clients' tests of this case hold.
    if (status === 415) return reply.code(415).type('text/plain').send(message)
    return reply.code(status).send({ error_code: code, message, request_id: request.id })
  })
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error_code: 'ENDPOINT_NOT_FOUND',
      message: 'No such address. Predictions are asked for at POST /endpoints/NAME/invocations.',
      request_id: request.id,
    }),
  )
  return app
}

function refuseStrangers(request: FastifyRequest, names: Names): void {
  const stranger = strangerOf(request.headers, names)
  if (stranger) throw stranger.kind === 'host' ? HostRefused() : OriginRefused()
}

function describe(
  error: unknown,
  request: FastifyRequest,
  out: Log,
): { status: number; code: string; message: string } {
  if (error instanceof TidemarkError) return error
  const status = (error as { statusCode?: unknown }).statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return {
      status,
      code: 'BAD_REQUEST',
      message: error instanceof Error ? error.message : 'The request is not valid.',
    }
  }
  out.error({ err: error, requestId: request.id }, 'unexpected error')
  const message = `Something went wrong here. The gateway's log has it under request ${request.id}.`
  return { status: 500, code: 'INTERNAL_ERROR', message }
}
