import type { KnownLabel, NewLabel } from './store.ts'

export interface SortedLabels {
  /** First value of a thing: evidence joins it. */
  readonly accepted: readonly NewLabel[]
  /** Another value than the one that is known: kept as history. */
  readonly corrected: readonly NewLabel[]
  /** What is known already: the value that holds, or one of the history once more. */
  readonly repeated: number
}

/**
 * Sorts given labels into new, corrected and repeated, in the order in which they came. `known`: every value of each thing so far. A value that comes
 * late and became known before the one that holds is history too, and does not hold; sent again, in whatever order, it is a repetition.
 */
export function sortLabels(
  given: readonly NewLabel[],
  known: ReadonlyMap<string, readonly KnownLabel[]>,
): SortedLabels {
  const histories = new Map<string, KnownLabel[]>()
  const accepted: NewLabel[] = []
  const corrected: NewLabel[] = []
  let repeated = 0
  for (const label of given) {
    const history = histories.get(label.entity) ?? [...(known.get(label.entity) ?? [])]
    histories.set(label.entity, history)
    if (isKnown(label, history)) {
      repeated += 1
      continue
    }
    if (history.length === 0) accepted.push(label)
    else corrected.push(label)
    history.push(label)
  }
  return { accepted, corrected, repeated }
}

function isKnown(label: NewLabel, history: readonly KnownLabel[]): boolean {
  if (holding(history)?.value === label.value) return true
  return history.some(({ value, knownAt }) => value === label.value && knownAt.getTime() === label.knownAt.getTime())
}

/** The value that holds: the one that became known last; of two of one time, the one that came later. */
export function holding(history: readonly KnownLabel[]): KnownLabel | undefined {
  return history.reduce<KnownLabel | undefined>(
    (last, each) => (last === undefined || each.knownAt.getTime() >= last.knownAt.getTime() ? each : last),
    undefined,
  )
}
