import {
  type AnswerOf,
  type Endpoint,
  type ErrorReply,
  type ParsedOf,
  type Permission,
  TidemarkError,
  uuidv7,
} from '@tidemark/contracts'
import { givenRequestId, type Names, strangerOf } from '@tidemark/process'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { Histogram, type Registry } from 'prom-client'
import type { z } from 'zod'
import { type Actor, localPerson } from './actor.ts'
import { isConnectionLoss } from './db.ts'
import { HostRefused, NotReady, OriginRefused } from './errors.ts'
import { actorOf, type Doorkeeper, installGate } from './gate.ts'
import type { Log } from './telemetry.ts'

export type HttpServer = FastifyInstance

/** What every handler gets besides its parsed input. */
export interface RequestContext {
  readonly actor: Actor
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

export interface HttpOptions {
  readonly log: Log
  readonly metrics: Registry
  /** What this server answers to; a function because port 0 is known only after listening. */
  readonly names: () => Names
  /** Who a request speaks for; everybody is the local person unless said. */
  readonly door?: Doorkeeper
  /** Largest JSON body, bytes. Streams (artifacts, batches) have limits of their own. */
  readonly bodyLimitBytes?: number
}

const LOCAL = localPerson()
const EVERYBODY_LOCAL: Doorkeeper = { actorOf: () => LOCAL, signedIn: () => LOCAL }

/** Makes the HTTP server: request ids, exact Host and Origin checks, one gate, security headers, one error boundary, request metrics. */
export function createHttp(options: HttpOptions): HttpServer {
  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes ?? 32 * 1024 * 1024,
    genReqId: (request) => givenRequestId(request.headers['x-request-id']) ?? uuidv7(),
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: true,
  })
  const duration = new Histogram({
    name: 'tidemark_http_request_seconds',
    help: 'Time to answer a request, by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [options.metrics],
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    reply.header('x-frame-options', 'DENY')
    reply.header('referrer-policy', 'same-origin')
    refuseStrangers(request, options.names())
  })
  installGate(app, options.door ?? EVERYBODY_LOCAL)
  app.addHook('onResponse', async (request, reply) => {
    letGo(request)
    const route = request.routeOptions.url ?? 'unknown'
    duration.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000)
    options.log.debug(
      {
        requestId: request.id,
        method: request.method,
        url: request.url,
        status: reply.statusCode,
        ms: reply.elapsedTime,
      },
      'request',
    )
  })
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = errorReply(error, request, options.log)
    reply.code(status).send(body)
  })
  // RFC 9112, 3.2: refused, because whoever passed it on may have gone by the other one.
  app.addHook('onRequest', async (request) => {
    const hosts = request.raw.headersDistinct.host ?? []
    if (hosts.length > 1) throw HostRefused(hosts.join(', '))
  })
  app.setNotFoundHandler((request, reply) => {
    const message = `No route ${request.method} ${request.url.split('?')[0]}. The API is described at /api/v1/openapi.json.`
    reply.code(404).send({ error: { code: 'NO_SUCH_ROUTE', message, requestId: request.id } } satisfies ErrorReply)
  })
  return app
}

/**
 * What still comes of a body that nobody reads to its end, because it was refused meanwhile: read and dropped, else the next request of the
 * same connection would wait behind it for ever.
 */
function letGo({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return
  raw.removeAllListeners('readable')
  raw.removeAllListeners('data')
  // Without a reader Node takes the stream for one that was never begun, and lets it stand.
  raw.on('data', () => {})
  raw.resume()
}

/** Has the routes of a scope read their bodies themselves: streams of any type and size, outside the contract's replies. */
export function takeStreams(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}

function refuseStrangers(request: FastifyRequest, names: Names): void {
  const stranger = strangerOf(request.headers, names)
  if (stranger) throw stranger.kind === 'host' ? HostRefused(stranger.said) : OriginRefused(stranger.said)
}

function errorReply(error: unknown, request: FastifyRequest, log: Log): { status: number; body: ErrorReply } {
  const requestId = request.id
  if (error instanceof TidemarkError) {
    const { code, message, status, details } = error
    return { status, body: { error: { code, message, requestId, ...(details ? { details: [...details] } : {}) } } }
  }
  // The services behind MLflow's API throw its errors, also when the own API asks them.
  const { status: given, code } = error as { status?: unknown; code?: unknown }
  if (error instanceof Error && typeof given === 'number' && given >= 400 && given < 500 && typeof code === 'string') {
    return { status: given, body: { error: { code, message: error.message, requestId } } }
  }
  const status = (error as { statusCode?: unknown }).statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, body: { error: { code: 'INVALID_REQUEST', message: (error as Error).message, requestId } } }
  }
  if (isConnectionLoss(error)) {
    log.warn({ err: error, requestId }, 'PostgreSQL is away')
    return errorReply(NotReady('PostgreSQL is restarting'), request, log)
  }
  log.error({ err: error, requestId, url: request.url }, 'unexpected error')
  return {
    status: 500,
    body: {
      error: {
        code: 'INTERNAL',
        message: `Something went wrong here. The log has it under request ${requestId}.`,
        requestId,
      },
    },
  }
}

/** Parses one part of a request; its error names each wrong field. */
export function parsePart<S extends z.ZodType>(schema: S, value: unknown, part: string): z.output<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const details = parsed.error.issues.map((issue) => ({
    path: [part, ...issue.path].join('.'),
    message: issue.message,
  }))
  const message = `The request's ${part} is not valid: ${details.map((d) => `${d.path}: ${d.message}`).join('; ')}`
  throw new TidemarkError('INVALID_REQUEST', 400, message, details)
}

/** Mounts an endpoint of the contract: parse, call, reply; the gate has authorised. The handler gets parsed input and returns the reply's fields. */
export function mount<E extends Endpoint & { readonly permission: Permission | 'signed-in' }>(
  app: HttpServer,
  definition: E,
  handler: (input: ParsedOf<E>, context: RequestContext) => Promise<AnswerOf<E>>,
): void {
  route(app, definition, (input, request, reply) => handler(input, { actor: actorOf(request), request, reply }))
}

/** Mounts an endpoint that also answers who is not signed in. */
export function mountOpen<E extends Endpoint & { readonly permission: 'everybody' }>(
  app: HttpServer,
  definition: E,
  handler: (input: ParsedOf<E>, context: Omit<RequestContext, 'actor'>) => Promise<AnswerOf<E>>,
): void {
  route(app, definition, (input, request, reply) => handler(input, { request, reply }))
}

function route<E extends Endpoint>(
  app: HttpServer,
  definition: E,
  answer: (input: ParsedOf<E>, request: FastifyRequest, reply: FastifyReply) => Promise<AnswerOf<E>>,
): void {
  const { permission } = definition
  const free = permission === 'signed-in' || permission === 'everybody'
  app.route({
    method: definition.method,
    url: definition.path,
    config: free ? { access: permission } : { permission },
    handler: async (request, reply) => {
      const input = {
        ...(definition.params ? { params: parsePart(definition.params, request.params, 'path') } : {}),
        ...(definition.query ? { query: parsePart(definition.query, request.query, 'query') } : {}),
        ...(definition.body ? { body: parsePart(definition.body, request.body ?? {}, 'body') } : {}),
      }
      const answered = await answer(input as ParsedOf<E>, request, reply)
      return reply.code(definition.status ?? 200).send(answered ?? null)
    },
  })
}
