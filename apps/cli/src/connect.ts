import { api, type Client, createClient } from '@tidemark/contracts'
import { cliError } from './errors.ts'

/** The flag of every command that talks to a running platform, for `parseArgs`. */
export const URL_OPTION = { url: { type: 'string' } } as const
export const URL_HELP = '  --url URL  the platform [TIDEMARK_URL, default http://127.0.0.1:5000]'

/** Connects to a running platform: the flag's address, the environment's, or the default one. */
export function connect(url: string | undefined): { client: Client<typeof api>; url: string } {
  const baseUrl = (url ?? process.env.TIDEMARK_URL ?? 'http://127.0.0.1:5000').replace(/\/+$/, '')
  const reach: typeof fetch = async (input, init) => {
    try {
      return await fetch(input, init)
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
      throw cliError('NO_PLATFORM', baseUrl, cause)
    }
  }
  return { client: createClient(api, { baseUrl, fetch: reach }), url: baseUrl }
}
