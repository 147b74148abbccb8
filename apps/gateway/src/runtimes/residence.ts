/** A loaded version, as the rule sees it. */
export interface Resident {
  readonly bytes: number
  /** Of this process's clock. */
  readonly lastUsedMs: number
  readonly inUse: boolean
}

/**
 * Which versions give back their memory so that the rest fits the budget: those that were used least recently, never one in use. What they
 * give back is loaded again by their next request.
 */
export function toUnload<T extends Resident>(residents: readonly T[], budgetBytes: number): T[] {
  let total = residents.reduce((sum, { bytes }) => sum + bytes, 0)
  const unloaded: T[] = []
  for (const resident of residents.toSorted((a, b) => a.lastUsedMs - b.lastUsedMs)) {
    if (total <= budgetBytes) break
    if (resident.inUse || resident.bytes === 0) continue
    total -= resident.bytes
    unloaded.push(resident)
  }
  return unloaded
}
