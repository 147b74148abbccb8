import type { Clock } from '../../platform/index.ts'

/** Beyond this the oldest are dropped: a flood of credentials must not fill the memory. */
const MOST = 10_000

/** What is known for a while. What was asked before a `clear` and answered after it is not kept: it may be from before the change. */
export class FreshMap<T> {
  private readonly entries = new Map<string, { value: T; untilMs: number }>()
  private readonly clock: Clock
  private readonly keptMs: number
  private generation = 0

  constructor(clock: Clock, keptMs: number) {
    this.clock = clock
    this.keptMs = keptMs
  }

  get(key: string): T | undefined {
    const entry = this.entries.get(key)
    return entry && entry.untilMs > this.clock.now().getTime() ? entry.value : undefined
  }

  /** Call before asking, and the result with what was answered. */
  keeper(key: string): (value: T) => void {
    const asked = this.generation
    return (value) => {
      if (asked !== this.generation) return
      this.entries.delete(key)
      this.entries.set(key, { value, untilMs: this.clock.now().getTime() + this.keptMs })
      const oldest = this.entries.keys().next()
      if (this.entries.size > MOST && !oldest.done) this.entries.delete(oldest.value)
    }
  }

  clear(): void {
    this.generation += 1
    this.entries.clear()
  }
}
