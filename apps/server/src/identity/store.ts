import type { Permission, Role } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import { EVERYWHERE, type Membership, type PersonRow, type TokenRow } from './types.ts'

interface PersonRecord {
  id: string
  number: number
  name: string
  password_hash: string
  created_at: Date
  memberships: Membership[]
}

const PERSON = sql.raw(`p.id, p.number, p.name, p.password_hash, p.created_at,
  (select coalesce(json_agg(json_build_object('workspace', m.workspace, 'role', m.role) order by m.workspace), '[]')
   from membership m where m.person = p.id) as memberships`)

function personOf(row: PersonRecord): PersonRow {
  return {
    id: row.id,
    number: row.number,
    name: row.name,
    passwordHash: row.password_hash,
    createdAt: row.created_at,
    memberships: row.memberships,
  }
}

export async function personByName(db: Queryable, name: string): Promise<PersonRow | null> {
  const { rows } = await sql<PersonRecord>`select ${PERSON} from person p where p.name = ${name}`.execute(db)
  return rows[0] ? personOf(rows[0]) : null
}

export async function personById(db: Queryable, id: string): Promise<PersonRow | null> {
  const { rows } = await sql<PersonRecord>`select ${PERSON} from person p where p.id = ${id}`.execute(db)
  return rows[0] ? personOf(rows[0]) : null
}

export async function allPeople(db: Queryable): Promise<PersonRow[]> {
  const { rows } = await sql<PersonRecord>`select ${PERSON} from person p order by p.name`.execute(db)
  return rows.map(personOf)
}

/** False when somebody has the name. */
export async function addPerson(tx: Tx, person: { id: string; name: string; passwordHash: string }): Promise<boolean> {
  const { rows } = await sql`
    insert into person (id, name, password_hash) values (${person.id}, ${person.name}, ${person.passwordHash})
    on conflict (name) do nothing returning id`.execute(tx)
  return rows.length === 1
}

export async function setPassword(tx: Tx, person: string, passwordHash: string): Promise<void> {
  await sql`update person set password_hash = ${passwordHash} where id = ${person}`.execute(tx)
}

export async function removePerson(tx: Tx, person: string): Promise<void> {
  await sql`delete from person where id = ${person}`.execute(tx)
}

/** How many people are admins of the platform, with their rows locked against each other's removal. */
export async function lockAdmins(tx: Tx): Promise<number> {
  const { rows } = await sql`select person from membership where workspace = ${EVERYWHERE} for update`.execute(tx)
  return rows.length
}

export async function setMembership(tx: Tx, person: string, workspace: string, role: Role): Promise<void> {
  await sql`
    insert into membership (person, workspace, role) values (${person}, ${workspace}, ${role})
    on conflict (person, workspace) do update set role = excluded.role, since = now()`.execute(tx)
}

/** @returns the role that ended; null when there was none. */
export async function removeMembership(tx: Tx, person: string, workspace: string): Promise<Role | null> {
  const { rows } = await sql<{ role: Role }>`
    delete from membership where person = ${person} and workspace = ${workspace} returning role`.execute(tx)
  return rows[0]?.role ?? null
}

export interface MemberRow {
  readonly person: string
  readonly name: string
  readonly workspace: string
  readonly role: Role
  readonly since: Date
}

/** Members of a workspace, and the admins, who are members of all. */
export async function membersOf(db: Queryable, workspace: string): Promise<MemberRow[]> {
  const { rows } = await sql<MemberRow>`
    select m.person, p.name, m.workspace, m.role, m.since from membership m join person p on p.id = m.person
    where m.workspace in (${workspace}, ${EVERYWHERE}) order by p.name, m.workspace`.execute(db)
  return rows
}

interface TokenRecord {
  id: string
  name: string
  workspace: string
  role: Role
  permissions: Permission[] | null
  endpoints: string[] | null
  person: string | null
  created_by: string
  first: boolean
  created_at: Date
  expires_at: Date
  revoked_at: Date | null
  last_used_at: Date | null
}

const TOKEN = sql.raw(
  'id, name, workspace, role, permissions, endpoints, person, created_by, first, created_at, expires_at, revoked_at, last_used_at',
)

function tokenOf(row: TokenRecord): TokenRow {
  return {
    id: row.id,
    name: row.name,
    workspace: row.workspace,
    role: row.role,
    permissions: row.permissions,
    endpoints: row.endpoints,
    person: row.person,
    createdBy: row.created_by,
    first: row.first,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}

export async function addToken(
  tx: Tx,
  token: Omit<TokenRow, 'createdAt' | 'revokedAt' | 'lastUsedAt'> & { hash: Buffer },
): Promise<TokenRow> {
  const { rows } = await sql<TokenRecord>`
    insert into service_token (id, hash, name, workspace, role, permissions, endpoints, person, created_by, first, expires_at)
    values (${token.id}, ${token.hash}, ${token.name}, ${token.workspace}, ${token.role}, ${token.permissions}::text[], ${token.endpoints}::text[], ${token.person},
      ${token.createdBy}, ${token.first}, ${token.expiresAt})
    returning ${TOKEN}`.execute(tx)
  const [row] = rows
  if (!row) throw new Error('PostgreSQL gave back no row of an insert.')
  return tokenOf(row)
}

export async function tokenByHash(db: Queryable, hash: Buffer): Promise<TokenRow | null> {
  const { rows } = await sql<TokenRecord>`select ${TOKEN} from service_token where hash = ${hash}`.execute(db)
  return rows[0] ? tokenOf(rows[0]) : null
}

export async function tokensOf(db: Queryable, workspace: string): Promise<TokenRow[]> {
  const { rows } = await sql<TokenRecord>`
    select ${TOKEN} from service_token where workspace = ${workspace} order by created_at desc limit 1000`.execute(db)
  return rows.map(tokenOf)
}

/** Makes a token of these workspaces void; null when there is none. One that is void already stays as it was. */
export async function revokeToken(tx: Tx, workspaces: readonly string[], id: string): Promise<TokenRow | null> {
  const { rows } = await sql<TokenRecord>`
    update service_token set revoked_at = coalesce(revoked_at, now()) where id = ${id} and workspace = any (${workspaces}::text[])
    returning ${TOKEN}`.execute(tx)
  return rows[0] ? tokenOf(rows[0]) : null
}

/** Tokens that hold and may ask for predictions, for gateways to know them by: those that may see endpoints, of people only where these are members. */
export async function askingTokens(db: Queryable, now: Date): Promise<AskingToken[]> {
  const { rows } = await sql<AskingToken>`
    select encode(t.hash, 'hex') as hash, t.workspace, t.endpoints, t.expires_at as "expiresAt" from service_token t
    where t.revoked_at is null and t.expires_at > ${now} and (t.permissions is null or 'deployments.read' = any (t.permissions))
      and (t.person is null or exists (
        select 1 from membership m where m.person = t.person and m.workspace in (t.workspace, ${EVERYWHERE})))
    order by t.id`.execute(db)
  return rows
}

/** A token as gateways know it: never its secret. */
export interface AskingToken {
  /** SHA-256 of the secret, hex. */
  readonly hash: string
  readonly workspace: string
  readonly endpoints: readonly string[] | null
  readonly expiresAt: Date
}

export async function noteTokenUse(db: Queryable, id: string, at: Date): Promise<void> {
  await sql`update service_token set last_used_at = ${at} where id = ${id}`.execute(db)
}

/** Whether somebody can manage the platform: an admin, or a token of one that holds and, when the first start printed it, was ever used. */
export async function hasAdmin(db: Queryable, now: Date): Promise<boolean> {
  const { rows } = await sql`
    select 1 from membership where workspace = ${EVERYWHERE}
    union all
    select 1 from service_token where workspace = ${EVERYWHERE} and revoked_at is null and expires_at > ${now} and permissions is null
      and (not first or last_used_at is not null)
    limit 1`.execute(db)
  return rows.length > 0
}

/** Makes void what earlier starts printed and nobody used. */
export async function revokeUnusedFirstTokens(tx: Tx): Promise<void> {
  await sql`update service_token set revoked_at = now() where first and last_used_at is null and revoked_at is null`.execute(
    tx,
  )
}

export interface SessionRow {
  readonly person: string
  readonly createdAt: Date
  readonly seenAt: Date
}

export async function addSession(tx: Queryable, hash: Buffer, person: string, at: Date): Promise<void> {
  await sql`insert into person_session (hash, person, created_at, seen_at) values (${hash}, ${person}, ${at}, ${at})`.execute(
    tx,
  )
}

export async function sessionByHash(db: Queryable, hash: Buffer): Promise<SessionRow | null> {
  const { rows } = await sql<SessionRow>`
    select person, created_at as "createdAt", seen_at as "seenAt" from person_session where hash = ${hash}`.execute(db)
  return rows[0] ?? null
}

export async function noteSessionUse(db: Queryable, hash: Buffer, at: Date): Promise<void> {
  await sql`update person_session set seen_at = ${at} where hash = ${hash}`.execute(db)
}

export async function removeSession(db: Queryable, hash: Buffer): Promise<void> {
  await sql`delete from person_session where hash = ${hash}`.execute(db)
}

/** Ends a person's sessions, except one. */
export async function removeSessionsOf(tx: Queryable, person: string, except: Buffer | null): Promise<void> {
  await sql`delete from person_session where person = ${person} and hash is distinct from ${except}`.execute(tx)
}

/** Forgets sessions that nobody used since then: they are over. */
export async function removeOldSessions(db: Queryable, before: Date): Promise<void> {
  await sql`delete from person_session where seen_at < ${before}`.execute(db)
}
