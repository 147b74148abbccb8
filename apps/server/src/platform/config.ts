import { resolve } from 'node:path'
import { addressOf, isLoopback } from '@tidemark/process'
import { z } from 'zod'

const Environment = z.object({
  TIDEMARK_DATA: z.string().min(1),
  TIDEMARK_DATABASE_URL: z.string().min(1),
  TIDEMARK_HOST: z.string().min(1).default('127.0.0.1'),
  TIDEMARK_LOGIN: z.stringbool().default(false),
  TIDEMARK_ALLOWED_HOSTS: z.string().default(''),
  TIDEMARK_PORT: z.coerce.number().int().min(0).max(65535).default(5000),
  TIDEMARK_GATEWAY_PORT: z.coerce.number().int().min(0).max(65535).default(5001),
  TIDEMARK_INTERNAL_TOKEN: z.string().min(32),
  TIDEMARK_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
  TIDEMARK_DEV_RESET: z.stringbool().default(false),
  TIDEMARK_DEV_LOOPBACK_WEBHOOKS: z.stringbool().default(false),
  TIDEMARK_SECRETS_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  TIDEMARK_WORKER_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(4),
})

/** Settings of the server process, read once at its start. */
export interface Config {
  readonly dataDir: string
  readonly databaseUrl: string
  readonly host: string
  readonly port: number
  /** Where applications ask for predictions: always on loopback, because the gateway answers to no other name. */
  readonly gatewayUrl: string
  /** Whether everybody must say who they are; without it this machine's people are all the local person. */
  readonly login: boolean
  /** Exact values of `Host` that the owner named, beside the server's own. */
  readonly allowedHosts: readonly string[]
  /** Shared by server and gateway only; proves a gateway to the server. */
  readonly internalToken: string
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly jobConcurrency: number
  /** What secrets in the database are encrypted with; a key in the data folder unless it is given. */
  readonly secretsKey?: string
  /** For tests: `POST /__reset` is there and empties everything. */
  readonly devReset?: boolean
  /** For tests: webhooks may call http addresses of this machine. */
  readonly devLoopbackWebhooks?: boolean
}

/**
 * Reads the server's settings from the environment the supervisor gives it.
 * @throws Error naming each wrong variable and what it should be.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment)
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new Error(
      `The server's settings are not usable:\n${lines.join('\n')}\nStart it with \`tidemark up\`, which sets them.`,
    )
  }
  const e = parsed.data
  if (!isLoopback(e.TIDEMARK_HOST) && (!e.TIDEMARK_LOGIN || e.TIDEMARK_DEV_RESET)) {
    throw new Error(
      `This server listens on ${e.TIDEMARK_HOST} only with login, and never with --dev-reset. Start it with \`tidemark up --login\`.`,
    )
  }
  return {
    dataDir: resolve(e.TIDEMARK_DATA),
    databaseUrl: e.TIDEMARK_DATABASE_URL,
    host: e.TIDEMARK_HOST,
    port: e.TIDEMARK_PORT,
    gatewayUrl: addressOf(isLoopback(e.TIDEMARK_HOST) ? e.TIDEMARK_HOST : '127.0.0.1', e.TIDEMARK_GATEWAY_PORT),
    login: e.TIDEMARK_LOGIN,
    allowedHosts: e.TIDEMARK_ALLOWED_HOSTS.split(',').filter((name) => name !== ''),
    internalToken: e.TIDEMARK_INTERNAL_TOKEN,
    logLevel: e.TIDEMARK_LOG_LEVEL,
    jobConcurrency: e.TIDEMARK_WORKER_CONCURRENCY,
    ...(e.TIDEMARK_SECRETS_KEY === undefined ? {} : { secretsKey: e.TIDEMARK_SECRETS_KEY }),
    devReset: e.TIDEMARK_DEV_RESET,
    devLoopbackWebhooks: e.TIDEMARK_DEV_LOOPBACK_WEBHOOKS,
  }
}
