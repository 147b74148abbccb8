import type { MetricPoint as DrawnPoint } from '@tidemark/contracts'
import type { MetricPoint } from './types.ts'

/**
 * A course of at most `most` points for drawing: each stands for an equal share of the values and keeps their least and greatest, so that a
 * single spike is never lost. The drawn value is the share's last one. Values come by step; a NaN is null and no extreme.
 */
export function downsample(points: readonly Omit<MetricPoint, 'key'>[], most: number): DrawnPoint[] {
  const ordered = points.toSorted((a, b) => a.step - b.step || a.atMs - b.atMs)
  const shares = Math.min(most, ordered.length)
  return Array.from({ length: shares }, (_, index) => {
    const from = Math.floor((index * ordered.length) / shares)
    const share = ordered.slice(from, Math.floor(((index + 1) * ordered.length) / shares))
    const last = share.at(-1)
    if (!last) throw new Error('A share of a course holds at least one value.')
    let min = Number.POSITIVE_INFINITY
    let max = Number.NEGATIVE_INFINITY
    for (const { value } of share) {
      if (value < min) min = value
      if (value > max) max = value
    }
    return {
      step: last.step,
      at: new Date(last.atMs).toISOString(),
      value: finite(last.value),
      min: finite(min),
      max: finite(max),
      count: share.length,
    }
  })
}

/** JSON has no NaN and no infinity. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
