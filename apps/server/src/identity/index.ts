import type { FastifyInstance } from 'fastify'
import { type Doorkeeper, type HttpServer, type Platform, systemActor } from '../platform/index.ts'
import { createChange } from './changes.ts'
import { CHANNEL, Principals } from './credentials/principals.ts'
import type { RunTokens } from './credentials/runToken.ts'
import { Door } from './door.ts'
import { userRoutes } from './mlflowRoutes.ts'
import { createPeople } from './people.ts'
import { identityApi } from './routes.ts'
import { createSessions } from './sessions.ts'
import { type AskingToken, askingTokens } from './store.ts'
import { createTokens } from './tokens.ts'
import { DEFAULT_WORKSPACE } from './types.ts'
import { workspaceRoutes } from './workspaces/mlflowRoutes.ts'
import { type WorkspacePorts, Workspaces } from './workspaces/service.ts'
import { addDefault } from './workspaces/store.ts'

export { createRunTokens } from './credentials/runToken.ts'
export { identityMigrations, tokenScopeMigrations } from './migrations.ts'

/** Who one is, and what one may do where. */
export interface Identity {
  readonly door: Doorkeeper
  routes(app: HttpServer): void
  /** Adds users and workspaces of MLflow's API to its scope. */
  mlflow(scope: FastifyInstance): void
  /** Who may ask gateways for predictions, and where changes of it are told. */
  readonly asking: { readonly channel: string; tokens(): Promise<AskingToken[]> }
  /** The admin token of a platform that nobody can manage yet: shown to its owner once and kept nowhere. Null when somebody can. */
  firstAdminToken(): Promise<string | null>
}

export function createIdentity(platform: Platform, runTokens: RunTokens, ports: WorkspacePorts): Identity {
  const principals = new Principals(platform, runTokens)
  // Who may come in speaks of the machine, not of its data.
  platform.resets.keep('person', 'membership', 'service_token', 'person_session')
  platform.resets.onReset((tx) => addDefault(tx))
  const change = createChange(platform, principals)
  const workspaces = new Workspaces(platform, ports)
  const door = new Door(platform, principals, workspaces)
  const people = createPeople(platform, principals, change)
  const tokens = createTokens(platform, change)
  const sessions = createSessions(platform, principals, change)
  return {
    door,
    routes: (app) => identityApi(app, platform, { door, people, tokens, sessions, workspaces }),
    mlflow: (scope) => {
      userRoutes(scope, people, door)
      workspaceRoutes(scope, workspaces, door)
    },
    asking: { channel: CHANNEL, tokens: () => askingTokens(platform.db, platform.clock.now()) },
    firstAdminToken: () => tokens.first(systemActor('identity', DEFAULT_WORKSPACE)),
  }
}
