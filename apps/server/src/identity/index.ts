import type { Permission } from '@tidemark/contracts'
import { Actor, type Clock, localPerson } from '../platform/index.ts'
import { TokenRefused } from './errors.ts'
import { makeRunToken, readRunToken, runTokenKey } from './runToken.ts'

/** What the worker of a pipeline run may do: track, log models, register versions, read data. Nothing that decides what is served. */
const WORKER_PERMISSIONS: readonly Permission[] = [
  'data.read',
  'experiments.read',
  'experiments.write',
  'registry.read',
  'registry.write',
]

/** Who a request speaks for. */
export function createIdentity(secret: string, clock: Clock) {
  const key = runTokenKey(secret)
  return {
    /** A token for the workers of a pipeline run, void after `expires`. */
    issueRunToken(run: { id: string; workspace: string }, expires: Date): string {
      return makeRunToken(key, {
        run: run.id,
        workspace: run.workspace,
        expires: Math.floor(expires.getTime() / 1000),
      })
    },

    /**
     * The actor of an `Authorization` header. Without one it is the local person: this release listens on loopback only and has no login.
     * @throws TokenRefused for any header that is not a valid run token: a wrong one never falls back to more rights.
     */
    actorOf(authorization: string | undefined): Actor {
      if (authorization === undefined) return localPerson()
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
      const claims = token === undefined ? null : readRunToken(key, token, clock.now())
      if (!claims) throw TokenRefused()
      return new Actor({
        kind: 'service',
        id: `pipeline-run:${claims.run}`,
        workspace: claims.workspace,
        permissions: WORKER_PERMISSIONS,
      })
    },
  }
}
