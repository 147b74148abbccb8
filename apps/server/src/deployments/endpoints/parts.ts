import type { Part } from '@tidemark/contracts'

/** Shares below this are rounding. */
const LEAST_PERCENT = 1e-9

/** The whole circle is the champion's. */
export const CHAMPION_ALONE: readonly Part[] = [{ toPercent: 100, version: null }]

/**
 * Shares the circle out anew, moving no more of it than the weights change: a version that loses gives up the ends of its parts, one that gains
 * takes what was given up, and everybody else stays. Moved is exactly the sum of all gains, the least that is possible. `weights` in percent, by
 * version; the champion has the rest.
 *
 * @throws RangeError when the weights are negative or exceed 100 % together.
 */
export function reallocate(before: readonly Part[], weights: ReadonlyMap<string, number>): Part[] {
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0)
  if (sum > 100 + LEAST_PERCENT || [...weights.values()].some((weight) => !(weight >= 0))) {
    throw new RangeError('Weights must lie between 0 and 100 %, all of them together too.')
  }
  const due = (version: string | null) => (version === null ? 100 - sum : (weights.get(version) ?? 0))
  const left = new Map<string | null, number>()
  const pieces: { from: number; to: number; version: string | null; free: boolean }[] = []
  let from = 0
  for (const { toPercent: to, version } of before) {
    const room = left.get(version) ?? due(version)
    const kept = Math.min(to - from, Math.max(0, room))
    left.set(version, room - kept)
    if (kept > LEAST_PERCENT) pieces.push({ from, to: from + kept, version, free: false })
    if (to - from - kept > LEAST_PERCENT) pieces.push({ from: from + kept, to, version, free: true })
    from = to
  }
  const wanting = [null, ...weights.keys()].map((version) => ({ version, lacks: left.get(version) ?? due(version) }))
  const parts: Part[] = []
  const put = (toPercent: number, version: string | null) => {
    const last = parts.at(-1)
    if (last && last.version === version) parts[parts.length - 1] = { toPercent, version }
    else parts.push({ toPercent, version })
  }
  for (const piece of pieces) {
    if (!piece.free) put(piece.to, piece.version)
    else {
      let at = piece.from
      for (const one of wanting) {
        const taken = Math.min(one.lacks, piece.to - at)
        if (taken <= LEAST_PERCENT) continue
        one.lacks -= taken
        at += taken
        put(at, one.version)
      }
      // What rounding left over stays with whoever came last.
      const last = parts.at(-1)
      if (at < piece.to && last) put(piece.to, last.version)
    }
  }
  return parts.map((part, index) => (index === parts.length - 1 ? { ...part, toPercent: 100 } : part))
}
