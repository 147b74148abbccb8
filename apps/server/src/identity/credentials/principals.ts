import { randomBytes } from 'node:crypto'
import type { Permission } from '@tidemark/contracts'
import type { Platform } from '../../platform/index.ts'
import { sessionIsOver } from '../decide.ts'
import { SignInRefused, TokenRefused, tooManyFailures } from '../errors.ts'
import * as store from '../store.ts'
import { DEFAULT_WORKSPACE, type PersonRow, type Principal, type TokenRow } from '../types.ts'
import { FreshMap } from './freshMap.ts'
import { LoginLimits } from './limits.ts'
import { isPassword } from './passwords.ts'
import type { RunTokens } from './runToken.ts'
import { hashSecret, keyedDigest, looksLikeToken } from './secrets.ts'

/** What the worker of a pipeline run may do: track, log models, register versions, read data. Nothing that decides what is served. */
const WORKER_PERMISSIONS: ReadonlySet<Permission> = new Set([
  'data.read',
  'experiments.read',
  'experiments.write',
  'registry.read',
  'registry.write',
])

/** How long a row of the database is believed; a change of it, by whatever process, is heard of at once. */
const BELIEVED_MS = 30_000
/** How long a password that was right need not be stretched again. */
const VERIFIED_MS = 300_000

interface Verified {
  readonly person: string
  /** The stored hash that it was right against: another one, and it must be shown again. */
  readonly passwordHash: string
}

/** Whom credentials stand for. What was found is kept for a while, so that a request costs one hash and a look into a map. */
export class Principals {
  private readonly platform: Platform
  private readonly runTokens: RunTokens
  private readonly limits: LoginLimits
  // Of this process alone: the keys of the map of passwords cannot be tried out by who reads them.
  private readonly digest = keyedDigest(randomBytes(32))
  private readonly people: FreshMap<{ row: PersonRow; principal: Principal }>
  private readonly tokens: FreshMap<Principal>
  private readonly sessions: FreshMap<string>
  private readonly verified: FreshMap<Verified>
  private readonly verifying = new Map<string, Promise<Verified>>()

  constructor(platform: Platform, runTokens: RunTokens) {
    this.platform = platform
    this.runTokens = runTokens
    const { clock } = platform
    this.limits = new LoginLimits(clock)
    this.people = new FreshMap(clock, BELIEVED_MS)
    this.tokens = new FreshMap(clock, BELIEVED_MS)
    this.sessions = new FreshMap(clock, BELIEVED_MS)
    this.verified = new FreshMap(clock, VERIFIED_MS)
    platform.live.listen(CHANNEL, () => this.forget())
  }

  /** Believes nothing any more that the database may have changed. */
  forget(): void {
    this.people.clear()
    this.tokens.clear()
    this.sessions.clear()
  }

  /**
   * Whom an `Authorization` header stands for: a run token, a service token (also as the password of the basic scheme), or name and password.
   * @throws TokenRefused, SignInRefused, TooManyFailures: a wrong one never falls back to more rights
   */
  ofHeader(header: string, address: string): Principal | Promise<Principal> {
    const bearer = /^Bearer +(\S+)$/i.exec(header)?.[1]
    if (bearer !== undefined) return this.ofBearer(bearer)
    const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header)?.[1]
    if (basic === undefined) throw TokenRefused()
    const digest = this.digest(basic)
    const known = this.verified.get(digest)
    const person = known && this.people.get(known.person)
    if (person && person.row.passwordHash === known.passwordHash) return person.principal
    const [name, password] = split(Buffer.from(basic, 'base64').toString('utf8'))
    if (looksLikeToken(password)) return this.ofToken(password)
    return this.ofPassword(name, password, address)
  }

  private ofBearer(bearer: string): Principal | Promise<Principal> {
    if (looksLikeToken(bearer)) return this.ofToken(bearer)
    const claims = this.runTokens.read(bearer)
    if (!claims) throw TokenRefused()
    return {
      kind: 'service',
      id: `pipeline-run:${claims.run}`,
      name: `pipeline run ${claims.run}`,
      memberships: [{ workspace: claims.workspace, role: 'editor' }],
      only: WORKER_PERMISSIONS,
      home: claims.workspace,
      voidAt: null,
    }
  }

  private ofToken(token: string): Principal | Promise<Principal> {
    const hash = hashSecret(token)
    const key = hash.toString('base64')
    const known = this.tokens.get(key)
    if (!known) return this.findToken(hash, key)
    if (known.voidAt && known.voidAt <= this.platform.clock.now()) throw TokenRefused()
    return known
  }

  private async findToken(hash: Buffer, key: string): Promise<Principal> {
    const { db, clock } = this.platform
    const keep = this.tokens.keeper(key)
    const now = clock.now()
    const row = await store.tokenByHash(db, hash)
    if (!row || row.revokedAt || row.expiresAt <= now) throw TokenRefused()
    const principal = row.person === null ? ofServiceToken(row) : ofOwnToken(row, (await this.person(row.person)).row)
    await store.noteTokenUse(db, row.id, now)
    keep(principal)
    return principal
  }

  /** Whom a browser's session stands for; null when it is over. */
  async ofSession(id: string): Promise<Principal | null> {
    const { db, clock } = this.platform
    const hash = hashSecret(id)
    const key = hash.toString('base64')
    const known = this.sessions.get(key)
    if (known !== undefined) return (await this.person(known)).principal
    const keep = this.sessions.keeper(key)
    const found = await store.sessionByHash(db, hash)
    if (!found || sessionIsOver(found, clock.now())) return null
    await store.noteSessionUse(db, hash, clock.now())
    keep(found.person)
    return (await this.person(found.person)).principal
  }

  /** Whom a name and its password stand for. @throws SignInRefused, TooManyFailures */
  async ofPassword(name: string, password: string, address: string): Promise<Principal> {
    const digest = this.digest(Buffer.from(`${name}:${password}`).toString('base64'))
    const known = this.verified.get(digest)
    if (known) {
      const { row, principal } = await this.person(known.person)
      if (row.passwordHash === known.passwordHash) return principal
    }
    // Many requests of one client at its start stretch its password once.
    let verifying = this.verifying.get(digest)
    if (!verifying) {
      verifying = this.verify(name, password, address).finally(() => this.verifying.delete(digest))
      this.verifying.set(digest, verifying)
    }
    const verified = await verifying
    this.verified.keeper(digest)(verified)
    return (await this.person(verified.person)).principal
  }

  private async verify(name: string, password: string, address: string): Promise<Verified> {
    const seconds = this.limits.wait(name, address)
    if (seconds > 0) throw tooManyFailures(seconds)
    this.limits.tried(name, address)
    const row = await store.personByName(this.platform.db, name.slice(0, 256))
    if (!(await isPassword(password.slice(0, 256), row?.passwordHash)) || !row) throw SignInRefused()
    this.limits.succeeded(name, address)
    return { person: row.id, passwordHash: row.passwordHash }
  }

  private async person(id: string): Promise<{ row: PersonRow; principal: Principal }> {
    const known = this.people.get(id)
    if (known) return known
    const keep = this.people.keeper(id)
    const row = await store.personById(this.platform.db, id)
    if (!row) throw SignInRefused()
    const found = { row, principal: ofPerson(row) }
    keep(found)
    return found
  }
}

/** Told in the transaction of every change of people, roles, tokens, sessions or workspaces. */
export const CHANNEL = 'tidemark_identity'

/** Name and password of the basic scheme: the first colon parts them (RFC 7617). */
function split(text: string): [name: string, password: string] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)]
}

function ofPerson({ id, name, memberships }: PersonRow): Principal {
  return { kind: 'person', id, name, memberships, only: null, home: DEFAULT_WORKSPACE, voidAt: null }
}

function ofServiceToken(token: TokenRow): Principal {
  return {
    kind: 'service',
    id: `token:${token.id}`,
    name: token.name,
    memberships: [{ workspace: token.workspace, role: token.role }],
    only: token.permissions && new Set(token.permissions),
    home: homeOf(token),
    voidAt: token.expiresAt,
  }
}

/** A person's own token has the role that the person has now, in the token's workspace alone. */
function ofOwnToken(token: TokenRow, person: PersonRow): Principal {
  const theirs = person.memberships.filter((each) => each.workspace === token.workspace || each.role === 'admin')
  return {
    kind: 'person',
    id: person.id,
    name: person.name,
    memberships: theirs.map(({ role }) => ({
      workspace: token.workspace,
      // Over one workspace an admin's token is an owner's: the whole platform is in the token for all of them.
      role: role === 'admin' && token.role !== 'admin' ? ('owner' as const) : role,
    })),
    only: null,
    home: homeOf(token),
    voidAt: token.expiresAt,
  }
}

const homeOf = ({ workspace }: TokenRow) => (workspace === '*' ? DEFAULT_WORKSPACE : workspace)
