import { join, resolve } from 'node:path'
import { addressOf, isLoopback } from '@tidemark/process'
import type { PlatformSettings } from '../settings.ts'
import type { Program } from './child.ts'
import { type DataFolder, internalToken } from './data-folder.ts'

const APPS = resolve(import.meta.dirname, '../../..')

/** What tests and the demo change about the programs. */
export interface Overrides {
  /** The programs to run; the platform's own otherwise. */
  readonly programs?: { readonly server: string; readonly gateway: string }
  /** More for the programs' environment. */
  readonly environment?: NodeJS.ProcessEnv
}

function withoutDatabase(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // PG* would redirect a client library; the database's address belongs to the server alone, which is told it.
  return Object.fromEntries(
    Object.entries(environment).filter(
      ([name]) => !/^(TIDEMARK_)?DATABASE_URL$/.test(name) && !/^PG[A-Z]+$/.test(name),
    ),
  )
}

/** Where the gateway listens: never beyond this machine, because it answers to no other name. */
export function gatewayHost(settings: PlatformSettings): string {
  return isLoopback(settings.host) ? settings.host : '127.0.0.1'
}

/** Server and gateway as this platform runs them: each knows what it needs and no more; the gateway has no database. */
export function describePrograms(
  settings: PlatformSettings,
  folder: DataFolder,
  databaseUrl: Promise<string>,
  overrides: Overrides,
): [server: Program<'server'>, gateway: Program<'gateway'>] {
  const url = addressOf(settings.host, settings.port)
  const gatewayUrl = addressOf(gatewayHost(settings), settings.gatewayPort)
  const shared: NodeJS.ProcessEnv = {
    ...withoutDatabase(process.env),
    TIDEMARK_PORT: String(settings.port),
    TIDEMARK_GATEWAY_PORT: String(settings.gatewayPort),
    TIDEMARK_DATA: folder.path,
    TIDEMARK_INTERNAL_TOKEN: internalToken(folder),
    TIDEMARK_SERVER_URL: url,
    TIDEMARK_LOG_LEVEL: settings.logLevel,
    ...(settings.defaultEndpoint === undefined ? {} : { TIDEMARK_DEFAULT_ENDPOINT: settings.defaultEndpoint }),
    TIDEMARK_DEV_RESET: String(settings.devReset ?? false),
    TIDEMARK_DEV_LOOPBACK_WEBHOOKS: String(settings.devLoopbackWebhooks ?? false),
  }
  const server = overrides.programs?.server ?? join(APPS, 'server/src/main.ts')
  const gateway = overrides.programs?.gateway ?? join(APPS, 'gateway/src/main.ts')
  return [
    {
      // Idle, PSS: 126 MB without a limit, 101 with 4 MB, no less with 1 MB.
      youngMegabytes: 4,
      ...{ name: 'server', entry: server, logsDir: folder.logsDir, readyUrl: `${url}/readyz`, stopSeconds: 3 },
      environment: {
        ...shared,
        TIDEMARK_HOST: settings.host,
        TIDEMARK_LOGIN: String(settings.login ?? false),
        TIDEMARK_ALLOWED_HOSTS: (settings.allowedHosts ?? []).join(','),
        ...overrides.environment,
      },
      later: databaseUrl.then((url) => ({ TIDEMARK_DATABASE_URL: url })),
    },
    {
      // A request of a thousand rows costs 13 % more CPU with 4 MB than with V8's own 16, and 7 % with 8, which take 10 MB more when busy.
      youngMegabytes: 8,
      ...{ name: 'gateway', entry: gateway, logsDir: folder.logsDir, readyUrl: `${gatewayUrl}/readyz`, stopSeconds: 3 },
      // The key of secrets is the server's alone.
      environment: {
        ...shared,
        TIDEMARK_HOST: gatewayHost(settings),
        TIDEMARK_SECRETS_KEY: undefined,
        ...overrides.environment,
      },
    },
  ]
}
