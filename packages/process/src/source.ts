/** The names of a loopback server, as requests say them in `Host`. */
export function loopbackHosts(port: number): ReadonlySet<string> {
  return new Set([`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
}

/** Why a request may not be answered: what it said, cut to 100 characters for the message. */
export interface Stranger {
  readonly kind: 'host' | 'origin'
  readonly said: string
}

/**
 * Finds requests by another name (DNS rebinding) and from other sites' pages (CSRF). Exact matches only: look-alikes and prefixes pass nothing.
 * @param allowed `host:port` values that the server answers to
 * @returns null for a request that may be answered; one without an `Origin` comes from no page.
 */
export function strangerOf(
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  allowed: ReadonlySet<string>,
): Stranger | null {
  const { host = '', origin } = headers
  if (!allowed.has(host)) return { kind: 'host', said: host.slice(0, 100) }
  if (origin === undefined || [...allowed].some((name) => origin === `http://${name}`)) return null
  return { kind: 'origin', said: origin.slice(0, 100) }
}

/** The request id that a caller gave, when it may stand in logs and headers as it is. */
export function givenRequestId(header: string | readonly string[] | undefined): string | null {
  return typeof header === 'string' && /^[\w.-]{1,64}$/.test(header) ? header : null
}
