import { TidemarkError } from '@tidemark/contracts'
import type { FastifyRequest } from 'fastify'
import { Actor, type Doorkeeper, localPerson, type Platform } from '../platform/index.ts'
import { cookieOf, MARKER, SESSION_COOKIES, WORKSPACE_COOKIE } from './cookies.ts'
import type { Principals } from './credentials/principals.ts'
import { askedByOwnPage, permissionsIn, workspaceNameProblem } from './decide.ts'
import { NoMember, NotAskedByOwnPage, SignInNeeded, WorkspaceUnknown } from './errors.ts'
import { DEFAULT_WORKSPACE, EVERYWHERE, type Principal } from './types.ts'
import type { Workspaces } from './workspaces/service.ts'

/** The person at a platform without login. */
const LOCAL: Principal = {
  kind: 'person',
  id: 'local',
  name: 'local',
  memberships: [{ workspace: EVERYWHERE, role: 'admin' }],
  only: null,
  home: DEFAULT_WORKSPACE,
  voidAt: null,
}
const LOCAL_ACTOR = localPerson()

/** Finds out whom requests speak for, and where. */
export class Door implements Doorkeeper {
  private readonly principals: Principals
  private readonly workspaces: Workspaces
  private readonly login: boolean
  private readonly actors = new WeakMap<Principal, Map<string, Actor>>()

  constructor(platform: Platform, principals: Principals, workspaces: Workspaces) {
    this.principals = principals
    this.workspaces = workspaces
    this.login = platform.config.login
  }

  actorOf(request: FastifyRequest): Actor | Promise<Actor> {
    const { headers } = request
    const { authorization } = headers
    const named = workspaceHeader(request)
    // Without login and without a word this is all: nothing is looked up.
    if (!this.login && authorization === undefined && named === undefined && headers.cookie === undefined)
      return LOCAL_ACTOR
    const principal = this.principalOf(request)
    return principal instanceof Promise
      ? principal.then((found) => this.within(request, found, named))
      : this.within(request, principal, named)
  }

  async signedIn(request: FastifyRequest): Promise<Actor> {
    const principal = await this.principalOf(request)
    return this.actor(principal, principal.home)
  }

  /** Whose credentials a request shows. @throws when there are none, they do not hold, or another site's page used them. */
  principalOf(request: FastifyRequest): Principal | Promise<Principal> {
    const { authorization } = request.headers
    if (authorization !== undefined) return this.principals.ofHeader(authorization, request.ip)
    return this.login ? this.ofBrowser(request) : LOCAL
  }

  private async ofBrowser(request: FastifyRequest): Promise<Principal> {
    const session = cookieOf(request, ...SESSION_COOKIES)
    const principal = session === undefined ? null : await this.principals.ofSession(session)
    if (!principal) throw SignInNeeded()
    const { host = '', origin } = request.headers
    const header = (name: string) => [request.headers[name]].flat()[0]
    const own = askedByOwnPage({
      method: request.method,
      host,
      origin,
      fetchSite: header('sec-fetch-site'),
      marker: header(MARKER),
    })
    if (!own) throw NotAskedByOwnPage()
    return principal
  }

  private within(request: FastifyRequest, principal: Principal, named: string | undefined): Actor | Promise<Actor> {
    const workspace = named ?? cookieOf(request, WORKSPACE_COOKIE) ?? principal.home
    const known = this.workspaces.exists(workspace)
    return known instanceof Promise
      ? known.then((exists) => this.checked(principal, workspace, exists))
      : this.checked(principal, workspace, known)
  }

  private checked(principal: Principal, workspace: string, exists: boolean): Actor {
    const everywhere = principal.memberships.some((each) => each.workspace === EVERYWHERE)
    // Which workspaces there are is no stranger's business: not theirs and not there are one answer.
    if (!everywhere && !principal.memberships.some((each) => each.workspace === workspace)) throw NoMember(workspace)
    if (!exists) {
      const problem = workspaceNameProblem(workspace)
      throw problem ? new TidemarkError('INVALID_REQUEST', 400, problem) : WorkspaceUnknown(workspace)
    }
    return this.actor(principal, workspace)
  }

  /** The actor of a principal in a workspace, with whatever rights it has there. */
  actor(principal: Principal, workspace: string): Actor {
    const known = this.actors.get(principal) ?? new Map<string, Actor>()
    this.actors.set(principal, known)
    const found = known.get(workspace)
    if (found) return found
    const permissions = permissionsIn(workspace, principal.memberships, principal.only)
    const actor = new Actor({ kind: principal.kind, id: principal.id, workspace, permissions })
    known.set(workspace, actor)
    return actor
  }
}

/** The workspace that a request names: by the own API's header or by that of MLflow's client. Empty counts as not named. */
function workspaceHeader({ headers }: FastifyRequest): string | undefined {
  const [own] = [headers['x-tidemark-workspace'] ?? headers['x-mlflow-workspace']].flat()
  return own?.trim() || undefined
}
