import type { Platform } from '../platform/index.ts'
import type { Change } from './changes.ts'
import type { Principals } from './credentials/principals.ts'
import { hashSecret, makeSessionId } from './credentials/secrets.ts'
import * as store from './store.ts'
import type { Principal } from './types.ts'

const KEPT_MS = 31 * 86_400_000

export type Sessions = ReturnType<typeof createSessions>

/** Sessions of browsers: a random id in a cookie, its hash here. */
export function createSessions(platform: Platform, principals: Principals, change: Change) {
  const { db, clock } = platform
  return {
    /** @returns the new session's id. @throws SignInRefused, TooManyFailures */
    async open(
      given: { name: string; password: string },
      address: string,
    ): Promise<{ id: string; principal: Principal }> {
      const principal = await principals.ofPassword(given.name, given.password, address)
      const id = makeSessionId()
      const now = clock.now()
      await store.removeOldSessions(db, new Date(now.getTime() - KEPT_MS))
      await store.addSession(db, hashSecret(id), principal.id, now)
      return { id, principal }
    },

    async close(id: string): Promise<void> {
      await change((tx) => store.removeSession(tx, hashSecret(id)))
    },
  }
}
