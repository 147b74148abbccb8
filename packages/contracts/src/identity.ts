import { z } from 'zod'
import { endpoint, PERMISSIONS } from './endpoint.ts'
import { Id, Instant, Name } from './values.ts'

const tag = 'identity'

/** What a person or a token may be in a workspace, from least to most. `admin` is of the whole platform. */
export const Role = z.enum(['viewer', 'editor', 'owner', 'admin'])
export type Role = z.infer<typeof Role>

/** Names of people: as in addresses of mail, without the colon that ends a name in HTTP's basic scheme. */
export const PersonName = z.string().regex(/^[\w.@+-]{1,128}$/, 'Use 1–128 letters, digits, ".", "-", "_", "+" or "@".')

export const PASSWORD_LENGTH = 12
export const Password = z
  .string()
  .min(PASSWORD_LENGTH, `A password has at least ${PASSWORD_LENGTH} characters.`)
  .max(256, 'A password has at most 256 characters.')

/** A workspace, or `*` for all of them. */
export const WorkspaceName = z
  .string()
  .regex(
    /^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/,
    'A workspace has 2–63 lower-case letters, digits or inner hyphens.',
  )

export const Member = z
  .object({ person: Id, name: z.string(), workspace: z.string(), role: Role, since: Instant })
  .meta({ id: 'Member' })
export type Member = z.infer<typeof Member>

export const Person = z
  .object({
    id: Id,
    name: z.string(),
    admin: z.boolean(),
    createdAt: Instant,
    memberships: z.array(z.object({ workspace: z.string(), role: Role })),
  })
  .meta({ id: 'Person' })
export type Person = z.infer<typeof Person>

export const ServiceToken = z
  .object({
    id: Id,
    name: z.string(),
    workspace: z.string(),
    role: Role,
    permissions: z.array(z.enum(PERMISSIONS)).nullable().describe('Only these of the role; null: all of them'),
    endpoints: z.array(Name).nullable().describe('Predictions of these endpoints alone; null: of all in its workspace'),
    createdBy: z.string(),
    createdAt: Instant,
    expiresAt: Instant,
    revokedAt: Instant.nullable(),
    lastUsedAt: Instant.nullable(),
    state: z.enum(['active', 'expired', 'revoked']),
  })
  .meta({ id: 'ServiceToken' })
export type ServiceToken = z.infer<typeof ServiceToken>

/** A new token: the only answer that ever holds its secret. */
export const NewServiceToken = z
  .object({ token: z.string(), description: ServiceToken })
  .meta({ id: 'NewServiceToken' })

export const Workspace = z
  .object({ name: z.string(), description: z.string(), createdAt: Instant })
  .meta({ id: 'Workspace' })
export type Workspace = z.infer<typeof Workspace>

export const Session = z
  .object({
    /** False on a platform without login: everybody at this machine is the local person. */
    login: z.boolean(),
    /** Null where login is on and nobody is signed in. */
    who: z
      .object({
        kind: z.enum(['person', 'service', 'system']),
        id: z.string(),
        name: z.string(),
        admin: z.boolean(),
        memberships: z.array(z.object({ workspace: z.string(), role: Role })),
      })
      .nullable(),
    /** Where requests that name no workspace act; null without rights in it. */
    workspace: z.object({ name: z.string(), permissions: z.array(z.enum(PERMISSIONS)) }).nullable(),
  })
  .meta({ id: 'Session' })
export type Session = z.infer<typeof Session>

const days = z.int().min(1).max(366).default(90).describe('Days until it is void')
const PersonId = z.object({ person: Id })

export const identity = {
  session: endpoint({
    method: 'GET',
    path: '/api/v1/session',
    tag,
    summary: 'Who one is here, and where one may act',
    permission: 'everybody',
    reply: Session,
  }),
  signIn: endpoint({
    method: 'POST',
    path: '/api/v1/session',
    tag,
    summary: 'Signs a browser in: sets its session cookie',
    permission: 'everybody',
    body: z.object({ name: z.string().min(1).max(128), password: z.string().min(1).max(256) }),
    reply: z.object({ name: z.string() }),
  }),
  signOut: endpoint({
    method: 'DELETE',
    path: '/api/v1/session',
    tag,
    summary: 'Ends the session of a browser',
    permission: 'signed-in',
    reply: z.null(),
  }),
  changePassword: endpoint({
    method: 'PUT',
    path: '/api/v1/session/password',
    tag,
    summary: "Changes one's own password; every other session ends",
    permission: 'signed-in',
    body: z.object({ current: z.string().max(256), next: Password }),
    reply: z.null(),
  }),
  createOwnToken: endpoint({
    method: 'POST',
    path: '/api/v1/session/tokens',
    tag,
    summary: "A token with one's own role in a workspace, as for a notebook or a terminal",
    permission: 'signed-in',
    status: 201,
    body: z.object({ name: z.string().min(1).max(100), workspace: WorkspaceName.default('default'), days }),
    reply: NewServiceToken,
  }),
  listWorkspaces: endpoint({
    method: 'GET',
    path: '/api/v1/workspaces',
    tag,
    summary: 'The workspaces that one may see',
    permission: 'signed-in',
    reply: z.object({ workspaces: z.array(Workspace) }),
  }),
  createWorkspace: endpoint({
    method: 'POST',
    path: '/api/v1/workspaces',
    tag,
    summary: 'A new workspace, with an experiment "Default" of its own',
    permission: 'workspaces.manage',
    status: 201,
    body: z.object({ name: WorkspaceName, description: z.string().max(2000).default('') }),
    reply: Workspace,
  }),
  listMembers: endpoint({
    method: 'GET',
    path: '/api/v1/members',
    tag,
    summary: 'Who has which role in this workspace',
    permission: 'identity.read',
    reply: z.object({ members: z.array(Member) }),
  }),
  setMember: endpoint({
    method: 'PUT',
    path: '/api/v1/members/:name',
    tag,
    summary: 'Gives a person a role in this workspace, instead of the one before',
    permission: 'identity.manage',
    params: z.object({ name: PersonName }),
    body: z.object({ role: Role.exclude(['admin']) }),
    reply: Member,
  }),
  removeMember: endpoint({
    method: 'DELETE',
    path: '/api/v1/members/:name',
    tag,
    summary: "Takes a person's role in this workspace",
    permission: 'identity.manage',
    params: z.object({ name: PersonName }),
    reply: z.null(),
  }),
  listTokens: endpoint({
    method: 'GET',
    path: '/api/v1/tokens',
    tag,
    summary: 'Service tokens of this workspace, newest first; never their secrets',
    permission: 'identity.read',
    reply: z.object({ tokens: z.array(ServiceToken) }),
  }),
  createToken: endpoint({
    method: 'POST',
    path: '/api/v1/tokens',
    tag,
    summary: 'A service token for this workspace, shown once; nobody gives what they have not',
    permission: 'identity.manage',
    status: 201,
    body: z.object({
      name: z.string().min(1).max(100),
      role: Role,
      permissions: z.array(z.enum(PERMISSIONS)).min(1).optional(),
      endpoints: z
        .array(Name)
        .min(1)
        .max(100)
        .optional()
        .describe(
          'For predictions of these alone; then its only permission is deployments.read, unless others are named',
        ),
      days,
    }),
    reply: NewServiceToken,
  }),
  revokeToken: endpoint({
    method: 'DELETE',
    path: '/api/v1/tokens/:token',
    tag,
    summary: 'Makes a service token void at once',
    permission: 'identity.manage',
    params: z.object({ token: Id }),
    reply: ServiceToken,
  }),
  listPeople: endpoint({
    method: 'GET',
    path: '/api/v1/people',
    tag,
    summary: 'Everybody who may sign in to this platform',
    permission: 'users.read',
    reply: z.object({ people: z.array(Person) }),
  }),
  createPerson: endpoint({
    method: 'POST',
    path: '/api/v1/people',
    tag,
    summary: 'A person who may sign in; without a role in any workspace, unless an admin',
    permission: 'users.manage',
    status: 201,
    body: z.object({ name: PersonName, password: Password, admin: z.boolean().default(false) }),
    reply: Person,
  }),
  setPerson: endpoint({
    method: 'PATCH',
    path: '/api/v1/people/:person',
    tag,
    summary: 'Sets a new password, or makes somebody an admin of the platform or no longer',
    permission: 'users.manage',
    params: PersonId,
    body: z.object({ password: Password.optional(), admin: z.boolean().optional() }),
    reply: Person,
  }),
  removePerson: endpoint({
    method: 'DELETE',
    path: '/api/v1/people/:person',
    tag,
    summary: 'Removes a person with their sessions and roles',
    permission: 'users.manage',
    params: PersonId,
    reply: z.null(),
  }),
} as const
