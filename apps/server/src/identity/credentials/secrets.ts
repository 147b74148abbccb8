import { createHash, randomBytes } from 'node:crypto'

/** How a service token begins: a person, and a scanner of leaked secrets, sees what it is. */
const TOKEN_PREFIX = 'tdm_'

/** A service token: 256 random bits. */
export function makeToken(): string {
  return TOKEN_PREFIX + randomBytes(32).toString('base64url')
}

/** The id of a browser's session: 256 random bits. */
export function makeSessionId(): string {
  return randomBytes(32).toString('base64url')
}

export function looksLikeToken(text: string): boolean {
  return text.startsWith(TOKEN_PREFIX) && text.length === TOKEN_PREFIX.length + 43
}

/** What is stored of a secret. No salt and no stretching: there is nothing to guess in 256 random bits. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
