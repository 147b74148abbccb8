import type { DuckDBConnection, DuckDBResult } from '@duckdb/node-api'
import type { BatchJob } from './job.ts'

export type Column = readonly unknown[]

/** Rows of a job's input in their order, as columns of JSON values. */
export interface Part {
  readonly from: number
  readonly rows: number
  readonly columns: Readonly<Record<string, Column>>
}

const READERS = {
  parquet: (file: string) => `read_parquet(${file})`,
  csv: (file: string) => `read_csv(${file}, header = true)`,
  ndjson: (file: string) => `read_json(${file}, format = 'newline_delimited')`,
} as const

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
const text = (value: string) => `'${value.replaceAll("'", "''")}'`

const NUMBERS = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|DECIMAL.*)$/

/** The input of a batch: read as a stream, so that its size does not matter. */
export class Source {
  private readonly connection: DuckDBConnection
  private readonly table: string
  private readonly types: ReadonlyMap<string, string>

  private constructor(connection: DuckDBConnection, table: string, types: ReadonlyMap<string, string>) {
    this.connection = connection
    this.table = table
    this.types = types
  }

  /** @throws Error of DuckDB when the file is not of its format */
  static async open(connection: DuckDBConnection, job: Pick<BatchJob, 'file' | 'format'>): Promise<Source> {
    const table = READERS[job.format](text(job.file))
    const described = (await connection.runAndReadAll(`describe select * from ${table}`)).getRowObjectsJson()
    return new Source(
      connection,
      table,
      new Map(described.map((row) => [String(row.column_name), String(row.column_type)])),
    )
  }

  get names(): string[] {
    return [...this.types.keys()]
  }

  has(column: string): boolean {
    return this.types.has(column)
  }

  async count(): Promise<number> {
    const counted = await this.connection.runAndReadAll(`select count(*)::double as n from ${this.table}`)
    return Number(counted.getRowObjectsJson()[0]?.n ?? 0)
  }

  /** Parts of at most `size` rows from a row on. Columns that the input lacks are left out; NaN is a missing value, as in a data frame. */
  async *parts(names: readonly string[], from: number, size: number): AsyncGenerator<Part> {
    const present = [...new Set(names)].filter((name) => this.has(name))
    const result = await this.connection.stream(
      `select ${present.map((name) => this.shown(name)).join(', ')} from ${this.table} offset ${from}`,
    )
    let start = from
    for await (const columns of inParts(result, present.length, size)) {
      const rows = columns[0]?.length ?? 0
      yield {
        from: start,
        rows,
        columns: Object.fromEntries(present.map((name, place) => [name, columns[place] ?? []])),
      }
      start += rows
    }
  }

  private shown(column: string): string {
    const name = quoted(column)
    const type = this.types.get(column) ?? ''
    if (type === 'DOUBLE' || type === 'FLOAT') return `case when isnan(${name}) then null else ${name}::double end`
    if (NUMBERS.test(type)) return `${name}::double`
    if (type === 'VARCHAR' || type === 'BOOLEAN') return name
    if (type === 'DATE') return `strftime(${name}, '%Y-%m-%d')`
    if (type.startsWith('TIMESTAMP')) return `strftime(${name}::timestamp, '%Y-%m-%dT%H:%M:%S.%gZ')`
    return `${name}::varchar`
  }
}

/** DuckDB's chunks of 2,048 rows, put together. */
async function* inParts(result: DuckDBResult, width: number, size: number): AsyncGenerator<unknown[][]> {
  let open: unknown[][] = Array.from({ length: width }, () => [])
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) break
    const columns = chunk.getColumns()
    for (const [place, column] of columns.entries()) for (const value of column) open[place]?.push(value)
    while ((open[0]?.length ?? 0) >= size) {
      const rest = open.map((column) => column.slice(size))
      for (const column of open) column.length = size
      yield open
      open = rest
    }
  }
  if ((open[0]?.length ?? 0) > 0) yield open
}
