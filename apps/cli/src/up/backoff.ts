const FIRST_MS = 100
const LAST_MS = 5000
/** A process that ran this long was healthy: its next end is a new trouble. */
const HEALTHY_MS = 10_000

/** How often in a row a process ended soon after its start. */
export type Failures = number

/** Counts an end: a short run adds to the row, a long one begins a new row. */
export function countEnd(failures: Failures, ranMs: number): Failures {
  return ranMs >= HEALTHY_MS ? 1 : failures + 1
}

/** How long to wait before the next start: 100 ms after the first failure, doubled by each further one, 5 s at most. */
export function restartDelayMs(failures: Failures): number {
  return Math.min(LAST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1))
}
