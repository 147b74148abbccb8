import type { DuckDBConnection, DuckDBResult, DuckDBVector } from '@duckdb/node-api'
import type { BatchJob } from './job.ts'

/** Numbers, NaN where a value is missing; or other cells, null there. */
export type Column = Float64Array | readonly unknown[]

/** Rows of a job's input in their order, by column. Numbers lie in memory that the part after the next is read into. */
export interface Part {
  readonly from: number
  readonly rows: number
  readonly columns: ReadonlyMap<string, Column>
  /** Texts that name the rows, one list a key column. */
  readonly keys: readonly (readonly unknown[])[]
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
  async *parts(names: readonly string[], keys: readonly string[], from: number, size: number): AsyncGenerator<Part> {
    const present = [...new Set(names)].filter((name) => this.has(name))
    const asked = [...present.map((name) => this.shown(name)), ...keys.map((name) => this.named(name))]
    const result = await this.connection.stream(`select ${asked.join(', ')} from ${this.table} offset ${from}`)
    const numeric = present.map((name) => this.isNumeric(name))
    let start = from
    for await (const { rows, columns } of inParts(result, [...numeric, ...keys.map(() => false)], size)) {
      yield {
        from: start,
        rows,
        columns: new Map(present.map((name, place) => [name, columns[place] ?? []])),
        keys: columns.slice(present.length) as unknown[][],
      }
      start += rows
    }
  }

  private isNumeric(column: string): boolean {
    const type = this.types.get(column) ?? ''
    return type === 'DOUBLE' || type === 'FLOAT' || NUMBERS.test(type)
  }

  /** A key as text: a number of 64 bits keeps all of its digits. */
  private named(column: string): string {
    const type = this.types.get(column) ?? ''
    return type === 'DATE' || type.startsWith('TIMESTAMP') ? this.shown(column) : `${quoted(column)}::varchar`
  }

  private shown(column: string): string {
    const name = quoted(column)
    const type = this.types.get(column) ?? ''
    // Without nulls: to ask for each cell of a column whether it is one costs more than all else here.
    if (this.isNumeric(column)) return `coalesce(${name}::double, 'nan'::double)`
    if (type === 'VARCHAR' || type === 'BOOLEAN') return name
    if (type === 'DATE') return `strftime(${name}, '%Y-%m-%d')`
    if (type.startsWith('TIMESTAMP')) return `strftime(${name}::timestamp, '%Y-%m-%dT%H:%M:%S.%gZ')`
    return `${name}::varchar`
  }
}

interface Rows {
  readonly rows: number
  readonly columns: Column[]
}

/** DuckDB's chunks of 2,048 rows, put together. */
async function* inParts(result: DuckDBResult, numeric: readonly boolean[], size: number): AsyncGenerator<Rows> {
  // Two in turn: memory that is made anew for each part is given back late, and a long file would seem to need it all.
  const numbers = [0, 1].map(() => numeric.map((is) => (is ? new Float64Array(size) : null)))
  const opened = (part: number): (Float64Array | unknown[])[] =>
    numeric.map((_, place) => numbers[part % 2]?.[place] ?? [])
  let part = 0
  let open = opened(part)
  let filled = 0
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) break
    const vectors = numeric.map((_, place) => chunk.getColumnVector(place))
    for (let taken = 0; taken < chunk.rowCount; ) {
      const count = Math.min(chunk.rowCount - taken, size - filled)
      for (const [place, vector] of vectors.entries()) {
        const column = open[place]
        if (column instanceof Float64Array) copyNumbers(column, filled, vector, taken, count)
        else if (column) for (let row = 0; row < count; row++) column.push(vector.getItem(taken + row))
      }
      filled += count
      taken += count
      if (filled < size) continue
      yield { rows: filled, columns: open }
      part += 1
      open = opened(part)
      filled = 0
    }
  }
  if (filled > 0)
    yield {
      rows: filled,
      columns: open.map((column) => (column instanceof Float64Array ? column.subarray(0, filled) : column)),
    }
}

/** Copies numbers out of a vector without nulls, at once where it shows them as they lie. */
function copyNumbers(to: Float64Array, at: number, from: DuckDBVector, first: number, count: number): void {
  const { items } = from as { readonly items?: unknown }
  if (items instanceof Float64Array) to.set(items.subarray(first, first + count), at)
  else for (let row = 0; row < count; row++) to[at + row] = from.getItem(first + row) as number
}

/** Cells as a request has them. */
export function cellsOf(column: Column): readonly unknown[] {
  return column instanceof Float64Array ? Array.from(column, (value) => (Number.isNaN(value) ? null : value)) : column
}
