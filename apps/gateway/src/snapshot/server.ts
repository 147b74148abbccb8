import { type Confirmation, type RuntimeMismatch, Snapshot, type UnloggedAnswers } from '@tidemark/contracts'

/** The server did not answer as it should: it is away, restarting, or without its database. */
export class ServerAway extends Error {}

export interface ServerOptions {
  readonly url: string
  readonly token: string
  readonly gateway: string
}

/** The server's side of a gateway: its `/internal` addresses, with the token both share. */
export class ServerLink {
  private readonly options: ServerOptions

  constructor(options: ServerOptions) {
    this.options = options
  }

  /** Another snapshot than `after`, as soon as there is one; null when the server has none for some seconds. */
  async nextSnapshot(after: number, signal: AbortSignal): Promise<Snapshot | null> {
    const path = `/internal/snapshot?gateway=${this.options.gateway}&after=${after}`
    const response = await this.call('GET', path, AbortSignal.any([signal, AbortSignal.timeout(15_000)]))
    if (response.status === 204) return null
    const parsed = Snapshot.safeParse(await response.json().catch(() => null))
    if (!parsed.success) throw new ServerAway('Its snapshot is not one that this release reads.')
    return parsed.data
  }

  /** The bytes of a digest; null when the server has none. */
  async blob(digest: string, signal: AbortSignal): Promise<Uint8Array | null> {
    const path = `/internal/blobs/${encodeURIComponent(digest)}`
    const response = await this.call('GET', path, AbortSignal.any([signal, AbortSignal.timeout(120_000)]), [404])
    if (response.status === 404) return null
    try {
      return new Uint8Array(await response.arrayBuffer())
    } catch (error) {
      throw new ServerAway(error instanceof Error ? causeOf(error) : String(error))
    }
  }

  async confirm(confirmation: Omit<Confirmation, 'gateway'>, signal: AbortSignal): Promise<void> {
    const body = { ...confirmation, gateway: this.options.gateway }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)])
    await this.call('POST', '/internal/confirmations', limit, [], body)
  }

  /** Tells of answers that left without a record. */
  async unlogged(answers: Omit<UnloggedAnswers, 'gateway'>): Promise<void> {
    const body = { ...answers, gateway: this.options.gateway }
    await this.call('POST', '/internal/unlogged', AbortSignal.timeout(5_000), [], body)
  }

  /** Tells of an answer that Python gives otherwise. */
  async mismatch(mismatch: Omit<RuntimeMismatch, 'gateway'>): Promise<void> {
    const body = { ...mismatch, gateway: this.options.gateway }
    await this.call('POST', '/internal/mismatches', AbortSignal.timeout(10_000), [], body)
  }

  /** Says that this gateway routes nothing any more. */
  async goodbye(): Promise<void> {
    await this.call('DELETE', `/internal/gateways/${this.options.gateway}`, AbortSignal.timeout(1000))
  }

  private async call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    signal: AbortSignal,
    alsoGood: readonly number[] = [],
    body?: unknown,
  ): Promise<Response> {
    let response: Response
    try {
      response = await fetch(this.options.url + path, {
        method,
        signal,
        redirect: 'error',
        headers: {
          authorization: `Bearer ${this.options.token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      throw new ServerAway(error instanceof Error ? causeOf(error) : String(error))
    }
    if (response.ok || alsoGood.includes(response.status)) return response
    throw new ServerAway(`It answered ${response.status} to ${method} ${path.split('?')[0]}.`)
  }
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message
}
