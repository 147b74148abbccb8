import { resolve } from 'node:path'
import { z } from 'zod'

const Environment = z.object({
  TIDEMARK_DATA: z.string().min(1),
  TIDEMARK_HOST: z
    .enum(['127.0.0.1', '::1', 'localhost'], 'This release listens on loopback only: use 127.0.0.1.')
    .default('127.0.0.1'),
  TIDEMARK_GATEWAY_PORT: z.coerce.number().int().min(0).max(65535).default(5001),
  TIDEMARK_GATEWAY_FOLDER: z
    .string()
    .regex(/^[\w-]{1,64}$/, 'Use letters, digits, "-" and "_".')
    .default('gateway'),
  TIDEMARK_SERVER_URL: z.url(),
  TIDEMARK_INTERNAL_TOKEN: z.string().min(32),
  TIDEMARK_DEFAULT_ENDPOINT: z.string().optional(),
  /** Memory that models may hold, in megabytes; beyond it the least used are unloaded. Half of the machine's, unless told. */
  TIDEMARK_MODEL_MEMORY_MB: z.coerce.number().int().min(64).optional(),
  TIDEMARK_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
})

/** Settings of the gateway process, read once at its start. */
export interface Config {
  readonly dataDir: string
  /** Name of its own folder below the data folder: several gateways of one platform each have one. */
  readonly folder?: string
  readonly host: string
  readonly port: number
  readonly serverUrl: string
  readonly internalToken: string
  /** The endpoint that `/invocations` at the root serves; undefined: the only one. */
  readonly defaultEndpoint: string | undefined
  /** undefined: half of the machine's. */
  readonly modelMemoryBytes?: number | undefined
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
}

/**
 * Reads the gateway's settings from the environment the supervisor gives it.
 * @throws Error naming each wrong variable and what it should be.
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment)
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new Error(
      `The gateway's settings are not usable:\n${lines.join('\n')}\nStart it with \`tidemark up\`, which sets them.`,
    )
  }
  const e = parsed.data
  return {
    dataDir: resolve(e.TIDEMARK_DATA),
    folder: e.TIDEMARK_GATEWAY_FOLDER,
    host: e.TIDEMARK_HOST,
    port: e.TIDEMARK_GATEWAY_PORT,
    serverUrl: e.TIDEMARK_SERVER_URL.replace(/\/$/, ''),
    internalToken: e.TIDEMARK_INTERNAL_TOKEN,
    defaultEndpoint: e.TIDEMARK_DEFAULT_ENDPOINT || undefined,
    modelMemoryBytes: e.TIDEMARK_MODEL_MEMORY_MB && e.TIDEMARK_MODEL_MEMORY_MB * 2 ** 20,
    logLevel: e.TIDEMARK_LOG_LEVEL,
  }
}
