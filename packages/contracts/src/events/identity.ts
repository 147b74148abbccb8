import { z } from 'zod'
import { Id, Instant } from '../values.ts'
import { defineEvent } from './define.ts'

const RoleName = z.enum(['viewer', 'editor', 'owner', 'admin'])
export const personAdded = defineEvent(
  'identity.person_added',
  z.object({ person: Id, admin: z.boolean() }),
  (p) => `person:${p.person}`,
  (p) => `A person was added${p.admin ? ' as an admin of the platform' : ''}`,
)
export const personChanged = defineEvent(
  'identity.person_changed',
  z.object({ person: Id, changed: z.array(z.enum(['password', 'made admin', 'no longer admin'])) }),
  (p) => `person:${p.person}`,
  (p) => `A person was changed: ${p.changed.join(', ')}`,
)
export const personRemoved = defineEvent(
  'identity.person_removed',
  z.object({ person: Id }),
  (p) => `person:${p.person}`,
  () => 'A person was removed, with their sessions and roles',
)
export const memberSet = defineEvent(
  'identity.member_set',
  z.object({ person: Id, role: RoleName, previousRole: RoleName.nullable() }),
  (p) => `person:${p.person}`,
  (p) => `A person is ${p.role} of this workspace${p.previousRole ? `, before ${p.previousRole}` : ''}`,
)
export const memberRemoved = defineEvent(
  'identity.member_removed',
  z.object({ person: Id, previousRole: RoleName }),
  (p) => `person:${p.person}`,
  (p) => `A person is no longer ${p.previousRole} of this workspace`,
)
export const tokenCreated = defineEvent(
  'identity.token_created',
  z.object({
    token: Id,
    name: z.string(),
    role: RoleName,
    permissions: z.array(z.string()).nullable(),
    expiresAt: Instant,
  }),
  (p) => `token:${p.token}`,
  (p) =>
    `Token "${p.name}" created: ${p.role}${p.permissions ? `, only ${p.permissions.join(', ')}` : ''}, until ${p.expiresAt.slice(0, 10)}`,
)
export const tokenRevoked = defineEvent(
  'identity.token_revoked',
  z.object({ token: Id, name: z.string() }),
  (p) => `token:${p.token}`,
  (p) => `Token "${p.name}" revoked`,
)
export const workspaceCreated = defineEvent(
  'identity.workspace_created',
  z.object({ workspace: z.string() }),
  (p) => `workspace:${p.workspace}`,
  (p) => `Workspace ${p.workspace} created`,
)
export const workspaceChanged = defineEvent(
  'identity.workspace_changed',
  z.object({ workspace: z.string() }),
  (p) => `workspace:${p.workspace}`,
  (p) => `The description of workspace ${p.workspace} changed`,
)
export const workspaceDeleted = defineEvent(
  'identity.workspace_deleted',
  z.object({ workspace: z.string() }),
  (p) => `workspace:${p.workspace}`,
  (p) => `Workspace ${p.workspace} deleted; it was empty`,
)

/** People by their ids alone, tokens without their secrets. */
export const IDENTITY_EVENTS = [
  personAdded,
  personChanged,
  personRemoved,
  memberSet,
  memberRemoved,
  tokenCreated,
  tokenRevoked,
  workspaceCreated,
  workspaceChanged,
  workspaceDeleted,
] as const
