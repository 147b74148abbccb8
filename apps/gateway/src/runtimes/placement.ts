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

/** The cost by two measured runs, one row and many. A measurement on a busy machine is never below zero. */
export function costOf(one: number, many: { readonly rows: number; readonly milliseconds: number }): Cost {
  const perRow = Math.max(0, (many.milliseconds - one) / (many.rows - 1))
  return { fixed: Math.max(0, one - perRow), perRow }
}

/**
 * The cost after another run was seen: moved a tenth of the way towards what it took. Real rows may take longer than those of the measurement at
 * load, and a single slow run, interrupted by others, is no reason to leave the loop.
 */
export function seen(cost: Cost, rows: number, milliseconds: number): Cost {
  const factor = 1 + 0.1 * (Math.min(10, milliseconds / Math.max(1e-6, expected(cost, rows))) - 1)
  return { fixed: cost.fixed * factor, perRow: cost.perRow * factor }
}
