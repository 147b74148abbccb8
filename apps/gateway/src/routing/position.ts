import { hash } from 'node:crypto'

/**
 * Where a key lies on the circle of a rollout, in [0, 100): the first 53 bits of SHA-256 of salt and key. The same key always lies at the same place, so a
 * higher weight only moves callers to the candidate, and a lower one only back.
 * @example positionPercent('salt', 'caller-1') // 73.612049
 */
export function positionPercent(salt: string, key: string): number {
  const bits = hash('sha256', `${salt}\0${key}`, 'buffer').readBigUInt64BE() >> 11n
  return (Number(bits) / 2 ** 53) * 100
}
