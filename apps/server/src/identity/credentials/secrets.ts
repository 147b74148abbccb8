import { hash, randomBytes } from 'node:crypto'

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
  return hash('sha256', secret, 'buffer')
}

/**
 * HMAC-SHA-256 (RFC 2104) by a key of 32 bytes, as base64. By one-shot hashes: 4 µs where `createHmac` takes 80 on a busy machine, and every
 * request with a password needs one.
 */
export function keyedDigest(key: Buffer): (text: string) => string {
  const pad = (byte: number) => Buffer.alloc(64, byte).map((each, at) => each ^ (key[at] ?? 0))
  const [inner, outer] = [pad(0x36), pad(0x5c)]
  return (text) =>
    hash(
      'sha256',
      Buffer.concat([outer, hash('sha256', Buffer.concat([inner, Buffer.from(text)]), 'buffer')]),
      'base64',
    )
}
