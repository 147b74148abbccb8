import type { FastifyRequest } from 'fastify'

/** The header by which this server's own pages mark what changes something: no form of another site can send it. */
export const MARKER = 'x-tidemark-page'
/** Which workspace the pages show; no right lies in it. */
export const WORKSPACE_COOKIE = 'tidemark-workspace'
// "__Host-": the browser itself refuses it without TLS, from another host, or for a part of the paths.
const SECURE_COOKIE = '__Host-tidemark-session'
const PLAIN_COOKIE = 'tidemark-session'
export const SESSION_COOKIES = [SECURE_COOKIE, PLAIN_COOKIE] as const

/** The first of these cookies that a request has. */
export function cookieOf(request: FastifyRequest, ...names: readonly string[]): string | undefined {
  const { cookie } = request.headers
  if (cookie === undefined) return undefined
  const found = new Map<string, string>()
  for (const part of cookie.split(';')) {
    const equals = part.indexOf('=')
    if (equals > 0) found.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim())
  }
  const name = names.find((each) => found.get(each))
  return name === undefined ? undefined : found.get(name)
}

/** Sets the session of a browser; it is closed to scripts and to other sites, and to plain HTTP when it came by TLS. */
export function sessionCookie(id: string, secure: boolean): string {
  const attributes = 'Path=/; HttpOnly; SameSite=Strict'
  return secure ? `${SECURE_COOKIE}=${id}; ${attributes}; Secure` : `${PLAIN_COOKIE}=${id}; ${attributes}`
}

/** Takes both forms of the session back. */
export function noSessionCookies(): string[] {
  const over = 'Path=/; HttpOnly; SameSite=Strict; Max-Age=0'
  return [`${SECURE_COOKIE}=; ${over}; Secure`, `${PLAIN_COOKIE}=; ${over}`]
}
