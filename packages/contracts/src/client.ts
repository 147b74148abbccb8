import type { CallOf, Endpoint, ReplyOf } from './endpoint.ts'
import { ErrorReply, TidemarkError } from './errors.ts'

type Group = Readonly<Record<string, Endpoint>>
type Api = Readonly<Record<string, Group>>

type Call<E extends Endpoint> =
  unknown extends CallOf<E>
    ? (input?: Record<string, never>, options?: CallOptions) => Promise<ReplyOf<E>>
    : (input: CallOf<E>, options?: CallOptions) => Promise<ReplyOf<E>>

/** `client.data.listDatasets()`: one async method for each endpoint of the contract. */
export type Client<A extends Api> = { readonly [G in keyof A]: { readonly [N in keyof A[G]]: Call<A[G][N]> } }

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface ClientOptions {
  /** `http://127.0.0.1:5000`; empty in a browser served by the same origin. */
  readonly baseUrl: string
  readonly headers?: Readonly<Record<string, string>>
  readonly fetch?: typeof fetch
}

interface Parts {
  readonly params?: Record<string, string | number>
  readonly query?: Record<string, unknown>
  readonly body?: unknown
}

/** Makes the typed client of a contract. Replies are parsed; an error reply is thrown as `TidemarkError`. */
export function createClient<A extends Api>(api: A, options: ClientOptions): Client<A> {
  const doFetch = options.fetch ?? fetch
  const call =
    (definition: Endpoint) =>
    async (input: Parts = {}, callOptions: CallOptions = {}) => {
      const response = await doFetch(
        options.baseUrl + fillPath(definition.path, input.params ?? {}) + queryString(input.query),
        {
          method: definition.method,
          headers: { ...options.headers, ...(input.body === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
          ...(callOptions.signal ? { signal: callOptions.signal } : {}),
        },
      )
      const text = await response.text()
      if (!response.ok) throw errorOfReply(response.status, text)
      return definition.reply.parse(text === '' ? undefined : JSON.parse(text))
    }
  const groups = Object.entries(api).map(([group, endpoints]) => [
    group,
    Object.fromEntries(Object.entries(endpoints).map(([name, definition]) => [name, call(definition)])),
  ])
  return Object.fromEntries(groups) as Client<A>
}

/** Puts encoded values into a path template: `/a/:b` and `{ b: 'x y' }` give `/a/x%20y`. */
export function fillPath(template: string, params: Readonly<Record<string, string | number>>): string {
  return template.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new Error(`The path ${template} needs "${name}".`)
    return encodeURIComponent(String(value))
  })
}

function queryString(query: Readonly<Record<string, unknown>> | undefined): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {})) {
    if (Array.isArray(value)) for (const item of value) search.append(key, String(item))
    else if (value !== undefined && value !== null)
      search.set(key, value instanceof Date ? value.toISOString() : String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** The error that a refusing answer of the API holds, for those few requests that are not the typed client's: files in and out. */
export function errorOfReply(status: number, text: string): TidemarkError {
  try {
    const { error } = ErrorReply.parse(JSON.parse(text))
    return new TidemarkError(error.code, status, error.message, error.details)
  } catch {
    return new TidemarkError('UNREADABLE_ANSWER', status, `The server answered ${status}: ${text.slice(0, 300)}`)
  }
}
