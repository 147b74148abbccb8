import type { JsonValue } from '@tidemark/contracts'

export interface Verdict {
  readonly ok: boolean
  readonly maxAbsoluteDifference: number
  /** The rows that differ most, worst first; `row` counts from 0. */
  readonly worst: readonly {
    readonly row: number
    readonly expected: number
    readonly got: JsonValue
    readonly difference: number
  }[]
}

const SHOWN = 5

/**
 * Compares predictions with those of the model before its conversion. A text where a number was expected differs without bound.
 * @throws Error when there is not one expected value for each prediction, or none at all: nothing was shown then.
 */
export function compare(got: readonly JsonValue[], expected: readonly number[], tolerance: number): Verdict {
  if (expected.length === 0) throw new Error('There is nothing to compare.')
  if (got.length !== expected.length)
    throw new Error(`${expected.length} values are expected for ${got.length} predictions.`)
  const rows = got.map((value, row) => {
    const wanted = expected[row] ?? Number.NaN
    const difference = typeof value === 'number' ? Math.abs(value - wanted) : Number.MAX_VALUE
    return { row, expected: wanted, got: value, difference }
  })
  rows.sort((a, b) => b.difference - a.difference)
  const maxAbsoluteDifference = rows[0]?.difference ?? 0
  return { ok: maxAbsoluteDifference <= tolerance, maxAbsoluteDifference, worst: rows.slice(0, SHOWN) }
}
