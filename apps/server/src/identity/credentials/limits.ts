import type { Clock } from '../../platform/index.ts'
import { waitSeconds } from '../decide.ts'

interface Failures {
  count: number
  lastMs: number
}

/** An hour without a failure, and it is forgotten. */
const FORGET_MS = 3_600_000
/** A flood of invented names must not fill the memory: beyond this the oldest are forgotten. */
const MOST = 20_000

/** Failed logins by name and by address, in memory: a restart forgives. */
export class LoginLimits {
  private readonly failures = new Map<string, Failures>()
  private readonly clock: Clock

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Seconds until a try of this name from this address is looked at; 0: now. */
  wait(name: string, address: string): number {
    return Math.max(this.waitOf('user', name), this.waitOf('address', address))
  }

  /** Counts a try as failed before it is looked at, so that a thousand at once are a thousand. */
  tried(name: string, address: string): void {
    this.count(`user ${name}`)
    this.count(`address ${address}`)
  }

  /** A good login forgives its name. Its address is forgiven this one try alone: one good account must not buy tries at the others. */
  succeeded(name: string, address: string): void {
    this.failures.delete(`user ${name}`)
    const found = this.failures.get(`address ${address}`)
    if (found) found.count -= 1
  }

  private waitOf(of: 'user' | 'address', key: string): number {
    const found = this.failures.get(`${of} ${key}`)
    if (!found) return 0
    const now = this.clock.now().getTime()
    if (now - found.lastMs > FORGET_MS) return 0
    return Math.max(0, Math.ceil((found.lastMs + waitSeconds(of, found.count) * 1000 - now) / 1000))
  }

  private count(key: string): void {
    const now = this.clock.now().getTime()
    const found = this.failures.get(key)
    const count = found && now - found.lastMs <= FORGET_MS ? found.count + 1 : 1
    // Put at the end: a Map keeps the order of insertion, so its first is the oldest.
    this.failures.delete(key)
    this.failures.set(key, { count, lastMs: now })
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= MOST) break
      this.failures.delete(oldest)
    }
  }
}
