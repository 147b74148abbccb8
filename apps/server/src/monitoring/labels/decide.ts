import type { NewLabel } from './store.ts'

export interface SortedLabels {
  /** First value of a thing: evidence joins it. */
  readonly accepted: readonly NewLabel[]
  /** Another value than the last one known: kept as history. */
  readonly corrected: readonly NewLabel[]
  /** The value that is known already. */
  readonly repeated: number
}

/** Sorts given labels into new, corrected and repeated, in the order in which they came. `known`: the newest value of each thing. */
export function sortLabels(given: readonly NewLabel[], known: ReadonlyMap<string, number>): SortedLabels {
  const latest = new Map(known)
  const accepted: NewLabel[] = []
  const corrected: NewLabel[] = []
  let repeated = 0
  for (const label of given) {
    const before = latest.get(label.entity)
    if (before === label.value) repeated += 1
    else if (before === undefined) accepted.push(label)
    else corrected.push(label)
    latest.set(label.entity, label.value)
  }
  return { accepted, corrected, repeated }
}
