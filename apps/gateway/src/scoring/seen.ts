/** Things remembered for one rollout; a larger one forgets its oldest and may mirror a thing twice, which the evidence does not mind. */
const MOST_THINGS = 200_000
const MOST_ROLLOUTS = 16

/** Which things each rollout has mirrored: only the first pair of a thing is evidence, so the others would be work for nothing. */
export class SeenThings {
  private readonly rollouts = new Map<string, Set<string>>()

  /** Notes the things. @returns false when all of them were noted before, and every row has a name. */
  note(rollout: string, things: readonly (string | null)[]): boolean {
    const seen = this.of(rollout)
    let fresh = things.length === 0
    for (const thing of things) {
      if (thing === null || !seen.has(thing)) fresh = true
      if (thing !== null) seen.add(thing)
    }
    for (const oldest of seen) {
      if (seen.size <= MOST_THINGS) break
      seen.delete(oldest)
    }
    return fresh
  }

  /** Takes a note back, when what was noted came to nothing. */
  forget(rollout: string, things: readonly (string | null)[]): void {
    const seen = this.rollouts.get(rollout)
    for (const thing of things) if (thing !== null) seen?.delete(thing)
  }

  private of(rollout: string): Set<string> {
    const known = this.rollouts.get(rollout)
    if (known) return known
    const seen = new Set<string>()
    this.rollouts.set(rollout, seen)
    for (const oldest of this.rollouts.keys()) {
      if (this.rollouts.size <= MOST_ROLLOUTS) break
      this.rollouts.delete(oldest)
    }
    return seen
  }
}
