import { type Permission, type Role, tokenCreated, tokenRevoked, uuidv7 } from '@tidemark/contracts'
import type { Actor, Platform, Tx } from '../platform/index.ts'
import type { Change } from './changes.ts'
import { hashSecret, makeToken } from './credentials/secrets.ts'
import { notGivable, PERMISSIONS_OF } from './decide.ts'
import { NoMember, NotGivable, OnlyPeople, TokenUnknown } from './errors.ts'
import * as store from './store.ts'
import { DEFAULT_WORKSPACE, EVERYWHERE, type Principal, type TokenRow } from './types.ts'
import { isAdmin } from './workspaces/service.ts'

const DAY_MS = 86_400_000
/** Time to make oneself an account with what the first start printed. */
const FIRST_TOKEN_DAYS = 7

/** A token with its secret, which nothing keeps. */
export interface IssuedToken {
  readonly secret: string
  readonly row: TokenRow
}

export type Tokens = ReturnType<typeof createTokens>

/** Service tokens: random, hashed, scoped to a workspace, expiring, revocable. */
export function createTokens(platform: Platform, change: Change) {
  const { db, events, clock } = platform

  async function issue(
    tx: Tx,
    given: {
      name: string
      workspace: string
      role: Role
      permissions: readonly Permission[] | null
      endpoints: readonly string[] | null
      person: string | null
      createdBy: string
      first: boolean
      days: number
    },
  ): Promise<IssuedToken> {
    const secret = makeToken()
    const { days, ...rest } = given
    const expiresAt = new Date(clock.now().getTime() + days * DAY_MS)
    return { secret, row: await store.addToken(tx, { ...rest, id: uuidv7(), hash: hashSecret(secret), expiresAt }) }
  }

  const announce = (tx: Tx, actor: Actor, { row }: IssuedToken) =>
    events.append(tx, actor, tokenCreated, {
      token: row.id,
      name: row.name,
      role: row.role,
      permissions: row.permissions && [...row.permissions],
      expiresAt: row.expiresAt.toISOString(),
    })

  return {
    async list(actor: Actor): Promise<TokenRow[]> {
      actor.require('identity.read')
      const own = await store.tokensOf(db, actor.workspace)
      return actor.may('users.read') ? [...own, ...(await store.tokensOf(db, EVERYWHERE))] : own
    },

    /** Makes a token for the actor's workspace, an admin's for the whole platform; with at most what the actor may do. */
    async create(
      actor: Actor,
      given: {
        name: string
        role: Role
        permissions?: readonly Permission[] | undefined
        endpoints?: readonly string[] | undefined
        days: number
      },
    ): Promise<IssuedToken> {
      actor.require('identity.manage')
      // For predictions alone, unless it is said what else it is for.
      const permissions = given.permissions ?? (given.endpoints ? (['deployments.read'] as const) : null)
      const wanted = permissions ?? PERMISSIONS_OF[given.role]
      const missing = notGivable(new Set(actor.allowed), wanted)
      if (missing.length > 0) throw NotGivable(missing)
      return change(async (tx) => {
        const issued = await issue(tx, {
          name: given.name,
          workspace: given.role === 'admin' ? EVERYWHERE : actor.workspace,
          role: given.role,
          permissions: permissions ? [...permissions] : null,
          endpoints: given.endpoints ? [...given.endpoints] : null,
          person: null,
          createdBy: actor.id,
          first: false,
          days: given.days,
        })
        await announce(tx, actor, issued)
        return issued
      })
    },

    /** A person's own token: in one workspace with the role that they have there. Of admins also for all workspaces. */
    async createOwn(
      principal: Principal,
      actor: Actor,
      given: { name: string; workspace: string; days: number },
    ): Promise<IssuedToken> {
      // A token that lasts for ever by making the next one is what an expiry is against.
      if (principal.kind !== 'person' || principal.id === 'local' || principal.voidAt) throw OnlyPeople()
      const person = principal.id
      const role = roleFor(principal, given.workspace)
      return change(async (tx) => {
        const issued = await issue(tx, {
          ...given,
          role,
          permissions: null,
          endpoints: null,
          person,
          createdBy: person,
          first: false,
        })
        await announce(tx, actor.within(given.workspace === EVERYWHERE ? DEFAULT_WORKSPACE : given.workspace), issued)
        return issued
      })
    },

    async revoke(actor: Actor, id: string): Promise<TokenRow> {
      actor.require('identity.manage')
      const reach = actor.may('users.manage') ? [actor.workspace, EVERYWHERE] : [actor.workspace]
      return change(async (tx) => {
        const row = await store.revokeToken(tx, reach, id)
        if (!row) throw TokenUnknown()
        await events.append(tx, actor, tokenRevoked, { token: row.id, name: row.name })
        return row
      })
    },

    /**
     * The token of a platform that nobody can manage yet: an admin's, for a week. What an earlier start printed and nobody used is void then.
     * @returns null when somebody can
     */
    async first(actor: Actor): Promise<string | null> {
      return change(async (tx) => {
        if (await store.hasAdmin(tx, clock.now())) return null
        await store.revokeUnusedFirstTokens(tx)
        const issued = await issue(tx, {
          name: 'first start',
          workspace: EVERYWHERE,
          role: 'admin',
          permissions: null,
          endpoints: null,
          person: null,
          createdBy: actor.id,
          first: true,
          days: FIRST_TOKEN_DAYS,
        })
        await announce(tx, actor, issued)
        return issued.secret
      })
    },
  }
}

/** The role of a person's own token. @throws NoMember where they have none */
function roleFor(principal: Principal, workspace: string): Role {
  if (workspace === EVERYWHERE) {
    if (!isAdmin(principal)) throw NoMember(workspace)
    return 'admin'
  }
  const role = principal.memberships.find((each) => each.workspace === workspace)?.role
  if (!role && !isAdmin(principal)) throw NoMember(workspace)
  return role ?? 'owner'
}
