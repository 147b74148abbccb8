import {
  type MagnitudeCounts,
  magnitudeShift,
  type ScaleFault,
  scaleLogRatio,
  testHomogeneity,
  testScale,
} from '@tidemark/statistics'
import type { UnitSuspicion } from '../windows/decide.ts'

/** A thing's first value of a feature. */
export interface FirstValue {
  readonly entity: string
  readonly at: Date
  readonly value: number | null
  readonly prediction: string
}

/** From when to when a fault lasted, and which things it touched. */
export interface FaultExtent {
  readonly since: Date
  /** First event time of good values again; null while it lasts. */
  readonly until: Date | null
  readonly affected: readonly FirstValue[]
}

/** Below so many earlier values the training rows alone are the yardstick. */
const FEWEST_RECENT = 30
/** An e-value of 20 against "as in the windows before". */
const LOG_EVIDENCE = Math.log(20)
/** So many things after a fault's end must speak against it, by this much together, before it is called over. */
const FEWEST_AFTER = 3
const LOG_OVER = Math.log(20)

/** Below this p-value the values, their factor taken out, do not look as before: something else happened. */
const FIT_P_VALUE = 0.005

/**
 * Whether a suspected unit is a fault: the values fit the factor, and came suddenly against the windows before, not a slow change (prices rise by the same factor over thirty
 * years). Without enough earlier values the comparison with training decides.
 */
export function isSudden(
  suspicion: UnitSuspicion,
  window: MagnitudeCounts,
  recent: MagnitudeCounts,
  training: MagnitudeCounts,
): boolean {
  const values = Object.values(recent).reduce((sum, n) => sum + n, 0)
  if (values < FEWEST_RECENT) return fits(suspicion.fault, window, training)
  const { fault, logEvidence } = testScale(window, recent)
  const same = fault !== null && fault.factor === suspicion.fault.factor && logEvidence >= LOG_EVIDENCE
  return same && fits(fault, window, recent)
}

/** Goodness of fit: divided by the factor, the window's values are spread as the others are. One value alone is spread as nothing is. */
function fits(fault: ScaleFault, window: MagnitudeCounts, others: MagnitudeCounts): boolean {
  // With a mixture the good rows would have to be told from the faulty ones first.
  if (fault.share < 1) return true
  const shift = Math.round(magnitudeShift(fault.factor))
  const counts = Object.values(others)
  const total = counts.reduce((sum, n) => sum + n, 0)
  const [first, second] = Object.values(window)
  if (first !== undefined && second === undefined && (Math.max(...counts) / total) ** first < FIT_P_VALUE) return false
  const bins = [
    ...new Set([...Object.keys(others).map(Number), ...Object.keys(window).map((bin) => Number(bin) - shift)]),
  ]
  bins.sort((a, b) => a - b)
  const mended = bins.map((bin) => window[bin + shift] ?? 0)
  const before = bins.map((bin) => others[bin] ?? 0)
  return testHomogeneity(mended, before, { cells: 'bins' }).pValue >= FIT_P_VALUE
}

/**
 * When a fault began and ended: the stretch of things, in the order of time, that together speak most for it (the largest sum of
 * log-likelihood ratios: Page's change point, both ends). `begun` keeps a start that was decided before. Null when nothing speaks for it.
 */
export function extentOf(
  values: readonly FirstValue[],
  reference: MagnitudeCounts,
  fault: Pick<ScaleFault, 'factor' | 'share'>,
  begun: Date | null,
): FaultExtent | null {
  const ratio = scaleLogRatio(reference, fault)
  const ordered = values
    .filter((each) => begun === null || each.at >= begun)
    .sort((a, b) => a.at.getTime() - b.at.getTime() || (a.entity < b.entity ? -1 : 1))
  const ratios = ordered.map((each) => ratio(each.value))
  let best = { sum: 0, start: -1, end: -1 }
  let sum = 0
  let start = 0
  for (const [index, each] of ratios.entries()) {
    if (begun === null && sum <= 0) {
      sum = 0
      // A thing that says nothing does not begin a fault.
      start = each > 0 ? index : index + 1
    }
    sum += each
    if (sum > best.sum) best = { sum, start, end: index }
  }
  const first = ordered[best.start]
  if (!first) return null
  const later = ratios.slice(best.end + 1).filter((each) => each !== 0)
  const against = later.reduce((total, each) => total + each, 0)
  const isOver = later.length >= FEWEST_AFTER && against <= -LOG_OVER
  const next = ordered.find((_, index) => index > best.end && (ratios[index] ?? 0) < 0)
  const over = isOver ? next : undefined
  const until = over?.at ?? null
  const affected = ordered.filter(
    (each, index) =>
      index >= best.start &&
      (until === null || each.at < until) &&
      each.value !== null &&
      each.value !== 0 &&
      // A fault of all rows touches every value in its time; one of some rows only those that look like it.
      (fault.share === 1 || (ratios[index] ?? 0) > 0),
  )
  return { since: begun ?? first.at, until, affected }
}
