import type { Cell, InputColumn } from '@tidemark/contracts'
import { magnitudeBin } from '@tidemark/statistics'
import { z } from 'zod'

const Count = z.int().min(0)
/** True where the window itself decides the value (the month of a monthly window): comparing it with all of training would always alarm. */
const FollowsCalendar = z.boolean().default(false)
const NumericProfile = z.object({
  kind: z.literal('numeric'),
  name: z.string(),
  /** Upper edges of all bins but the last, ascending: cuts at the reference's quantiles. Bin i holds edges[i−1] < x ≤ edges[i]. */
  edges: z.array(z.number()),
  counts: z.array(Count),
  missing: Count,
  min: z.number().nullable(),
  max: z.number().nullable(),
  /** Rows per magnitude (40 bins per factor of ten), for unit faults. */
  magnitudes: z.record(z.string(), Count),
  followsCalendar: FollowsCalendar,
})
const CategoryProfile = z.object({
  kind: z.literal('category'),
  name: z.string(),
  /** Every category, the rare ones too: "new" means in none of them. */
  counts: z.record(z.string(), Count),
  missing: Count,
  followsCalendar: FollowsCalendar,
})

/** What the training rows and the holdout's predictions looked like; windows are counted by its cells and compared with its counts. */
export const Profile = z.object({
  format: z.literal(1),
  rows: Count,
  features: z.array(z.discriminatedUnion('kind', [NumericProfile, CategoryProfile])),
  /** Of predictions for rows the model had not seen; null when there was no holdout. */
  predictions: NumericProfile.nullable(),
})
export type Profile = z.infer<typeof Profile>
export type NumericProfile = z.infer<typeof NumericProfile>
export type CategoryProfile = z.infer<typeof CategoryProfile>
export type FeatureProfile = Profile['features'][number]

/** Ten bins: with 15 things in a window more would be empty; Anderson–Darling loses little by them. */
const BINS = 10
/** Longer categories are cut: a column of free text must not fill the table. */
const LONGEST_CATEGORY = 200

export const isNumeric = ({ type }: InputColumn): boolean => type !== 'string' && type !== 'boolean' && type !== 'json'

/** A number, or null for what the runtimes treat as missing. */
export function numberOf(cell: Cell | undefined): number | null {
  if (cell === null || cell === undefined || cell === '') return null
  const value = Number(cell)
  return Number.isFinite(value) ? value : null
}

/** A category, or null for what the runtimes treat as missing. PostgreSQL's text cannot hold a zero byte. */
export function categoryOf(cell: Cell | undefined): string | null {
  if (cell === null || cell === undefined || cell === '') return null
  return String(cell).replaceAll('\0', '\uFFFD').slice(0, LONGEST_CATEGORY)
}

/** Profiles a numeric column; `null` is a missing value. */
export function profileNumbers(name: string, values: readonly (number | null)[]): NumericProfile {
  const known = Float64Array.from(values.filter((value) => value !== null)).sort()
  const edges: number[] = []
  for (let cut = 1; cut < BINS; cut += 1) {
    const edge = known[Math.ceil((cut * known.length) / BINS) - 1]
    // Ties make equal cuts; the largest value needs no cut above it.
    if (edge !== undefined && edge !== edges.at(-1) && edge !== known.at(-1)) edges.push(edge)
  }
  const counts = new Array<number>(edges.length + 1).fill(0)
  const magnitudes: Record<string, number> = {}
  for (const value of known) {
    const bin = binOf(edges, value)
    counts[bin] = (counts[bin] ?? 0) + 1
    const magnitude = magnitudeBin(value)
    if (magnitude !== null) magnitudes[magnitude] = (magnitudes[magnitude] ?? 0) + 1
  }
  return {
    kind: 'numeric',
    name,
    edges,
    counts,
    missing: values.length - known.length,
    min: known[0] ?? null,
    max: known.at(-1) ?? null,
    magnitudes,
    followsCalendar: false,
  }
}

/** Profiles a column of categories; `null` is a missing value. */
export function profileCategories(name: string, values: readonly (string | null)[]): CategoryProfile {
  const counts = new Map<string, number>()
  let missing = 0
  for (const value of values) {
    if (value === null) missing += 1
    else counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  return { kind: 'category', name, counts: Object.fromEntries(counts), missing, followsCalendar: false }
}

/** The bin of a value: the first whose upper edge is not below it. */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (value <= (edges[middle] ?? Number.POSITIVE_INFINITY)) high = middle
    else low = middle + 1
  }
  return low
}
