import { hash } from 'node:crypto'
import type { Routing } from '@tidemark/contracts'

/**
 * Where a key lies on the circle of a rollout, in [0, 100): the first 53 bits of SHA-256 of salt and key. The same key always lies at the same place, so a
 * higher weight only moves callers to the candidate, and a lower one only back.
 * @example positionPercent('salt', 'caller-1') // 73.612049
 */
export function positionPercent(salt: string, key: string): number {
  const bits = hash('sha256', `${salt}\0${key}`, 'buffer').readBigUInt64BE() >> 11n
  return (Number(bits) / 2 ** 53) * 100
}

/** The position that a routing decides by; any does where nobody is shared out. */
export function positionOf(routing: Routing, key: string): number {
  return routing.kind === 'canary' ? positionPercent(routing.salt, key) : 0
}
