import { PASSWORD_LENGTH, PersonName, TidemarkError } from '@tidemark/contracts'
import { exists, invalid, MlflowError, missing, requests } from '@tidemark/mlflow-protocol'
import type { FastifyInstance } from 'fastify'
import { type MlflowCall, type MlflowRoutes, mountMlflow } from '../experiments/index.ts'
import type { Actor } from '../platform/index.ts'
import type { Door } from './door.ts'
import type { People } from './people.ts'
import { EVERYWHERE, type PersonRow } from './types.ts'
import { isAdmin } from './workspaces/service.ts'

/** The users of MLflow's login extension, over the people of this platform. Roles of one's own and rights on single things are not here. */
export function userRoutes(scope: FastifyInstance, people: People, door: Door): void {
  const read: MlflowRoutes = {
    'GET users/list': async ({ actor }) => ({
      users: (await people.list(actor)).map((person) => ({ ...wire(person), roles: [] })),
    }),
    'GET users/get': async (call) => ({ user: wire(await named(people, call.actor, call)) }),
  }
  const manage: MlflowRoutes = {
    'POST users/create': async (call) => {
      const { username, password } = call.read(requests.CreateUser)
      const name = PersonName.safeParse(username)
      if (!name.success) throw invalid(name.error.issues[0]?.message ?? 'Wrong username.')
      checkPassword(password)
      try {
        return { user: wire(await people.add(call.actor, { name: name.data, password, admin: false })) }
      } catch (error) {
        if (error instanceof TidemarkError && error.code === 'PERSON_EXISTS')
          throw exists(`User (username=${username}) already exists.`)
        throw error
      }
    },
    'PATCH users/update-admin': async (call) => {
      const { is_admin } = call.read(requests.UpdateUserAdmin)
      await people.set(call.actor, (await named(people, call.actor, call)).id, { admin: is_admin })
      return {}
    },
    'DELETE users/delete': async (call) => {
      const person = await named(people, call.actor, call)
      if (person.id === call.actor.id) {
        throw new MlflowError(
          'BAD_REQUEST',
          'Users cannot delete their own account. Ask another admin to delete this user instead.',
        )
      }
      await people.remove(call.actor, person.id)
      return {}
    },
  }
  const own: MlflowRoutes = {
    'GET users/current': async ({ request }) => {
      const principal = await door.principalOf(request)
      return {
        user: { id: 0, username: principal.name, is_admin: isAdmin(principal) },
        is_basic_auth: request.headers.authorization?.toLowerCase().startsWith('basic ') ?? false,
      }
    },
    // One's own with the current one shown again; another's only as an admin.
    'PATCH users/update-password': async (call) => {
      const { username, password, current_password } = call.read(requests.UpdateUserPassword)
      checkPassword(password)
      const principal = await door.principalOf(call.request)
      const current = current_password ?? ''
      if (principal.name === username && principal.kind === 'person') {
        if (current === '') throw invalid('Current password is required when changing your own password.')
        if (current === password) throw invalid('New password must differ from the current password.')
        const from = { session: null, address: call.request.ip }
        await people.changeOwn(principal, call.actor, { current, next: password }, from).catch((error: unknown) => {
          if (error instanceof TidemarkError && error.code === 'SIGN_IN_REFUSED')
            throw invalid('Current password does not match.')
          throw error
        })
        return {}
      }
      call.actor.require('users.manage')
      await people.set(call.actor, (await named(people, call.actor, call)).id, { password })
      return {}
    },
  }
  mountMlflow(scope, '2.0/mlflow', read, { permission: 'users.read' })
  mountMlflow(scope, '2.0/mlflow', manage, { permission: 'users.manage' })
  mountMlflow(scope, '2.0/mlflow', own, { access: 'signed-in' })
}

async function named(people: People, actor: Actor, call: MlflowCall): Promise<PersonRow> {
  const { username } = call.read(requests.UserName)
  try {
    return await people.byName(actor, username)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'PERSON_UNKNOWN')
      throw missing(`User with username=${username} not found`)
    throw error
  }
}

function checkPassword(password: string): void {
  if (password.length < PASSWORD_LENGTH) throw invalid(`Password must be at least ${PASSWORD_LENGTH} characters.`)
  if (password.length > 256) throw invalid('Password must be at most 256 characters.')
}

const wire = (person: PersonRow) => ({
  id: person.number,
  username: person.name,
  is_admin: person.memberships.some(({ workspace }) => workspace === EVERYWHERE),
})
