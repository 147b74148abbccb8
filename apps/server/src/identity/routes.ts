import { identity as contract, TidemarkError } from '@tidemark/contracts'
import type { FastifyRequest } from 'fastify'
import { challenge, type HttpServer, mount, mountOpen, type Platform } from '../platform/index.ts'
import { cookieOf, MARKER, noSessionCookies, SESSION_COOKIES, sessionCookie } from './cookies.ts'
import { hashSecret } from './credentials/secrets.ts'
import { askedByOwnPage, workspaceNameProblem } from './decide.ts'
import type { Door } from './door.ts'
import { NoMember, NotAskedByOwnPage } from './errors.ts'
import type { People } from './people.ts'
import type { Sessions } from './sessions.ts'
import type { MemberRow } from './store.ts'
import type { IssuedToken, Tokens } from './tokens.ts'
import { EVERYWHERE, type PersonRow, type Principal, type TokenRow } from './types.ts'
import { isAdmin, type Workspaces } from './workspaces/service.ts'
import type { WorkspaceRow } from './workspaces/store.ts'

export interface Parts {
  readonly door: Door
  readonly people: People
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly workspaces: Workspaces
}

/** The own API of people, members, tokens, sessions and workspaces. */
export function identityApi(app: HttpServer, platform: Platform, parts: Parts): void {
  const { door, people, tokens, sessions, workspaces } = parts
  const { login } = platform.config
  const now = () => platform.clock.now()

  mountOpen(app, contract.session, async (_input, { request }) => {
    const principal = await optional(door, request)
    if (!principal) return { login, who: null, workspace: null }
    const actor = await Promise.resolve(door.actorOf(request)).catch(onlyUnknownPlace)
    return { login, who: whoOf(principal), workspace: actor && { name: actor.workspace, permissions: actor.allowed } }
  })
  mountOpen(app, contract.signIn, async ({ body }, { request, reply }) => {
    if (!ofOwnPage(request)) throw NotAskedByOwnPage()
    try {
      const { id, principal } = await sessions.open(body, request.ip)
      reply.header('set-cookie', sessionCookie(id, request.headers.origin?.startsWith('https://') === true))
      return { name: principal.name }
    } catch (error) {
      challenge(request, reply, error)
      throw error
    }
  })
  mount(app, contract.signOut, async (_input, { request, reply }) => {
    const id = cookieOf(request, ...SESSION_COOKIES)
    if (id !== undefined) await sessions.close(id)
    reply.header('set-cookie', noSessionCookies())
    return null
  })
  mount(app, contract.changePassword, async ({ body }, { actor, request }) => {
    const session = cookieOf(request, ...SESSION_COOKIES)
    const principal = await door.principalOf(request)
    await people.changeOwn(principal, actor, body, {
      session: session === undefined ? null : hashSecret(session),
      address: request.ip,
    })
    return null
  })
  mount(app, contract.createOwnToken, async ({ body }, { actor, request }) =>
    newTokenOf(await tokens.createOwn(await door.principalOf(request), actor, body), now()),
  )

  mount(app, contract.listWorkspaces, async (_input, { request }) => ({
    workspaces: (await workspaces.list(await door.principalOf(request))).map(workspaceOf),
  }))
  mount(app, contract.createWorkspace, async ({ body }, { actor }) => {
    const problem = workspaceNameProblem(body.name)
    if (problem) throw new TidemarkError('INVALID_REQUEST', 400, problem)
    return workspaceOf(await workspaces.create(actor, body.name, body.description))
  })

  mount(app, contract.listMembers, async (_input, { actor }) => ({
    members: (await people.members(actor)).map(memberOf),
  }))
  mount(app, contract.setMember, async ({ params, body }, { actor }) =>
    memberOf(await people.setMember(actor, params.name, body.role)),
  )
  mount(app, contract.removeMember, async ({ params }, { actor }) => {
    await people.removeMember(actor, params.name)
    return null
  })

  mount(app, contract.listTokens, async (_input, { actor }) => ({
    tokens: (await tokens.list(actor)).map((row) => tokenOf(row, now())),
  }))
  mount(app, contract.createToken, async ({ body }, { actor }) => newTokenOf(await tokens.create(actor, body), now()))
  mount(app, contract.revokeToken, async ({ params }, { actor }) =>
    tokenOf(await tokens.revoke(actor, params.token), now()),
  )

  mount(app, contract.listPeople, async (_input, { actor }) => ({ people: (await people.list(actor)).map(personOf) }))
  mount(app, contract.createPerson, async ({ body }, { actor }) => personOf(await people.add(actor, body)))
  mount(app, contract.setPerson, async ({ params, body }, { actor }) =>
    personOf(await people.set(actor, params.person, body)),
  )
  mount(app, contract.removePerson, async ({ params }, { actor }) => {
    await people.remove(actor, params.person)
    return null
  })
}

/** Who asks, when credentials hold; null without any, or with a session that is over. */
async function optional(door: Door, request: FastifyRequest): Promise<Principal | null> {
  try {
    return await door.principalOf(request)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'SIGN_IN_NEEDED') return null
    throw error
  }
}

/** A workspace without rights, or one that is gone, is an answer here: the page then asks in another. */
function onlyUnknownPlace(error: unknown): null {
  if (error instanceof TidemarkError && (error.code === NoMember.code || error.code === 'WORKSPACE_UNKNOWN'))
    return null
  throw error
}

/** A login is asked by a page of this server too: another site must not sign somebody in as its own user. */
function ofOwnPage({ method, headers }: FastifyRequest): boolean {
  const { host = '', origin } = headers
  const [fetchSite] = [headers['sec-fetch-site']].flat()
  const [marker] = [headers[MARKER]].flat()
  return askedByOwnPage({ method, host, origin, fetchSite, marker })
}

const whoOf = (principal: Principal) => ({
  kind: principal.kind,
  id: principal.id,
  name: principal.name,
  admin: isAdmin(principal),
  memberships: principal.memberships.map(({ workspace, role }) => ({ workspace, role })),
})

const workspaceOf = ({ name, description, createdAt }: WorkspaceRow) => ({
  name,
  description,
  createdAt: createdAt.toISOString(),
})

const memberOf = ({ since, ...row }: MemberRow) => ({ ...row, since: since.toISOString() })

const personOf = ({ id, name, createdAt, memberships }: PersonRow) => ({
  id,
  name,
  admin: memberships.some(({ workspace }) => workspace === EVERYWHERE),
  createdAt: createdAt.toISOString(),
  memberships: memberships.map(({ workspace, role }) => ({ workspace, role })),
})

function tokenOf(row: TokenRow, now: Date) {
  return {
    id: row.id,
    name: row.name,
    workspace: row.workspace,
    role: row.role,
    permissions: row.permissions && [...row.permissions],
    endpoints: row.endpoints && [...row.endpoints],
    createdBy: row.createdBy,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    revokedAt: row.revokedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    state: row.revokedAt ? ('revoked' as const) : row.expiresAt <= now ? ('expired' as const) : ('active' as const),
  }
}

const newTokenOf = ({ secret, row }: IssuedToken, now: Date) => ({ token: secret, description: tokenOf(row, now) })
