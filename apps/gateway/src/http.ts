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
    // The largest that an endpoint may allow; each has its own limit below it.
    bodyLimit: options.bodyLimitBytes ?? 64 * 1024 * 1024,
    genReqId: (request) => givenRequestId(request.headers['x-request-id']) ?? uuidv7(),
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: 'idle',
  })
  // The scoring protocol has its own words about content types and wrong JSON.
  app.removeAllContentTypeParsers()
  // By name, too: what only `*` takes is looked up anew for each request.
  for (const type of ['application/json', '*'])
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.decorate('unexpected', (error: unknown, request: FastifyRequest) => {
    options.out.error({ err: error, requestId: request.id }, 'unexpected error')
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    done(strangerError(request, options.names()))
  })
  app.setErrorHandler((error, request, reply) => {
    const { status, code, message, retryAfterSeconds } = describeError(error, request)
    if (retryAfterSeconds !== null) reply.header('retry-after', retryAfterSeconds)
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

function strangerError(request: FastifyRequest, names: Names): TidemarkError | undefined {
  const stranger = strangerOf(request.headers, names)
  if (!stranger) return undefined
  return stranger.kind === 'host' ? HostRefused() : OriginRefused()
}

/** What an error is to its caller, whatever the shape that its protocol gives it. */
export interface DescribedError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** When it is worth trying again; null: that would change nothing. */
  readonly retryAfterSeconds: number | null
}

/** Describes an error to its caller; what nobody expected is logged and reveals nothing. */
export function describeError(error: unknown, request: FastifyRequest): DescribedError {
  if (error instanceof TidemarkError) {
    const { status, code, message } = error
    return { status, code, message, retryAfterSeconds: status === 429 || status === 503 ? RETRY_SECONDS : null }
  }
  const status = (error as { statusCode?: unknown }).statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const message = error instanceof Error ? error.message : 'The request is not valid.'
    return { status, code: 'BAD_REQUEST', message, retryAfterSeconds: null }
  }
  request.server.unexpected(error, request)
  const message = `Something went wrong here. The gateway's log has it under request ${request.id}.`
  return { status: 500, code: 'INTERNAL_ERROR', message, retryAfterSeconds: null }
}

/** Overload passes, and a snapshot comes, within about a second. */
const RETRY_SECONDS = 1

declare module 'fastify' {
  interface FastifyInstance {
    /** Logs an error that nobody expected. */
    unexpected(error: unknown, request: FastifyRequest): void
  }
}
