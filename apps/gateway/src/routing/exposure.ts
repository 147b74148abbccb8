import type { Exposure } from '@tidemark/contracts'

/** Rollouts remembered: those before are over. */
const MOST_ROLLOUTS = 16

interface Exposed {
  requests: number
  readonly callers: Set<string>
}

/** Counts whom versions on trial answered here, so that a cap holds at once and not only when the server has read the log. */
export class Exposures {
  private readonly rollouts = new Map<string, Exposed>()

  /**
   * Whether a rollout may expose this caller (`key`; "" for one that is to stay with the champion). `open`: no cap is reached. `known`: one is, but
   * this caller was exposed before and keeps its version. `full`: it goes to the champion.
   */
  room(rollout: string, key: string, limits: Exposure): 'open' | 'full' | 'known' {
    const { requests, callers } = this.of(rollout)
    if (limits.maxRequests !== null && requests >= limits.maxRequests) return 'full'
    if (limits.maxCallers === null || callers.size < limits.maxCallers) return 'open'
    return callers.has(key) ? 'known' : 'full'
  }

  /** Counts an answer that a version on trial is about to give. */
  note(rollout: string, key: string, limits: Exposure): void {
    const exposed = this.of(rollout)
    exposed.requests += 1
    if (limits.maxCallers !== null) exposed.callers.add(key)
  }

  private of(rollout: string): Exposed {
    const known = this.rollouts.get(rollout)
    if (known) return known
    const fresh = { requests: 0, callers: new Set<string>() }
    this.rollouts.set(rollout, fresh)
    for (const oldest of this.rollouts.keys()) {
      if (this.rollouts.size <= MOST_ROLLOUTS) break
      this.rollouts.delete(oldest)
    }
    return fresh
  }
}
