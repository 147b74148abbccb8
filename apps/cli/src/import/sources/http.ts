import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { cliError } from '../../errors.ts'

/** Attempts at one request, and the wait before the second, doubled each time. */
const ATTEMPTS = 6
const FIRST_WAIT_MS = 250
/** A server that does not begin to answer within this is asked again. */
const TIMEOUT_MS = 120_000

/** An MLflow server that is asked as its own client would ask it. */
export interface MlflowHttp {
  /** Without user, password and trailing slash. */
  readonly url: string
  get<T extends z.ZodType>(path: string, query: Readonly<Record<string, string>>, reply: T): Promise<z.output<T>>
  post<T extends z.ZodType>(path: string, body: object, reply: T): Promise<z.output<T>>
  /** The answer as it comes; the caller reads its body. @throws WRONG_SOURCE unless it is good */
  open(path: string, query: Readonly<Record<string, string>>): Promise<Response>
}

/** The server's answer to a request that it refused; its body is MLflow's. */
class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** True for an answer that says that the thing asked for is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Refused && error.status === 404
}

/**
 * Talks to an MLflow server with what MLflow's own client would take from the environment: MLFLOW_TRACKING_USERNAME with
 * MLFLOW_TRACKING_PASSWORD, else MLFLOW_TRACKING_TOKEN.
 */
export function mlflowHttp(address: string, workspace: string, environment: NodeJS.ProcessEnv): MlflowHttp {
  const parsed = new URL(address)
  const user = decodeURIComponent(parsed.username) || environment.MLFLOW_TRACKING_USERNAME
  const password = decodeURIComponent(parsed.password) || environment.MLFLOW_TRACKING_PASSWORD
  parsed.username = ''
  parsed.password = ''
  const url = parsed.href.replace(/\/+$/, '')
  const token = environment.MLFLOW_TRACKING_TOKEN
  const authorization =
    user && password
      ? `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
      : token
        ? `Bearer ${token}`
        : undefined
  const headers = {
    ...(authorization ? { authorization } : {}),
    ...(workspace === 'default' ? {} : { 'x-mlflow-workspace': workspace }),
  }

  async function once(target: string, init: RequestInit): Promise<Response> {
    const patience = new AbortController()
    const timer = setTimeout(() => patience.abort(), TIMEOUT_MS)
    // Another host must not be handed the password.
    const asked = {
      ...init,
      headers: { ...headers, ...init.headers },
      redirect: 'error',
      signal: patience.signal,
    } as const
    // Only the wait for the answer has an end: a file of many gigabytes may take its time.
    const response = await fetch(target, asked).finally(() => clearTimeout(timer))
    if (response.ok) return response
    throw new Refused(response.status, `${response.status} ${(await response.text()).slice(0, 300)}`)
  }

  async function ask(path: string, query: Readonly<Record<string, string>>, init: RequestInit): Promise<Response> {
    const search = new URLSearchParams(query).toString()
    const target = `${url}${path}${search === '' ? '' : `?${search}`}`
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await once(target, init)
      } catch (error) {
        const again = !(error instanceof Refused) || error.status >= 500 || error.status === 429
        if (error instanceof Refused && error.status === 404) throw error
        if (again && error instanceof Refused && error.status === 501) throw error
        if (!again || attempt === ATTEMPTS) throw cliError('WRONG_SOURCE', url, `${path}: ${reasonOf(error)}`)
      }
      await wait(FIRST_WAIT_MS * 2 ** (attempt - 1))
    }
  }

  async function parsedReply<T extends z.ZodType>(response: Response, path: string, reply: T): Promise<z.output<T>> {
    const found = reply.safeParse(await response.json())
    if (found.success) return found.data
    throw cliError('WRONG_SOURCE', url, `${path} answered what MLflow would not: ${z.prettifyError(found.error)}`)
  }

  return {
    url,
    get: async (path, query, reply) => parsedReply(await ask(path, query, { method: 'GET' }), path, reply),
    post: async (path, body, reply) => {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }
      return parsedReply(await ask(path, {}, init), path, reply)
    },
    open: (path, query) => ask(path, query, { method: 'GET' }),
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
