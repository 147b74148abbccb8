import { PERMISSIONS, type Permission, type Role } from '@tidemark/contracts'
import { EVERYWHERE, type Membership } from './types.ts'

// What only looks. Members and tokens are for those who manage them.
const READS = PERMISSIONS.filter((permission) => /^(?!identity|users).*\.read$/.test(permission))
// What a colleague does all day. Not what decides for others: approvals, waivers, deletion, members.
const WRITES = PERMISSIONS.filter((permission) => permission.endsWith('.write'))

/** What each role may do in its workspace; each has all of the one before. */
export const PERMISSIONS_OF: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: READS,
  editor: [...READS, ...WRITES],
  owner: PERMISSIONS.filter((permission) => !/^(users|workspaces)\.|^platform\.(?!read)/.test(permission)),
  admin: PERMISSIONS,
}

/** What somebody with these memberships may do in a workspace, at most `only`. */
export function permissionsIn(
  workspace: string,
  memberships: readonly Membership[],
  only: ReadonlySet<Permission> | null = null,
): ReadonlySet<Permission> {
  const roles = memberships.filter((each) => each.workspace === workspace || each.workspace === EVERYWHERE)
  const all = roles.flatMap(({ role }) => PERMISSIONS_OF[role])
  return new Set(only ? all.filter((permission) => only.has(permission)) : all)
}

/** The permissions among `wanted` that the giver lacks: nobody gives what they have not. */
export function notGivable(giver: ReadonlySet<Permission>, wanted: Iterable<Permission>): Permission[] {
  return [...wanted].filter((permission) => !giver.has(permission))
}

/** Failures that cost nothing but themselves: people mistype. An address may stand for a whole office. */
const FREE = { user: 5, address: 20 } as const
const LONGEST_WAIT_SECONDS = 900

/** How long after the last of `failures` failed logins in a row the next try is looked at, in seconds: 1, 2, 4 … 900 after the free ones. */
export function waitSeconds(of: keyof typeof FREE, failures: number): number {
  const beyond = failures - FREE[of]
  return beyond < 0 ? 0 : Math.min(LONGEST_WAIT_SECONDS, 2 ** Math.min(beyond, 20))
}

interface BrowserRequest {
  readonly method: string
  readonly host: string
  readonly origin: string | undefined
  readonly fetchSite: string | undefined
  readonly marker: string | undefined
}

/**
 * Whether a request that a browser signed by itself (a cookie) was asked for by a page of this server. What changes something must say so twice:
 * by its origin, which no page can forge, and by a header that no form can send.
 */
export function askedByOwnPage({ method, host, origin, fetchSite, marker }: BrowserRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return true
  const own =
    origin === undefined ? fetchSite === 'same-origin' : origin === `http://${host}` || origin === `https://${host}`
  return own && marker !== undefined
}

/** Hours without a request after which a session ends; and days after which it ends anyway. */
const IDLE_MS = 12 * 3_600_000
const LONGEST_MS = 30 * 24 * 3_600_000

export function sessionIsOver(session: { readonly createdAt: Date; readonly seenAt: Date }, now: Date): boolean {
  return (
    now.getTime() - session.seenAt.getTime() >= IDLE_MS || now.getTime() - session.createdAt.getTime() >= LONGEST_MS
  )
}

/** What is wrong with a workspace's name, in MLflow's words; null for a good one. */
export function workspaceNameProblem(name: string): string | null {
  if (name.length < 2 || name.length > 63) return `Workspace name '${name}' must be between 2 and 63 characters.`
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return `Workspace name '${name}' must match the pattern ^[a-z0-9]([-a-z0-9]*[a-z0-9])?$ (lowercase alphanumeric with optional internal hyphens).`
  }
  return RESERVED.has(name) ? `Workspace name '${name}' is reserved and cannot be used.` : null
}

const RESERVED = new Set(['workspaces', 'api', 'ajax-api', 'static-files'])
