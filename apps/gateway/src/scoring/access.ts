import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { AskingToken } from '@tidemark/contracts'
import { NotForThis, TokenNeeded, TokenRefused } from './errors.ts'

/** A token that may ask, ready to be looked up. */
export interface KnownToken {
  readonly workspace: string
  /** null: every endpoint of the workspace. */
  readonly endpoints: ReadonlySet<string> | null
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Tokens by the SHA-256 of their secret, hex. */
export type KnownTokens = ReadonlyMap<string, KnownToken>

export function knownTokens(tokens: readonly AskingToken[]): KnownTokens {
  return new Map(
    tokens.map(({ hash, workspace, endpoints, expiresAt }) => [
      hash,
      { workspace, endpoints: endpoints && new Set(endpoints), expiresAt: Date.parse(expiresAt) },
    ]),
  )
}

/**
 * The token of a request; null where the platform has no login. To be asked for before anything is looked up, so that who has none learns no names.
 * @throws TokenNeeded, TokenRefused (401)
 */
export function askingToken(
  tokens: KnownTokens | null,
  headers: IncomingHttpHeaders,
  now: number = Date.now(),
): KnownToken | null {
  return tokens && tokenOf(tokens, headers, now)
}

/** @throws NotForThis (403) when the token is not for the endpoint; null may ask each */
export function requireFor(token: KnownToken | null, workspace: string, endpoint: string): void {
  if (token && !isFor(token, workspace, endpoint)) throw NotForThis()
}

/**
 * Checks that a request may ask an endpoint. Needs neither the server nor its database: the snapshot brought what secrets hash to.
 * @param tokens null: the platform has no login, so that everybody may
 * @throws TokenNeeded, TokenRefused (401), NotForThis (403)
 */
export function checkAccess(
  tokens: KnownTokens | null,
  headers: IncomingHttpHeaders,
  workspace: string,
  endpoint: string,
  now: number = Date.now(),
): void {
  requireFor(askingToken(tokens, headers, now), workspace, endpoint)
}

/** Whether a request may see an endpoint in a list. @throws TokenNeeded, TokenRefused */
export function mayAsk(tokens: KnownTokens | null, headers: IncomingHttpHeaders, workspace: string) {
  const token = askingToken(tokens, headers)
  return (endpoint: string) => token === null || isFor(token, workspace, endpoint)
}

function isFor({ workspace, endpoints }: KnownToken, asked: string, endpoint: string): boolean {
  return (workspace === '*' || workspace === asked) && (endpoints === null || endpoints.has(endpoint))
}

function tokenOf(tokens: KnownTokens, headers: IncomingHttpHeaders, now: number): KnownToken {
  const secret = secretOf(headers.authorization)
  if (secret === null) throw TokenNeeded()
  // Looked up by its hash, so that the time of the search tells nothing of the secret.
  const token = tokens.get(hash('sha256', secret, 'hex'))
  if (!token || token.expiresAt <= now) throw TokenRefused()
  return token
}

/** The token of a bearer, or the password of the basic scheme, which is how MLflow's clients send one. */
function secretOf(header: string | undefined): string | null {
  if (header === undefined) return null
  const bearer = /^Bearer +(\S+)$/i.exec(header)?.[1]
  if (bearer !== undefined) return bearer
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header)?.[1]
  if (basic === undefined) return null
  const text = Buffer.from(basic, 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}
