import { Readable } from 'node:stream'
import { type Permission, TidemarkError } from '@tidemark/contracts'
import { invalid, MlflowError, type MlflowErrorCode } from '@tidemark/mlflow-protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { type Actor, actorOf, isConnectionLoss, type Log } from '../../platform/index.ts'
import { watchMethods } from './methods.ts'
import { permissionOf } from './rights.ts'

/** What a handler of MLflow's API is given; `fields` are the body's, or the query's when there is no body. */
export interface MlflowCall {
  readonly actor: Actor
  readonly query: Readonly<Record<string, unknown>>
  readonly params: Readonly<Record<string, string | undefined>>
  readonly request: FastifyRequest
  /** For another status than 200. */
  readonly reply: FastifyReply
  /** Parses the request by a message: from the query of a GET that has one, else from the JSON body. */
  read<T>(message: { fromBody(body: Record<string, unknown>): T; fromQuery(query: Record<string, unknown>): T }): T
}

/** Answers with an object, with its JSON as bytes or, when it may be large, as a stream, or with null: a status alone. */
export type MlflowHandler = (call: MlflowCall) => Promise<object | null>
/** `POST runs/create` and the like, below `/api/2.0/mlflow/`. */
export type MlflowRoutes = Readonly<Record<string, MlflowHandler>>

/** The prefixes of one API: clients use the first, MLflow's own pages the second. */
export const PREFIXES = ['/api/', '/ajax-api/'] as const

/** MLflow's surface lives in a scope of its own: its own error shape, its own reading of bodies. */
export function mlflowScope(app: FastifyInstance, log: Log, fill: (scope: FastifyInstance) => void): void {
  app.register(async (scope) => {
    watchMethods(scope)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    scope.setErrorHandler((error, request, reply) => {
      const answer = mlflowError(error, request, log)
      // What is still to come of an upload is thrown away: a client that sends sees no answer before its end.
      if (!request.raw.complete) request.raw.resume()
      sendJson(reply.code(answer.status), answer.toJSON())
    })
    scope.addHook('onRoute', (route) => {
      if (route.config?.access || route.config?.permission) return
      const path = route.url.replace(/^\/(ajax-)?api\/\d\.\d\//, '')
      route.config = { ...route.config, permission: (method) => permissionOf(method, path) }
    })
    fill(scope)
  })
}

/** Mounts JSON routes under both prefixes of an API version: `mountMlflow(scope, '2.0/mlflow', { 'POST runs/create': … })`. */
export function mountMlflow(
  scope: FastifyInstance,
  base: string,
  routes: MlflowRoutes,
  /** Who may use them, where it is not what the method says. */
  rights: { readonly access: 'signed-in' } | { readonly permission: Permission } | undefined = undefined,
): void {
  for (const [name, handler] of Object.entries(routes)) {
    const [method = 'GET', path = ''] = name.split(' ')
    for (const prefix of PREFIXES) {
      scope.route({
        method: method as HTTPMethods,
        url: `${prefix}${base}/${path}`,
        ...(rights ? { config: rights } : {}),
        handler: async (request, reply) => {
          const query = request.query as Record<string, unknown>
          const fromQuery = request.method === 'GET' && Object.keys(query).length > 0
          const body = fromQuery ? {} : jsonBody(request)
          const answer = await handler({
            actor: actorOf(request),
            query,
            params: request.params as Record<string, string>,
            request,
            reply,
            read: (message) => (fromQuery ? message.fromQuery(query) : message.fromBody(body)),
          })
          return answer === null ? reply.send() : sendJson(reply, answer)
        },
      })
    }
  }
}

/** JSON of an object, or what is JSON already, as MLflow sends it: without a charset, which Fastify would add to text. */
export function sendJson(reply: FastifyReply, answer: object): FastifyReply {
  const isText = answer instanceof Readable || Buffer.isBuffer(answer)
  const body = isText ? answer : Buffer.from(JSON.stringify(answer))
  return reply.header('content-type', 'application/json').send(body)
}

/** A JSON body as MLflow reads it: the content type must say JSON; text that is no JSON counts as empty; JSON in a string is read again. */
function jsonBody(request: FastifyRequest): Record<string, unknown> {
  const type = request.headers['content-type']
  const mayHaveBody = request.method !== 'GET' && request.method !== 'DELETE'
  if (mayHaveBody || (type !== undefined && request.body !== undefined)) {
    if (type === undefined) throw invalid('Bad Request. Content-Type header is missing.')
    if (type.split(';')[0]?.trim().toLowerCase() !== 'application/json') {
      throw invalid("Bad Request. Content-Type must be one of ['application/json'].")
    }
  }
  const parsed = parseOnce(Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '')
  const value = typeof parsed === 'string' ? parseOnce(parsed) : parsed
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function parseOnce(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const BY_STATUS: Readonly<Record<number, MlflowErrorCode>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  409: 'RESOURCE_CONFLICT',
  429: 'REQUEST_LIMIT_EXCEEDED',
  503: 'TEMPORARILY_UNAVAILABLE',
  507: 'RESOURCE_EXHAUSTED',
}

/** Any error as MLflow's client reads it. What is unexpected is logged once and reveals nothing. */
function mlflowError(error: unknown, request: FastifyRequest, log: Log): MlflowError {
  if (error instanceof MlflowError) return error
  if (error instanceof TidemarkError) {
    return new MlflowError(BY_STATUS[error.status] ?? 'INVALID_PARAMETER_VALUE', error.message)
  }
  // Nobody reads this answer: the sender is gone.
  if (request.raw.destroyed && !request.raw.complete) return new MlflowError('BAD_REQUEST', 'The request broke off.')
  const status = (error as { statusCode?: unknown }).statusCode
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new MlflowError(BY_STATUS[status] ?? 'BAD_REQUEST', (error as Error).message)
  }
  const code = (error as { code?: unknown } | null)?.code
  // What PostgreSQL refuses by these codes is the request's mistake, not ours; 54000 is a key that no index can hold.
  if (code === '22021' || code === '22P05') return invalid('Text may not contain the character NUL.')
  if (code === '22025') return invalid('A pattern of LIKE may not end with a backslash.')
  if (code === '54000') return invalid('A value is too long.')
  if (code === '22003') return invalid('A number is out of range.')
  if (isConnectionLoss(error)) {
    log.warn({ err: error, requestId: request.id }, 'PostgreSQL is away')
    return new MlflowError('TEMPORARILY_UNAVAILABLE', 'PostgreSQL is restarting. Try again in a moment.')
  }
  log.error({ err: error, requestId: request.id, url: request.url }, 'unexpected error')
  return new MlflowError('INTERNAL_ERROR', `Something went wrong here. The log has it under request ${request.id}.`)
}
