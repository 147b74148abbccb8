/** What a run of a model costs: milliseconds for any run, and for each row. */
export interface Cost {
  readonly fixed: number
  readonly perRow: number
}

/** Longest that one run may hold the event loop, in milliseconds: at 64 callers it is waited for by all others. */
export const LOOP_MS = 2

/** Time that a run of so many rows is expected to take, in milliseconds. */
export function expected({ fixed, perRow }: Cost, rows: number): number {
  return fixed + perRow * rows
}

/** Where a run of so many rows belongs: on the event loop when it is over sooner than the way to a thread and back pays. */
export function placeOf(cost: Cost, rows: number): 'loop' | 'thread' {
  return expected(cost, rows) <= LOOP_MS ? 'loop' : 'thread'
}

/** Rows of the longest run that belongs on the event loop; at least one. */
export function mostOnLoop({ fixed, perRow }: Cost): number {
  return Math.max(1, Math.floor((LOOP_MS - fixed) / Math.max(1e-6, perRow)))
}

/** The cost by two measured runs, one row and many. A measurement on a busy machine is never below zero. */
export function costOf(one: number, many: { readonly rows: number; readonly milliseconds: number }): Cost {
  const perRow = Math.max(0, (many.milliseconds - one) / (many.rows - 1))
  return { fixed: Math.max(0, one - perRow), perRow }
}

/** How far one run moves the cost: 100 runs that are all slower, or all faster, by a factor of 130. */
const STEP = 1.05

/**
 * The cost after another run was seen: a step up when it was slower than expected, a step down when faster, so that it settles where half of the runs are
 * slower. Its mean would not do: on a busy machine one run in a hundred is interrupted for a thousand times its own length.
 */
export function seen(cost: Cost, rows: number, milliseconds: number): Cost {
  const factor = milliseconds > expected(cost, rows) ? STEP : 1 / STEP
  return { fixed: cost.fixed * factor, perRow: cost.perRow * factor }
}
