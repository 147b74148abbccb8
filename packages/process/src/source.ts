/** Why a request may not be answered: what it said, cut to 100 characters for the message. */
export interface Stranger {
  readonly kind: 'host' | 'origin'
  readonly said: string
}

/** The names of a server, as `Host` says them. */
export interface Names {
  /** All of them. */
  readonly hosts: ReadonlySet<string>
  /** Those that its owner named: a proxy before it may speak TLS, so their pages may be of `https`. */
  readonly named: ReadonlySet<string>
}

/**
 * Finds requests by another name (DNS rebinding) and from other sites' pages (CSRF). Exact matches only: look-alikes and prefixes pass nothing.
 * @returns null for a request that may be answered; one without an `Origin` comes from no page.
 */
export function strangerOf(
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined },
  names: Names,
): Stranger | null {
  const { host = '', origin } = headers
  if (!names.hosts.has(host)) return { kind: 'host', said: host.slice(0, 100) }
  if (origin === undefined || isOwnOrigin(origin, names)) return null
  return { kind: 'origin', said: origin.slice(0, 100) }
}

function isOwnOrigin(origin: string, { hosts, named }: Names): boolean {
  if (origin.startsWith('http://')) return hosts.has(origin.slice('http://'.length))
  return origin.startsWith('https://') && named.has(origin.slice('https://'.length))
}

/** The request id that a caller gave, when it may stand in logs and headers as it is. */
export function givenRequestId(header: string | readonly string[] | undefined): string | null {
  return typeof header === 'string' && /^[\w.-]{1,64}$/.test(header) ? header : null
}
