import { hash } from 'node:crypto'
import type { EndpointSnapshot } from '@tidemark/contracts'

/** Who answers a request, who is asked beside it, and what the log says about the rollout in force. */
export type Choice =
  | { readonly kind: 'champion' }
  | {
      readonly kind: 'rollout'
      readonly arm: 'champion' | 'candidate'
      readonly rollout: string
      readonly stage: number
      /** Share of callers that the candidate answers at this moment, percent. */
      readonly weightPercent: number
    }

/**
 * Where a key lies on the circle of a rollout, in [0, 100): the first 53 bits of SHA-256 of salt and key. The same key always lies at the same place, so a
 * higher weight only moves callers to the candidate, and a lower one only back.
 * @example positionPercent('salt', 'caller-1') // 73.612049
 */
export function positionPercent(salt: string, key: string): number {
  const bits = hash('sha256', `${salt}\0${key}`, 'buffer').readBigUInt64BE() >> 11n
  return (Number(bits) / 2 ** 53) * 100
}

/**
 * Routes one request. `key` is the caller, or the prediction's own id when the caller is unknown. Without a lease (the server was silent for too
 * long) and without a loaded candidate the champion answers alone.
 */
export function route(
  endpoint: EndpointSnapshot,
  key: string,
  now: { leased: boolean; candidateLoaded: boolean },
): Choice {
  const { routing } = endpoint
  if (routing.kind === 'single' || !now.leased || !now.candidateLoaded) return { kind: 'champion' }
  const { rollout, stage } = routing
  if (routing.kind === 'shadow') return { kind: 'rollout', arm: 'champion', rollout, stage, weightPercent: 0 }
  const { weightPercent, salt } = routing
  const arm = positionPercent(salt, key) < weightPercent ? 'candidate' : 'champion'
  return { kind: 'rollout', arm, rollout, stage, weightPercent }
}

/** Whether the server was heard recently enough, in milliseconds of a monotonic clock. */
export function isLeased(lastHeardMs: number | null, nowMs: number, leaseSeconds: number): boolean {
  return lastHeardMs !== null && nowMs - lastHeardMs <= leaseSeconds * 1000
}
