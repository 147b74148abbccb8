import type { Cell, InputColumn } from '@tidemark/contracts'
import { categoryOf, isNumeric, numberOf, type Profile, profileCategories, profileNumbers } from './profile.ts'

/** Reads a parquet file of raw serving columns into a profile. DuckDB is loaded here, when it is first needed: it costs 43 MB. */
export async function profileParquet(
  file: string,
  columns: readonly InputColumn[],
  holdoutPredictions: readonly number[] | null,
): Promise<Profile> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', enable_external_access: 'true' })
  const connection = await instance.connect()
  try {
    const described = await connection.runAndReadAll('describe select * from read_parquet($1)', [file])
    const there = new Set(described.getRowsJS().map((row) => String(row[0])))
    const features: Profile['features'] = []
    let rows = 0
    // A column at a time: memory stays at one column, whatever the width.
    for (const column of columns.filter(({ name }) => there.has(name))) {
      const identifier = `"${column.name.replaceAll('"', '""')}"`
      const type = isNumeric(column) ? 'double' : 'varchar'
      const read = await connection.runAndReadAll(`select try_cast(${identifier} as ${type}) from read_parquet($1)`, [
        file,
      ])
      const cells = (read.getColumnsJS()[0] ?? []) as Cell[]
      rows = cells.length
      features.push(
        isNumeric(column)
          ? profileNumbers(column.name, cells.map(numberOf))
          : profileCategories(column.name, cells.map(categoryOf)),
      )
    }
    const predictions = holdoutPredictions ? profileNumbers('prediction', holdoutPredictions) : null
    return { format: 1, rows, features, predictions }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
