import type { ColumnProfile, DatasetDefinition, DatasetProfile, DataType } from '@tidemark/contracts'
import { type AnalyticsSession, identifier } from './duckdb.ts'

const HISTOGRAM_BINS = 24
const TOP_VALUES = 20
const QUANTILES = { p01: 0.01, p05: 0.05, p25: 0.25, p50: 0.5, p75: 0.75, p95: 0.95, p99: 0.99 } as const

/** Profiles the view `active`, column by column. */
export async function profileActive(session: AnalyticsSession, definition: DatasetDefinition): Promise<DatasetProfile> {
  const [total] = await session.rows<{ rows: number }>('select count(*)::double as rows from active')
  const columns: ColumnProfile[] = []
  for (const [column, { type }] of Object.entries(definition.columns))
    columns.push(await profileColumn(session, column, type))
  return { formatVersion: 1, rows: total?.rows ?? 0, columns }
}

async function profileColumn(session: AnalyticsSession, column: string, type: DataType): Promise<ColumnProfile> {
  const name = identifier(column)
  const [counts] = await session.rows<{ rows: number; present: number; distinct: number }>(`
    select count(*)::double as rows, count(${name})::double as present, count(distinct ${name})::double as distinct from active`)
  const { rows = 0, present = 0, distinct = 0 } = counts ?? {}
  const base = { column, type, rows, missing: rows - present, distinct }
  const empty = present === 0
  switch (type) {
    case 'number':
    case 'integer':
      return { ...base, numeric: empty ? null : await numericProfile(session, name), time: null, top: [] }
    case 'date':
    case 'timestamp':
      return { ...base, numeric: null, time: empty ? null : await timeProfile(session, name), top: [] }
    case 'string':
    case 'boolean':
      return { ...base, numeric: null, time: null, top: await topValues(session, name) }
  }
}

async function numericProfile(session: AnalyticsSession, name: string): Promise<ColumnProfile['numeric']> {
  const quantiles = Object.entries(QUANTILES).map(
    ([label, share]) => `quantile_cont(${name}::double, ${share}) as ${label}`,
  )
  const [row] = await session.rows<
    Record<keyof typeof QUANTILES | 'min' | 'max' | 'mean', number> & { sd: number | null }
  >(`select min(${name})::double as min, max(${name})::double as max, avg(${name})::double as mean, stddev_samp(${name}::double) as sd,
      ${quantiles.join(', ')} from active`)
  if (!row) return null
  const { min, max, mean, sd, ...shares } = row
  const width = (max - min) / HISTOGRAM_BINS
  // A column of one value has one bar, not 24 of width nothing.
  const bin = width > 0 ? `least(floor((${name}::double - ${min}) / ${width}), ${HISTOGRAM_BINS - 1})` : '0.0'
  const counted = await session.rows<{ bin: number; rows: number }>(`
    select (${bin})::double as bin, count(*)::double as rows from active where ${name} is not null group by 1`)
  const byBin = new Map(counted.map((each) => [each.bin, each.rows]))
  const histogram = Array.from({ length: width > 0 ? HISTOGRAM_BINS : 1 }, (_, index) => ({
    from: min + index * width,
    to: width > 0 ? min + (index + 1) * width : max,
    rows: byBin.get(index) ?? 0,
  }))
  return { min, max, mean, standardDeviation: sd, quantiles: shares, histogram }
}

async function timeProfile(session: AnalyticsSession, name: string): Promise<ColumnProfile['time']> {
  const instant = (aggregate: string) => `strftime(${aggregate}(${name})::timestamp, '%Y-%m-%dT%H:%M:%S.%gZ')`
  const [range] = await session.rows<{ from: string; to: string }>(
    `select ${instant('min')} as "from", ${instant('max')} as "to" from active`,
  )
  if (!range) return null
  const byYear = await session.rows<{ year: number; rows: number }>(`
    select year(${name})::double as year, count(*)::double as rows from active where ${name} is not null group by 1 order by 1`)
  return { ...range, byYear }
}

async function topValues(session: AnalyticsSession, name: string): Promise<ColumnProfile['top']> {
  return session.rows(`
    select ${name}::varchar as value, count(*)::double as rows from active where ${name} is not null
    group by 1 order by 2 desc, 1 limit ${TOP_VALUES}`)
}
