import type { DatasetDefinition, UnitRule } from '@tidemark/contracts'
import { type MagnitudeCounts, magnitudeBin, testScale, UNIT_FACTORS, type UnitFactor } from '@tidemark/statistics'
import { rowReader } from './cast.ts'
import type { CleanRow, QualityRule, RawRow, Reference, Refusal, RowVerdict } from './types.ts'

// Natural log of the evidence a unit mistake needs: chance alone gives it to one group of rows in 10,000.
const UNIT_LOG_EVIDENCE = Math.log(10_000)

// From this share on the whole group is kept out: a good row in quarantine can be released, a wrong one in the data cannot be told any more.
const MOSTLY = 0.75

type GoodRow = Extract<RowVerdict, { kind: 'good' }>

/**
 * The quality gate: which rows of a batch may enter the dataset, and why the others may not. Rows are judged by the declared rules only; a unit
 * rule compares a month of the batch with all rows that the dataset holds, `reference`.
 * @returns a verdict for each row, in the batch's order.
 */
export function judgeBatch(
  definition: DatasetDefinition,
  rows: readonly RawRow[],
  reference: Reference,
): readonly RowVerdict[] {
  const read = rowReader(definition)
  const verdicts = rows.map((raw): RowVerdict => {
    const cast = read(raw)
    if (cast.kind === 'wrong') return quarantined(raw, 'type', cast.column, cast.reason)
    const refusal = judgeRow(definition, cast.row)
    if (refusal) return { kind: 'quarantined', row: raw, refusal }
    return { kind: 'good', row: cast.row, eventTime: eventTimeOf(definition, cast.row) }
  })
  for (const rule of definition.quality.units) judgeUnit(rule, verdicts, rows, reference.get(rule.column) ?? {})
  return verdicts
}

/** When the row's thing happened; null without an event-time column or value. */
export function eventTimeOf(definition: DatasetDefinition, row: CleanRow): Date | null {
  const value = definition.eventTime === null ? null : (row[definition.eventTime] ?? null)
  return typeof value === 'string' ? new Date(value) : null
}

function quarantined(row: RawRow, rule: QualityRule, column: string | null, reason: string): RowVerdict {
  return { kind: 'quarantined', row, refusal: { rule, column, reason } }
}

function judgeRow(definition: DatasetDefinition, row: CleanRow): Refusal | null {
  const missing = definition.key.find((column) => row[column] === null || row[column] === undefined)
  if (missing !== undefined)
    return { rule: 'missing_key', column: missing, reason: `The key column "${missing}" is missing.` }
  return judgeDate(definition, row) ?? judgeRanges(definition, row)
}

function judgeDate(definition: DatasetDefinition, row: CleanRow): Refusal | null {
  const { snapshotEnd, eventTime: column } = definition
  const time = eventTimeOf(definition, row)
  if (snapshotEnd === null || time === null || column === null) return null
  const day = time.toISOString().slice(0, 10)
  if (day <= snapshotEnd) return null
  const century = `${String(time.getUTCFullYear() - 100)}${day.slice(4)}`
  const reading = century <= snapshotEnd ? ` A two-digit year was probably read as 20xx: ${century} would fit.` : ''
  return {
    rule: 'after_snapshot_end',
    column,
    reason: `"${column}" is ${day}, after the snapshot's end ${snapshotEnd}, which the source cannot know.${reading}`,
  }
}

function judgeRanges(definition: DatasetDefinition, row: CleanRow): Refusal | null {
  for (const { column, min, max, unit } of definition.quality.ranges) {
    const value = row[column]
    if (typeof value !== 'number') continue
    const name = `"${column}" is ${value}${unit ? ` ${unit}` : ''}`
    if (min !== undefined && value < min) return { rule: 'range', column, reason: `${name}, below ${min}.` }
    if (max !== undefined && value > max) return { rule: 'range', column, reason: `${name}, above ${max}.` }
  }
  return null
}

/** Replaces the verdicts of rows whose column arrived in another unit, month by month, so that a fault that begins within a batch is dated. */
function judgeUnit(rule: UnitRule, verdicts: RowVerdict[], raw: readonly RawRow[], reference: MagnitudeCounts): void {
  if (total(reference) < rule.minRows) return
  const valued = verdicts.flatMap((verdict, index) =>
    verdict.kind === 'good' && typeof verdict.row[rule.column] === 'number' ? [{ verdict, index }] : [],
  )
  valued.sort((a, b) => (a.verdict.eventTime?.getTime() ?? 0) - (b.verdict.eventTime?.getTime() ?? 0))
  for (const group of monthGroups(valued, rule.minRows)) {
    const values = group.map(({ verdict }) => Number(verdict.row[rule.column]))
    const { fault, logEvidence } = testScale(magnitudes(values), reference, unitsOf(rule))
    if (fault === null || logEvidence < UNIT_LOG_EVIDENCE) continue
    const since = group[0]?.verdict.eventTime?.toISOString().slice(0, 10)
    const told = fault.factor < 1 ? `${round(1 / fault.factor)} times smaller` : `${round(fault.factor)} times larger`
    const reason =
      `"${rule.column}" arrived ${told} than before (median ${median(values)} against about ${round(typical(reference))}), ` +
      `as a mistaken unit makes it (${fault.meaning})${since ? `, since ${since}` : ''}.`
    for (const { verdict, index } of group) {
      const value = Number(verdict.row[rule.column])
      if (fault.share < MOSTLY && !looksScaled(value, fault.factor, reference)) continue
      verdicts[index] = quarantined(raw[index] ?? verdict.row, 'unit', rule.column, reason)
    }
  }
}

/** Rows by month of event time; months too small to judge join the next one, the last the one before. */
function monthGroups<T extends { verdict: GoodRow }>(rows: readonly T[], minRows: number): T[][] {
  const groups: T[][] = []
  let open: T[] = []
  let month = ''
  for (const row of rows) {
    const next = row.verdict.eventTime?.toISOString().slice(0, 7) ?? ''
    if (next !== month && open.length >= minRows) {
      groups.push(open)
      open = []
    }
    month = next
    open.push(row)
  }
  if (open.length >= minRows) groups.push(open)
  else groups.at(-1)?.push(...open)
  return groups
}

/** The declared factors, with what each means where that is known. Judging only these tells close ones apart with few rows. */
function unitsOf(rule: UnitRule): UnitFactor[] {
  return rule.factors.map(
    (factor) =>
      UNIT_FACTORS.find((unit) => unit.factor === factor) ?? { factor, meaning: `a factor of ${factor}`, prior: 1 },
  )
}

/** In a group of which only a share is scaled: is this value nearer to the usual size when scaled back? */
function looksScaled(value: number, factor: number, reference: MagnitudeCounts): boolean {
  const usual = Math.log(typical(reference))
  const size = Math.log(Math.abs(value))
  return Math.abs(size - Math.log(factor) - usual) < Math.abs(size - usual)
}

/** Counts of magnitudes, as the reference of a later comparison. */
export function magnitudes(values: readonly number[]): MagnitudeCounts {
  const counts: Record<number, number> = {}
  for (const value of values) {
    const bin = magnitudeBin(value)
    if (bin !== null) counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts
}

function total(counts: MagnitudeCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** The median size that magnitude counts (40 bins per factor of ten) stand for. */
function typical(counts: MagnitudeCounts): number {
  const bins = Object.entries(counts)
    .map(([bin, count]) => ({ bin: Number(bin), count }))
    .sort((a, b) => a.bin - b.bin)
  let left = total(counts) / 2
  for (const { bin, count } of bins) {
    left -= count
    if (left <= 0) return 10 ** ((bin + 0.5) / 40)
  }
  return 1
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
