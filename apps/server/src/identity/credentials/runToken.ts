import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../platform/index.ts'

const PREFIX = 'tidemark-run.1'

const Claims = z.object({
  /** The pipeline run that the bearer works for. */
  run: z.string().min(1).max(100),
  workspace: z.string().min(1).max(128),
  /** Unix time in seconds; from then on the token is void. */
  expires: z.int(),
})
type RunClaims = z.infer<typeof Claims>

/** The key that signs run tokens: made from the server's secret, so that neither can be found from the other. */
function runTokenKey(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'tidemark run token', 32))
}

function sign(key: Buffer, body: string): Buffer {
  return createHmac('sha256', key).update(`${PREFIX}.${body}`).digest()
}

/** A token for the worker of one pipeline run: readable by its bearer, changeable by nobody. */
function makeRunToken(key: Buffer, claims: RunClaims): string {
  const body = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return `${PREFIX}.${body}.${sign(key, body).toString('base64url')}`
}

/** What a token claims, or null when it is not ours, was changed, or is void by now. */
function readRunToken(key: Buffer, token: string, now: Date): RunClaims | null {
  if (token.length > 2048 || !token.startsWith(`${PREFIX}.`)) return null
  const [body, signature, ...more] = token.slice(PREFIX.length + 1).split('.')
  if (!body || !signature || more.length > 0) return null
  const given = Buffer.from(signature, 'base64url')
  const right = sign(key, body)
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null
  const claims = Claims.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')))
  if (!claims.success || claims.data.expires * 1000 <= now.getTime()) return null
  return claims.data
}

/** Tokens for the workers of pipeline runs: signed, not stored. */
export interface RunTokens {
  /** A token for the workers of a pipeline run, void after `expires`. */
  issue(run: { readonly id: string; readonly workspace: string }, expires: Date): string
  /** What a token claims; null when it is not ours, was changed, or is void by now. */
  read(token: string): RunClaims | null
}

/** Issues and reads run tokens by the server's secret. */
export function createRunTokens(secret: string, clock: Clock): RunTokens {
  const key = runTokenKey(secret)
  return {
    issue: (run, expires) =>
      makeRunToken(key, { run: run.id, workspace: run.workspace, expires: Math.floor(expires.getTime() / 1000) }),
    read: (token) => readRunToken(key, token, clock.now()),
  }
}
