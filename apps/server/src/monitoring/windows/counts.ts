import type { Cell } from '@tidemark/contracts'
import { magnitudeBin } from '@tidemark/statistics'
import {
  binOf,
  categoryOf,
  type FeatureProfile,
  type NumericProfile,
  numberOf,
  type Profile,
} from '../reference/profile.ts'

/** Key under which the model's answers are counted; no column can be called so by accident. */
export const PREDICTION = '$prediction'

/** Cell of a feature whose values the log does not have as they were sent: nothing about it can be compared. */
export const WITHHELD = 'x'

/** Counts of one window: by feature, then by cell. Integers only, so that counts of several readers add up. */
export type WindowCounts = Map<string, Map<string, number>>

/**
 * Cells: `b:3` a bin of the reference's quantiles, `c:Drama` a category, `m` missing, `lo`/`hi` beyond the reference's extremes (counted in
 * the outer bin too), `g:118` a magnitude.
 */
export function cellsOf(feature: FeatureProfile, cell: Cell | undefined): string[] {
  if (feature.kind === 'category') {
    const category = categoryOf(cell)
    return category === null ? ['m'] : [`c:${category}`]
  }
  const value = numberOf(cell)
  return value === null ? ['m'] : numericCells(feature, value)
}

function numericCells(profile: NumericProfile, value: number): string[] {
  const cells = [`b:${binOf(profile.edges, value)}`]
  const magnitude = magnitudeBin(value)
  if (magnitude !== null) cells.push(`g:${magnitude}`)
  if (profile.min !== null && value < profile.min) cells.push('lo')
  if (profile.max !== null && value > profile.max) cells.push('hi')
  return cells
}

/** One thing's first row in a window; `prediction` only where the champion answered, its number null where the answer is not one. */
export interface Unit {
  readonly values: ReadonlyMap<string, Cell>
  /** Features that the log masks or hashes. */
  readonly withheld?: ReadonlySet<string>
  readonly prediction: { readonly number: number | null } | null
}

/** Adds a thing to the counts of its window. */
export function countUnit(counts: WindowCounts, profile: Profile, unit: Unit): void {
  for (const feature of profile.features) {
    if (unit.withheld?.has(feature.name)) add(counts, feature.name, WITHHELD)
    else for (const cell of cellsOf(feature, unit.values.get(feature.name))) add(counts, feature.name, cell)
  }
  if (profile.predictions && unit.prediction !== null) {
    const { number } = unit.prediction
    const cells = number === null ? ['m'] : numericCells(profile.predictions, number)
    for (const cell of cells) add(counts, PREDICTION, cell)
  }
}

function add(counts: WindowCounts, feature: string, cell: string): void {
  let cells = counts.get(feature)
  if (!cells) {
    cells = new Map()
    counts.set(feature, cells)
  }
  cells.set(cell, (cells.get(cell) ?? 0) + 1)
}

/** The counts of a numeric feature in the order of its bins. */
export function binCounts(profile: NumericProfile, cells: ReadonlyMap<string, number> | undefined): number[] {
  return profile.counts.map((_, bin) => cells?.get(`b:${bin}`) ?? 0)
}

/** Magnitudes of a numeric feature, as the statistics take them. */
export function magnitudesOf(cells: ReadonlyMap<string, number> | undefined): Record<number, number> {
  return Object.fromEntries(
    [...(cells ?? [])].flatMap(([cell, n]) => (cell.startsWith('g:') ? [[Number(cell.slice(2)), n]] : [])),
  )
}

/** Categories of a window with their counts. */
export function categoriesOf(cells: ReadonlyMap<string, number> | undefined): Record<string, number> {
  return Object.fromEntries(
    [...(cells ?? [])].flatMap(([cell, n]) => (cell.startsWith('c:') ? [[cell.slice(2), n]] : [])),
  )
}
