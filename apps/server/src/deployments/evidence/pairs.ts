import { isDeepStrictEqual } from 'node:util'
import { type JsonValue, scalarOf } from '@tidemark/contracts'
import type { PairedDifference } from '@tidemark/statistics'
import type { EvidenceSettings } from './types.ts'

/** Loss of a prediction; absolute or squared error in (squared) units of the label. */
export function lossOf(loss: EvidenceSettings['loss'], prediction: number, label: number): number {
  switch (loss) {
    case 'absolute_error':
      return Math.abs(prediction - label)
    case 'squared_error':
      return (prediction - label) ** 2
  }
}

/** The loss difference of a labelled pair, with the bound that was known before the label. */
export function lossDifference(
  settings: EvidenceSettings,
  pair: { champion: number; candidate: number },
  label: number,
): PairedDifference {
  const { loss, labelRange } = settings
  const { champion, candidate } = pair
  const y = labelRange && loss === 'squared_error' ? Math.min(labelRange.high, Math.max(labelRange.low, label)) : label
  const difference = lossOf(loss, candidate, y) - lossOf(loss, champion, y)
  switch (loss) {
    case 'absolute_error':
      return { difference, bound: Math.abs(candidate - champion) }
    case 'squared_error': {
      // (a−y)² − (b−y)² = (a−b)(a+b−2y), largest at an end of the labels' range.
      const { low, high } = labelRange ?? { low: y, high: y }
      const widest = Math.max(Math.abs(candidate + champion - 2 * low), Math.abs(candidate + champion - 2 * high))
      return { difference, bound: Math.abs(candidate - champion) * widest }
    }
  }
}

/** Whether two answers differ: numbers, also each alone in a list or record, by more than the tolerance, anything else by not being equal. */
export function differ(champion: JsonValue, candidate: JsonValue, tolerance: number): boolean {
  const [a, b] = [scalarOf(champion), scalarOf(candidate)]
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(b - a) > tolerance
  return !isDeepStrictEqual(champion, candidate)
}
