import { constants, createWriteStream, openAsBlob } from 'node:fs'
import { access } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { api, type Client, createClient, errorOfReply } from '@tidemark/contracts'
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

/** A running platform, as commands talk to it. */
export interface Connection {
  readonly client: Client<typeof api>
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What the typed client does not carry: files, in and out. @throws CliError when nothing answers, TidemarkError when it refuses */
  raw(path: string, init?: RequestInit & { readonly headers?: Readonly<Record<string, string>> }): Promise<Response>
}

/** Connects to a running platform: the flag's address, the environment's, or the default one; with the environment's token. */
export function connect(url: string | undefined): Connection {
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
  return {
    client: createClient(api, { baseUrl, fetch: reach, headers }),
    url: baseUrl,
    headers,
    raw: async (path, init = {}) => {
      const reply = await reach(baseUrl + path, { ...init, headers: { ...headers, ...init.headers } })
      if (!reply.ok) throw errorOfReply(reply.status, await reply.text())
      return reply
    },
  }
}

/** A file as the body of a request, read as it is sent. @throws CliError FILE_UNREADABLE */
export async function fileBody(file: string): Promise<Blob> {
  try {
    // It says what is wrong; the other only that something is.
    await access(file, constants.R_OK)
    return await openAsBlob(file)
  } catch (error) {
    throw cliError('FILE_UNREADABLE', file, error instanceof Error ? error.message : String(error))
  }
}

/** Writes what a request answers to a file, as it comes. */
export async function saveReply(reply: Response, file: string): Promise<void> {
  await pipeline(Readable.fromWeb(reply.body ?? new ReadableStream()), createWriteStream(file))
  console.log(`Wrote ${file}.`)
}
