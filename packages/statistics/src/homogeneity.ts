/**
 * Two-sample tests on integer counts: is the window drawn from the reference's distribution?
 *
 * Counts add up over replicas, so the same test runs on one process or twenty. H0: the rows of window and reference are
 * exchangeable. Small windows (15 rows against 1,500) are judged by permutation, which is exact at any size; the share of
 * permutations is drawn from a seed, so the same counts always give the same p-value.
 */
import { chiSquareTail } from './distributions.ts'
import { seededUniform, type Uniform } from './random.ts'

/** Counts per bin or category; both samples list the same cells in the same order. */
export type Counts = readonly number[]

export interface Homogeneity {
  /** The statistic: chi-square, or Anderson–Darling's on ordered bins. */
  statistic: number
  pValue: number
  method: 'chi-square' | 'permutation' | 'nothing to compare'
}

export interface HomogeneityOptions {
  /**
   * `categories` compares cell by cell (chi-square); `bins` are in ascending order, and a shift to one side is found with
   * far fewer rows (Anderson–Darling statistic of the cumulative counts).
   */
  cells: 'categories' | 'bins'
  /** Most permutations drawn; p-values are never below 1 / (this + 1). */
  permutations?: number
  seed?: number
}

/** Below this expected count of a cell the chi-square approximation is not trusted (Cochran 1954). */
const SMALLEST_EXPECTED = 5
/** Largest smaller sample that is permuted; above it rare cells are merged and chi-square's tail is used. */
const LARGEST_PERMUTED = 2_000
/** Besag & Clifford's stop: after this many permutations at least as extreme, the p-value is known well enough. */
const ENOUGH_EXCEEDANCES = 50

/**
 * Tests that two samples share one distribution over cells.
 *
 * Papers: Pearson 1900; Pettitt, Biometrika 63 (1976) for the two-sample Anderson–Darling statistic with ties (Scholz &
 * Stephens 1987); sequential Monte Carlo p-values: Besag & Clifford, Biometrika 78 (1991), valid at every stop.
 * Worked value: (10, 20, 15) against (500, 600, 400) has chi-square 2.5719 and p = 0.27638 (scipy chi2_contingency).
 */
export function testHomogeneity(window: Counts, reference: Counts, options: HomogeneityOptions): Homogeneity {
  const cells = pool(window, reference)
  const windowTotal = sum(cells.window)
  const referenceTotal = sum(cells.pooled) - windowTotal
  if (windowTotal === 0 || referenceTotal === 0 || cells.pooled.length < 2) {
    return { statistic: 0, pValue: 1, method: 'nothing to compare' }
  }
  const smallestExpected = (Math.min(...cells.pooled) * Math.min(windowTotal, referenceTotal)) / sum(cells.pooled)
  const small = Math.min(windowTotal, referenceTotal) <= LARGEST_PERMUTED
  if (!small || (options.cells === 'categories' && smallestExpected >= SMALLEST_EXPECTED)) {
    const merged = mergeRare(cells, options.cells)
    if (merged.pooled.length < 2) return { statistic: 0, pValue: 1, method: 'nothing to compare' }
    const statistic = chiSquare(merged.window, merged.pooled)
    return { statistic, pValue: chiSquareTail(statistic, merged.pooled.length - 1), method: 'chi-square' }
  }
  const measure = options.cells === 'bins' ? andersonDarling : chiSquare
  const statistic = measure(cells.window, cells.pooled)
  const pValue = permutationPValue(cells, windowTotal, statistic, measure, options)
  return { statistic, pValue, method: 'permutation' }
}

interface Cells {
  window: number[]
  pooled: number[]
}

/** Drops cells that are empty in both samples. */
function pool(window: Counts, reference: Counts): Cells {
  if (window.length !== reference.length) throw new RangeError('Both samples need the same cells.')
  const cells: Cells = { window: [], pooled: [] }
  window.forEach((count, cell) => {
    const both = count + (reference[cell] ?? 0)
    if (both > 0) {
      cells.window.push(count)
      cells.pooled.push(both)
    }
  })
  return cells
}

function sum(counts: Counts): number {
  let total = 0
  for (const count of counts) total += count
  return total
}

/** Pearson's statistic of the 2 × K table, from the window's counts and the pooled ones. */
function chiSquare(window: ArrayLike<number>, pooled: Counts): number {
  let windowTotal = 0
  for (let cell = 0; cell < pooled.length; cell += 1) windowTotal += window[cell] ?? 0
  const total = sum(pooled)
  const share = windowTotal / total
  let statistic = 0
  for (let cell = 0; cell < pooled.length; cell += 1) {
    const both = pooled[cell] ?? 0
    const deviation = (window[cell] ?? 0) - both * share
    statistic += (deviation * deviation) / both
  }
  return statistic / (share * (1 - share))
}

/** Two-sample Anderson–Darling statistic on ordered cells, up to a factor that permutations do not change. */
function andersonDarling(window: ArrayLike<number>, pooled: Counts): number {
  let windowTotal = 0
  for (let cell = 0; cell < pooled.length; cell += 1) windowTotal += window[cell] ?? 0
  const total = sum(pooled)
  let statistic = 0
  let below = 0
  let windowBelow = 0
  for (let cell = 0; cell < pooled.length; cell += 1) {
    const both = pooled[cell] ?? 0
    const inWindow = window[cell] ?? 0
    // Mid-ranks: half of a cell counts as below, so both ends of the scale weigh the same.
    const level = below + both / 2
    const deviation = windowBelow + inWindow / 2 - (level * windowTotal) / total
    statistic += (both * deviation * deviation) / (level * (total - level))
    below += both
    windowBelow += inWindow
  }
  return (statistic * total) / (windowTotal * (total - windowTotal))
}

/** Merges cells whose expected count is small: with the rarest others (categories) or with their neighbour (bins). */
function mergeRare(cells: Cells, kind: 'categories' | 'bins'): Cells {
  const total = sum(cells.pooled)
  const smaller = Math.min(sum(cells.window), total - sum(cells.window)) / total
  const order = cells.pooled.map((_, cell) => cell)
  if (kind === 'categories') order.sort((a, b) => (cells.pooled[a] ?? 0) - (cells.pooled[b] ?? 0))
  const merged: Cells = { window: [], pooled: [] }
  let window = 0
  let pooled = 0
  for (const cell of order) {
    window += cells.window[cell] ?? 0
    pooled += cells.pooled[cell] ?? 0
    if (pooled * smaller >= SMALLEST_EXPECTED) {
      merged.window.push(window)
      merged.pooled.push(pooled)
      window = 0
      pooled = 0
    }
  }
  if (pooled > 0 && merged.pooled.length > 0) {
    const last = merged.pooled.length - 1
    merged.window[last] = (merged.window[last] ?? 0) + window
    merged.pooled[last] = (merged.pooled[last] ?? 0) + pooled
  }
  return merged
}

function permutationPValue(
  cells: Cells,
  windowTotal: number,
  statistic: number,
  measure: (window: ArrayLike<number>, pooled: Counts) => number,
  { permutations = 9_999, seed = 1 }: HomogeneityOptions,
): number {
  const total = sum(cells.pooled)
  const labels = new Uint32Array(total)
  let position = 0
  cells.pooled.forEach((count, cell) => {
    labels.fill(cell, position, position + count)
    position += count
  })
  // The smaller sample is drawn; the window's counts are it or the rest.
  const drawWindow = windowTotal * 2 <= total
  const drawn = drawWindow ? windowTotal : total - windowTotal
  const uniform: Uniform = seededUniform(seed)
  const counts = new Float64Array(cells.pooled.length)
  const limit = statistic * (1 - 1e-10)
  let atLeast = 0
  for (let draw = 1; draw <= permutations; draw += 1) {
    counts.fill(0)
    for (let slot = 0; slot < drawn; slot += 1) {
      const other = slot + Math.floor(uniform() * (total - slot))
      const label = labels[other] ?? 0
      labels[other] = labels[slot] ?? 0
      labels[slot] = label
      counts[label] = (counts[label] ?? 0) + 1
    }
    if (!drawWindow) {
      for (let cell = 0; cell < counts.length; cell += 1) counts[cell] = (cells.pooled[cell] ?? 0) - (counts[cell] ?? 0)
    }
    if (measure(counts, cells.pooled) >= limit) atLeast += 1
    if (atLeast >= ENOUGH_EXCEEDANCES) return atLeast / draw
  }
  return (atLeast + 1) / (permutations + 1)
}
