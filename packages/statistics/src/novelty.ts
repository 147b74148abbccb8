/** Values that the reference never showed: new categories, and numbers beyond its extremes. Both tests are exact. */
import { logChoose } from './gamma.ts'
import { seededUniform } from './random.ts'

export interface NewCategories {
  /** Categories of the window that the reference lacks, most frequent first. */
  categories: { category: string; count: number }[]
  /** Rows of the window in them. */
  rows: number
  pValue: number
}

/** Chance below which a category is not drawn in a permutation; it is added to the p-value instead. */
const NEGLIGIBLE = 1e-9
const ENOUGH_EXCEEDANCES = 50

/**
 * Tests whether more rows fall into categories unknown to the reference than exchangeable rows would.
 *
 * H0: rows of window and reference are exchangeable. A high-cardinality column always has some new values (each value
 * seen once might have been in either sample): the permutation knows this from the reference's own rare values.
 * Worked value: one new category in one row, none rare in the reference, n = 30 and m = 1,470: p = 30/1,500 = 0.02.
 *
 * @param reference counts of all its categories, not only the frequent ones
 */
export function testNewCategories(
  window: Readonly<Record<string, number>>,
  reference: Readonly<Record<string, number>>,
  options: { permutations?: number; seed?: number } = {},
): NewCategories {
  const { permutations = 9_999, seed = 1 } = options
  const categories = Object.entries(window)
    .filter(([category, count]) => count > 0 && !((Object.hasOwn(reference, category) ? reference[category] : 0) ?? 0))
    .map(([category, count]) => ({ category, count }))
    .sort((a, b) => b.count - a.count)
  const rows = categories.reduce((total, { count }) => total + count, 0)
  const windowTotal = Object.values(window).reduce((total, count) => total + count, 0)
  const pooled = new Map<string, number>(Object.entries(reference))
  for (const [category, count] of Object.entries(window)) pooled.set(category, (pooled.get(category) ?? 0) + count)
  const total = [...pooled.values()].reduce((sum, count) => sum + count, 0)
  if (rows === 0 || total === windowTotal) return { categories, rows, pValue: 1 }

  const share = windowTotal / total
  const rare: number[] = []
  let neglected = 0
  for (const count of pooled.values()) {
    if (count > 0 && share ** count >= NEGLIGIBLE) rare.push(count)
    else if (count > 0) neglected += share ** count
  }
  const uniform = seededUniform(seed)
  let atLeast = 0
  let draws = 0
  while (draws < permutations && atLeast < ENOUGH_EXCEEDANCES) {
    draws += 1
    if (newRows(rare, windowTotal, total, uniform) >= rows) atLeast += 1
  }
  const drawn = atLeast >= ENOUGH_EXCEEDANCES ? atLeast / draws : (atLeast + 1) / (permutations + 1)
  return { categories, rows, pValue: Math.min(1, drawn + neglected) }
}

/** Rows of one random window that lie in categories which it holds completely. */
function newRows(rare: readonly number[], windowTotal: number, total: number, uniform: () => number): number {
  let rows = 0
  let windowLeft = windowTotal
  let left = total
  for (const count of rare) {
    let taken = 0
    // One row outside decides that the category is known; its other rows need no draw, being exchangeable with the rest.
    while (taken < count) {
      const inWindow = uniform() * left < windowLeft
      left -= 1
      if (!inWindow) break
      windowLeft -= 1
      taken += 1
    }
    if (taken === count) rows += count
  }
  return rows
}

export interface OutOfRange {
  /** Rows of the window below the reference's smallest or above its largest value. */
  rows: number
  pValue: number
}

/**
 * Tests whether more rows lie beyond the reference's extremes than exchangeable rows would: with n rows in the window and
 * m in the reference, P(exactly k outside) = (k + 1)·C(n + m − k − 2, m − 2) / C(n + m, m); ties make it conservative.
 *
 * H0: rows are exchangeable. Worked value: of n = 1 row after m = 99, P(outside) = 2/100.
 */
export function testOutOfRange(outside: number, windowTotal: number, referenceTotal: number): OutOfRange {
  if (outside <= 0 || referenceTotal < 2) return { rows: outside, pValue: 1 }
  const whole = logChoose(windowTotal + referenceTotal, referenceTotal)
  let pValue = 0
  for (let k = outside; k <= windowTotal; k += 1) {
    const term = (k + 1) * Math.exp(logChoose(windowTotal + referenceTotal - k - 2, referenceTotal - 2) - whole)
    pValue += term
    if (term < pValue * 1e-15) break
  }
  return { rows: outside, pValue: Math.min(1, pValue) }
}
