/** Things remembered for one rollout: at least so many of its newest, at most twice as many. Who is forgotten may be mirrored twice, which the evidence does not mind. */
const THINGS = 100_000
const MOST_ROLLOUTS = 16

/** Which things each rollout has mirrored: only the first pair of a thing is evidence, so the others would be work for nothing. */
export class SeenThings {
  private readonly rollouts = new Map<string, Newest>()

  /** Notes the things. @returns false when all of them were noted before, and every row has a name. */
  note(rollout: string, things: readonly (string | null)[]): boolean {
    const seen = this.of(rollout)
    let fresh = things.length === 0
    for (const thing of things) {
      if (thing === null || !seen.has(thing)) fresh = true
      if (thing !== null) seen.add(thing)
    }
    return fresh
  }

  /** Takes a note back, when what was noted came to nothing. */
  forget(rollout: string, things: readonly (string | null)[]): void {
    const seen = this.rollouts.get(rollout)
    for (const thing of things) if (thing !== null) seen?.delete(thing)
  }

  private of(rollout: string): Newest {
    const known = this.rollouts.get(rollout)
    if (known) return known
    const seen = new Newest()
    this.rollouts.set(rollout, seen)
    for (const oldest of this.rollouts.keys()) {
      if (this.rollouts.size <= MOST_ROLLOUTS) break
      this.rollouts.delete(oldest)
    }
    return seen
  }
}

/**
 * The newest of many texts, in two halves of which the older is let go at once. To take the oldest out of one large set, one by one, costs ever more: to
 * find the first that is left, all places of those before it are passed.
 */
class Newest {
  private newer = new Set<string>()
  private older = new Set<string>()

  has(text: string): boolean {
    return this.newer.has(text) || this.older.has(text)
  }

  add(text: string): void {
    if (this.newer.has(text)) return
    if (this.newer.size >= THINGS) {
      this.older = this.newer
      this.newer = new Set()
    }
    this.newer.add(text)
  }

  delete(text: string): void {
    this.newer.delete(text)
    this.older.delete(text)
  }
}
