import { type Permission, TidemarkError } from '@tidemark/contracts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Actor } from './actor.ts'

/**
 * Who is let in without a permission in a workspace. `everybody`: also without credentials. `signed-in`: whoever has good ones.
 * `gateways`: whoever knows the internal token, which the route's own hook checks. A function: only these requests, without credentials.
 */
type Access = 'everybody' | 'signed-in' | 'gateways' | ((request: FastifyRequest) => boolean)

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the actor must be allowed to do; a function where one route has several methods. */
    permission?: Permission | ((method: string) => Permission)
    access?: Access
  }
  interface FastifyRequest {
    /** Who asks; null on a route that is open to everybody. */
    actor: Actor | null
  }
  interface FastifyInstance {
    /** Every route, as it was declared. */
    declaredRoutes: readonly DeclaredRoute[]
    /** Asks again, for an answer that lasts. @throws when the request would not be let in any more, or into another workspace. */
    letInAgain(request: FastifyRequest): Promise<void>
  }
}

export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly config: { readonly permission?: unknown; readonly access?: unknown }
}

/** Who knows whom a request speaks for. Both may throw: credentials that do not hold, or rights that are not there. */
export interface Doorkeeper {
  /** In the workspace that the request names. */
  actorOf(request: FastifyRequest): Actor | Promise<Actor>
  /** Whatever workspace it names. */
  signedIn(request: FastifyRequest): Actor | Promise<Actor>
}

/** An error that says when to come again. */
export class RetryLater extends TidemarkError {
  readonly retryAfterSeconds: number

  constructor(code: string, status: number, message: string, retryAfterSeconds: number) {
    super(code, status, message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * The one gate of every route, whatever scope or plugin it comes from. A route that does not say who may use it stops the start of the server:
 * nothing is ever open because somebody forgot.
 */
export function installGate(app: FastifyInstance, door: Doorkeeper): void {
  const declared: { method: string | string[]; url: string; config?: DeclaredRoute['config'] }[] = []
  app.decorateRequest('actor', null)
  app.decorate('declaredRoutes', {
    getter: () =>
      declared.flatMap(({ method, url, config }) =>
        [method].flat().map((one) => ({ method: one, url, config: config ?? {} })),
      ),
  })
  app.decorate('letInAgain', async (request) => {
    const { permission } = request.routeOptions.config
    const actor = await door.actorOf(request)
    if (typeof permission === 'string') actor.require(permission)
    if (actor.workspace !== request.actor?.workspace) throw new Error('The workspace changed.')
  })
  app.addHook('onRoute', (route) => {
    declared.push(route as (typeof declared)[number])
  })
  app.addHook('onReady', async () => {
    const silent = declared.find(({ config }) => !config?.permission && !config?.access)
    if (silent) {
      throw new Error(
        `The route ${silent.method} ${silent.url} does not say who may use it: give it config.permission or config.access.`,
      )
    }
  })
  app.addHook('onRequest', async (request, reply) => {
    const { access, permission } = request.routeOptions.config
    if (access === 'everybody' || access === 'gateways') return
    if (typeof access === 'function' && access(request)) return
    try {
      // Of what is not there one learns nothing without credentials.
      if (access === 'signed-in' || !permission) {
        request.actor = await door.signedIn(request)
        return
      }
      const asked = door.actorOf(request)
      const actor = asked instanceof Promise ? await asked : asked
      actor.require(typeof permission === 'function' ? permission(request.method) : permission)
      request.actor = actor
    } catch (error) {
      challenge(request, reply, error)
      throw error
    }
  })
}

/** The headers by which a client learns how to come in, or when. Not "Basic" for the own API: a browser would open a window of its own. */
export function challenge(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  if (error instanceof RetryLater) reply.header('retry-after', error.retryAfterSeconds)
  if (!(error instanceof TidemarkError) || error.status !== 401) return
  reply.header(
    'www-authenticate',
    request.url.startsWith('/api/v1/') ? 'Bearer realm="tidemark"' : 'Basic realm="mlflow"',
  )
}

/** Who a request speaks for, as the gate found out. */
export function actorOf(request: FastifyRequest): Actor {
  if (!request.actor) throw new Error(`${request.method} ${request.url} is open to everybody and has no actor.`)
  return request.actor
}
