/** One request of a scenario. Text may hold `{name}`: what an earlier answer gave under that name; `{u}` is new in every play. */
export interface Step {
  /** What is asked, in words; unique in its scenario. */
  readonly title: string
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is, instead of a body. */
  readonly raw?: string
  /** Sent instead of `application/json`; null sends none. */
  readonly contentType?: string | null
  /** Names under which parts of the answer are kept: `{ run: 'run.info.run_id' }`. */
  readonly keep?: Readonly<Record<string, string>>
  /** Lists of the answer whose order the stock server leaves open, by their dotted path. */
  readonly unordered?: readonly string[]
}

/** A story of requests: each may use what earlier ones were answered. */
export interface Scenario {
  readonly name: string
  readonly steps: readonly Step[]
  /** Its recorded answers of the stock server are part of the ordinary tests. */
  readonly recorded?: true
}

export type Options = Omit<Step, 'title' | 'method' | 'path' | 'body' | 'query'>
type Query = NonNullable<Step['query']>

const api = (path: string) => (path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`)
const withBody =
  (method: string) =>
  (title: string, path: string, body: unknown, options: Options = {}): Step => ({
    title,
    method,
    path: api(path),
    body,
    ...options,
  })
const withQuery =
  (method: string) =>
  (title: string, path: string, query: Query = {}, options: Options = {}): Step => ({
    title,
    method,
    path: api(path),
    query,
    ...options,
  })

export const post = withBody('POST')
export const patch = withBody('PATCH')
export const remove = withBody('DELETE')
export const get = withQuery('GET')
export const call = withQuery
/** A body as raw text, for what is not JSON, or not said to be. */
export const send = (
  title: string,
  method: string,
  path: string,
  raw: string,
  contentType: string | null = 'application/json',
  options: Options = {},
): Step => ({ title, method, path: api(path), raw, contentType, ...options })

/** Text of a length. */
export const long = (length: number, letter = 'x') => letter.repeat(length)
