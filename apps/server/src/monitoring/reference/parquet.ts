import type { DuckDBConnection } from '@duckdb/node-api'
import type { Cell, InputColumn, MonitoringPolicy } from '@tidemark/contracts'
import type { ReferenceFiles } from '../types.ts'
import {
  categoryOf,
  type FeatureProfile,
  isNumeric,
  numberOf,
  type Profile,
  profileCategories,
  profileNumbers,
} from './profile.ts'

/** Holdout windows with at least so many rows tell whether a column follows the calendar, if there are so many windows. */
const FEWEST_ROWS = 3
const FEWEST_WINDOWS = 6
const SHARE_OF_ONE_VALUE = 0.9

/** Reads parquet files of raw serving columns into a profile. DuckDB is loaded here, when it is first needed: it costs 43 MB. */
export async function profileParquet(
  files: ReferenceFiles,
  columns: readonly InputColumn[],
  window: MonitoringPolicy['window'],
  holdoutPredictions: readonly number[] | null,
): Promise<Profile> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    const there = await columnsOf(connection, files.training)
    const inHoldout = files.holdout ? await columnsOf(connection, files.holdout) : new Set()
    const features: FeatureProfile[] = []
    let rows = 0
    // A column at a time: memory stays at one column, whatever the width.
    for (const column of columns.filter(({ name, type }) => there.has(name) && type !== 'json')) {
      const type = isNumeric(column) ? 'double' : 'varchar'
      const read = await connection.runAndReadAll(
        `select try_cast(${quoted(column.name)} as ${type}) from read_parquet($1)`,
        [files.training],
      )
      const cells = (read.getColumnsJS()[0] ?? []) as Cell[]
      rows = cells.length
      const profile = isNumeric(column)
        ? profileNumbers(column.name, cells.map(numberOf))
        : profileCategories(column.name, cells.map(categoryOf))
      const dated = files.holdout !== null && inHoldout.has('event_time') && inHoldout.has(column.name)
      const followsCalendar = dated && (await followsWindows(connection, files.holdout, column.name, window))
      features.push({ ...profile, followsCalendar })
    }
    const predictions = holdoutPredictions ? profileNumbers('prediction', holdoutPredictions) : null
    return { format: 1, rows, features, predictions }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function columnsOf(connection: DuckDBConnection, file: string): Promise<Set<string>> {
  const described = await connection.runAndReadAll('describe select * from read_parquet($1)', [file])
  return new Set(described.getRowsJS().map((row) => String(row[0])))
}

/** Whether nearly every window of the holdout holds one value of the column, and not always the same one. */
async function followsWindows(
  connection: DuckDBConnection,
  holdout: string,
  column: string,
  window: MonitoringPolicy['window'],
): Promise<boolean> {
  const value = quoted(column)
  const read = await connection.runAndReadAll(
    `select count(*)::int as windows, coalesce(avg((kinds = 1)::int), 0)::double as single, count(distinct first)::int as kinds from (
       select count(distinct ${value}) as kinds, min(${value})::varchar as first from read_parquet($1)
       where ${value} is not null group by date_trunc('${window}', try_cast(event_time as timestamp)) having count(*) >= ${FEWEST_ROWS})`,
    [holdout],
  )
  const [windows, single, kinds] = (read.getRowsJS()[0] ?? []).map(Number)
  return (windows ?? 0) >= FEWEST_WINDOWS && (single ?? 0) >= SHARE_OF_ONE_VALUE && (kinds ?? 0) >= 3
}

const quoted = (column: string): string => `"${column.replaceAll('"', '""')}"`
