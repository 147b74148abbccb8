import type { Quantiles, Stage } from '@tidemark/contracts'

/** Counts of durations by bin; additive, so that minutes, versions and replicas sum up exactly. */
export type Bins = Record<string, number>
/** What was counted of each stage. */
export type StageBins = Partial<Record<Stage, Bins>>

/** Four bins an octave of microseconds: a bin's centre is at most 2^(1/8) − 1 = 9 % off. */
const BINS_AN_OCTAVE = 4
/** 2^30 µs: 18 minutes. */
const LAST_BIN = 30 * BINS_AN_OCTAVE

/** The bin of a duration in milliseconds; below 1 µs the first, above 18 minutes the last. */
export function binOf(milliseconds: number): number {
  const bin = Math.round(BINS_AN_OCTAVE * Math.log2(milliseconds * 1000))
  // Also for what is no duration, as from a clock that was set back.
  return bin > 0 ? Math.min(bin, LAST_BIN) : 0
}

/** The centre of a bin, milliseconds. */
export function centreOf(bin: number): number {
  return 2 ** (bin / BINS_AN_OCTAVE) / 1000
}

/** Counts durations (milliseconds, by stage) of one request. */
export function countStages(into: StageBins, durations: Partial<Record<Stage, number>>): void {
  for (const [stage, milliseconds] of Object.entries(durations) as [Stage, number][]) {
    const bins = into[stage] ?? {}
    const bin = binOf(milliseconds)
    bins[bin] = (bins[bin] ?? 0) + 1
    into[stage] = bins
  }
}

/** Adds the counts of `other` to `into`. */
export function addStages(into: StageBins, other: StageBins): void {
  for (const [stage, bins] of Object.entries(other) as [Stage, Bins][]) {
    const sums = into[stage] ?? {}
    for (const [bin, count] of Object.entries(bins)) sums[bin] = (sums[bin] ?? 0) + count
    into[stage] = sums
  }
}

/**
 * Median, 95 % and 99 % quantile of what was counted, milliseconds, each within 9 %: the centre of the bin that holds the smallest value with at
 * least that share of all values at or below it. null without a count.
 * @example quantilesOf({ 40: 99, 80: 1 }) gives p50 = 1.024, p95 = 1.024, p99 = 1.024
 */
export function quantilesOf(bins: Bins): Quantiles | null {
  const sorted = Object.entries(bins)
    .map(([bin, count]) => ({ bin: Number(bin), count }))
    .sort((a, b) => a.bin - b.bin)
  const total = sorted.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return null
  const at = (share: number) => {
    let seen = 0
    for (const { bin, count } of sorted) {
      seen += count
      if (seen >= share * total) return centreOf(bin)
    }
    return centreOf(LAST_BIN)
  }
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

/** The quantiles of every stage that was measured. */
export function stageQuantiles(stages: StageBins): Partial<Record<Stage, Quantiles>> {
  const found = Object.entries(stages).map(([stage, bins]) => [stage, quantilesOf(bins)] as const)
  return Object.fromEntries(found.filter(([, quantiles]) => quantiles !== null))
}
