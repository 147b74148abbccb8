/** Something that was predicted and whose label may come later. Times in milliseconds. */
export interface Awaited {
  predictedAt: number
  /** null: no label yet. */
  labelledAt: number | null
}

/**
 * Whether an outcome counts at label age `ageMilliseconds`: `wait` until the age is reached, then `label` if the label had come
 * by then, else `none`. Both arms are then read at one age; counted as they come, an arm whose labels come sooner (or whose
 * callers are older) would look better or worse than it is.
 */
export function atEqualAge(
  { predictedAt, labelledAt }: Awaited,
  ageMilliseconds: number,
  now: number,
): 'wait' | 'label' | 'none' {
  const due = predictedAt + ageMilliseconds
  if (now < due) return 'wait'
  return labelledAt !== null && labelledAt <= due ? 'label' : 'none'
}
