import { api, type Client, createClient } from '@tidemark/contracts'
import { cliError } from './errors.ts'

/** The token of the environment, as a header; nothing on a platform without login. */
function credentials(): Readonly<Record<string, string>> {
  const token = process.env.TIDEMARK_TOKEN
  return token ? { authorization: `Bearer ${token}` } : {}
}

/** In which workspace the commands act: the environment's, else the token's, else "default". */
function place(): Readonly<Record<string, string>> {
  const workspace = process.env.TIDEMARK_WORKSPACE
  return workspace ? { 'x-tidemark-workspace': workspace } : {}
}

/** The flag of every command that talks to a running platform, for `parseArgs`. */
export const URL_OPTION = { url: { type: 'string' } } as const
export const URL_HELP = `  --url URL  the platform [TIDEMARK_URL, default http://127.0.0.1:5000]
             Where it asks for a login, TIDEMARK_TOKEN says who you are; TIDEMARK_WORKSPACE where you act.`

/** Connects to a running platform: the flag's address, the environment's, or the default one; with the environment's token. */
export function connect(url: string | undefined): {
  client: Client<typeof api>
  url: string
  headers: Readonly<Record<string, string>>
} {
  const baseUrl = (url ?? process.env.TIDEMARK_URL ?? 'http://127.0.0.1:5000').replace(/\/+$/, '')
  const reach: typeof fetch = async (input, init) => {
    try {
      return await fetch(input, init)
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
      throw cliError('NO_PLATFORM', baseUrl, cause)
    }
  }
  const headers = { ...credentials(), ...place() }
  return { client: createClient(api, { baseUrl, fetch: reach, headers }), url: baseUrl, headers }
}
