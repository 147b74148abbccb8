import {
  memberRemoved,
  memberSet,
  personAdded,
  personChanged,
  personRemoved,
  type Role,
  uuidv7,
} from '@tidemark/contracts'
import type { Actor, Platform, Queryable } from '../platform/index.ts'
import type { Change } from './changes.ts'
import { hashPassword } from './credentials/passwords.ts'
import type { Principals } from './credentials/principals.ts'
import { notGivable, PERMISSIONS_OF } from './decide.ts'
import { LastAdmin, MemberUnknown, NotGivable, NotOneself, OnlyPeople, PersonExists, PersonUnknown } from './errors.ts'
import * as store from './store.ts'
import { EVERYWHERE, type PersonRow, type Principal } from './types.ts'

export type People = ReturnType<typeof createPeople>

/** People who may sign in, and their roles. */
export function createPeople(platform: Platform, principals: Principals, change: Change) {
  const { db, events } = platform

  const known = async (on: Queryable, id: string): Promise<PersonRow> => {
    const person = await store.personById(on, id)
    if (!person) throw PersonUnknown(id)
    return person
  }

  return {
    async list(actor: Actor): Promise<PersonRow[]> {
      actor.require('users.read')
      return store.allPeople(db)
    },

    async byName(actor: Actor, name: string): Promise<PersonRow> {
      actor.require('users.read')
      const person = await store.personByName(db, name)
      if (!person) throw PersonUnknown(name)
      return person
    },

    async add(actor: Actor, given: { name: string; password: string; admin: boolean }): Promise<PersonRow> {
      actor.require('users.manage')
      const id = uuidv7()
      const passwordHash = await hashPassword(given.password)
      return change(async (tx) => {
        if (!(await store.addPerson(tx, { id, name: given.name, passwordHash }))) throw PersonExists()
        if (given.admin) await store.setMembership(tx, id, EVERYWHERE, 'admin')
        await events.append(tx, actor, personAdded, { person: id, admin: given.admin })
        return known(tx, id)
      })
    },

    /** Sets somebody's password, which ends their sessions, or makes them an admin or no longer. */
    async set(
      actor: Actor,
      id: string,
      wanted: { password?: string | undefined; admin?: boolean | undefined },
    ): Promise<PersonRow> {
      actor.require('users.manage')
      const passwordHash = wanted.password === undefined ? undefined : await hashPassword(wanted.password)
      return change(async (tx) => {
        const admins = await store.lockAdmins(tx)
        const person = await known(tx, id)
        const wasAdmin = person.memberships.some(({ workspace }) => workspace === EVERYWHERE)
        const changed: ('password' | 'made admin' | 'no longer admin')[] = []
        if (passwordHash !== undefined) {
          await store.setPassword(tx, id, passwordHash)
          await store.removeSessionsOf(tx, id, null)
          changed.push('password')
        }
        if (wanted.admin === true && !wasAdmin) {
          await store.setMembership(tx, id, EVERYWHERE, 'admin')
          changed.push('made admin')
        }
        if (wanted.admin === false && wasAdmin) {
          if (admins === 1) throw LastAdmin()
          await store.removeMembership(tx, id, EVERYWHERE)
          changed.push('no longer admin')
        }
        if (changed.length > 0) await events.append(tx, actor, personChanged, { person: id, changed })
        return known(tx, id)
      })
    },

    async remove(actor: Actor, id: string): Promise<void> {
      actor.require('users.manage')
      if (actor.id === id) throw NotOneself()
      await change(async (tx) => {
        const admins = await store.lockAdmins(tx)
        const person = await known(tx, id)
        if (admins === 1 && person.memberships.some(({ workspace }) => workspace === EVERYWHERE)) throw LastAdmin()
        await store.removePerson(tx, id)
        await events.append(tx, actor, personRemoved, { person: id })
      })
    },

    /** Changes one's own password: the current one must be shown again, and every session but this one ends. */
    async changeOwn(
      principal: Principal,
      actor: Actor,
      given: { current: string; next: string },
      from: { readonly session: Buffer | null; readonly address: string },
    ): Promise<void> {
      if (principal.kind !== 'person' || principal.id === 'local') throw OnlyPeople()
      const person = await known(db, principal.id)
      // By the same way as a login, limits included: who has found an open browser must not try out passwords in it.
      await principals.ofPassword(person.name, given.current, from.address)
      const passwordHash = await hashPassword(given.next)
      await change(async (tx) => {
        await store.setPassword(tx, person.id, passwordHash)
        await store.removeSessionsOf(tx, person.id, from.session)
        await events.append(tx, actor, personChanged, { person: person.id, changed: ['password'] })
      })
    },

    async members(actor: Actor): Promise<store.MemberRow[]> {
      actor.require('identity.read')
      return store.membersOf(db, actor.workspace)
    },

    /** Gives a person a role in the actor's workspace; at most what the actor has. */
    async setMember(actor: Actor, name: string, role: Exclude<Role, 'admin'>): Promise<store.MemberRow> {
      actor.require('identity.manage')
      const missing = notGivable(new Set(actor.allowed), PERMISSIONS_OF[role])
      if (missing.length > 0) throw NotGivable(missing)
      return change(async (tx) => {
        const person = await store.personByName(tx, name)
        if (!person) throw PersonUnknown(name)
        const before = person.memberships.find(({ workspace }) => workspace === actor.workspace)
        await store.setMembership(tx, person.id, actor.workspace, role)
        const previousRole = before?.role ?? null
        if (previousRole !== role) await events.append(tx, actor, memberSet, { person: person.id, role, previousRole })
        const member = (await store.membersOf(tx, actor.workspace)).find(
          (each) => each.person === person.id && each.workspace === actor.workspace,
        )
        if (!member) throw MemberUnknown(name)
        return member
      })
    },

    async removeMember(actor: Actor, name: string): Promise<void> {
      actor.require('identity.manage')
      await change(async (tx) => {
        const person = await store.personByName(tx, name)
        const previousRole = person && (await store.removeMembership(tx, person.id, actor.workspace))
        if (!person || !previousRole) throw MemberUnknown(name)
        await events.append(tx, actor, memberRemoved, { person: person.id, previousRole })
      })
    },
  }
}
