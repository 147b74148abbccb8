import { createHash } from 'node:crypto'
import type { DatasetDefinition, DataType } from '@tidemark/contracts'
import type { MagnitudeCounts } from '@tidemark/statistics'
import { type AnalyticsSession, identifier, literal } from './duckdb.ts'
import type { Chunk } from './types.ts'

/** What a version's rows are read from. */
export interface ChunkSource {
  readonly definition: DatasetDefinition
  readonly chunks: readonly Chunk[]
}
type PathOf = (digest: string) => string

const SQL_TYPES: Readonly<Record<DataType, string>> = {
  string: 'VARCHAR',
  number: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
}

/** The row's content hash, beside its columns in each file. */
const HASH = '__row'

/** Columns of a definition as a select list. */
export function columnList(definition: DatasetDefinition): string {
  return Object.keys(definition.columns).map(identifier).join(', ')
}

/** The fixed order of a version's rows: event time, key, content. The same rows make the same files. */
function rowOrder(definition: DatasetDefinition): string {
  const columns = definition.eventTime === null ? definition.key : [definition.eventTime, ...definition.key]
  return [...[...new Set(columns)].map((name) => `${identifier(name)} nulls last`), HASH].join(', ')
}

/** Declares the view `active`: the version's rows, without those that later batches replaced. */
export async function declareActive(session: AnalyticsSession, source: ChunkSource, pathOf: PathOf): Promise<void> {
  const { definition, chunks } = source
  const select = (chunk: Chunk, index: number, columns: string) =>
    `select ${columns}, ${index} as ordinal from read_parquet(${literal(pathOf(chunk.digest))})`
  const numbered = chunks.map((chunk, index) => ({ chunk, index }))
  const rows = numbered.filter(({ chunk }) => chunk.kind === 'rows')
  const removals = numbered.filter(({ chunk }) => chunk.kind === 'removals')
  const typed = Object.entries(definition.columns).map(
    ([name, { type }]) => `null::${SQL_TYPES[type]} as ${identifier(name)}`,
  )
  // The empty first part carries the declared columns: a file written before a column was declared lacks it.
  const empty = `select ${typed.join(', ')}, null::blob as ${HASH}, 0 as ordinal where false`
  const written = rows.map(({ chunk, index }) => select(chunk, index, '*')).join(' union all by name ')
  const removed = removals.map(({ chunk, index }) => select(chunk, index, HASH)).join(' union all ')
  await session.run(`
    create or replace temp view active as
    with written as (${empty}${written ? ` union all by name ${written}` : ''}),
    removed as (select ${HASH}, max(ordinal) as ordinal from (${removed || `select null::blob as ${HASH}, 0 as ordinal where false`}) group by 1)
    select ${columnList(definition)}, ${HASH} from written left join removed using (${HASH})
    where removed.ordinal is null or removed.ordinal < written.ordinal`)
}

/** Loads a batch's good rows (NDJSON with `__row` in hex) as the table `batch`. */
export async function loadBatch(session: AnalyticsSession, definition: DatasetDefinition, file: string): Promise<void> {
  const columns = Object.entries(definition.columns).map(
    ([name, { type }]) => `${literal(name)}: ${literal(SQL_TYPES[type])}`,
  )
  await session.run(`
    create or replace temp table batch as
    select * exclude (${HASH}), unhex(${HASH}) as ${HASH}
    from read_json(${literal(file)}, format = 'newline_delimited', columns = {${columns.join(', ')}, '${HASH}': 'VARCHAR'})`)
}

/**
 * Loads rows of Parquet files as the table `batch`, however many they are. Their content hash is made in SQL: the same rows from files hash alike, but not
 * like rows that were sent as JSON.
 */
export async function loadFiles(
  session: AnalyticsSession,
  definition: DatasetDefinition,
  files: readonly string[],
): Promise<void> {
  const columns = Object.entries(definition.columns).map(
    ([name, { type }]) => `${identifier(name)}::${SQL_TYPES[type]} as ${identifier(name)}`,
  )
  const hashed = Object.keys(definition.columns).flatMap((name) => [literal(name), identifier(name)])
  await session.run(`
    create or replace temp table batch as
    select *, unhex(sha256(json_object(${hashed.join(', ')})::varchar)) as ${HASH}
    from (select ${columns.join(', ')} from read_parquet([${files.map(literal).join(', ')}]))`)
}

/** How a loaded batch differs from the active rows. Needs `active` and `batch`; leaves the tables `fresh` and `replaced`. */
export async function compareBatch(
  session: AnalyticsSession,
  definition: DatasetDefinition,
): Promise<{ newRows: number; replacedRows: number }> {
  const key = definition.key.map(identifier).join(', ')
  await session.run(`create or replace temp table fresh as select * from batch anti join active using (${HASH})`)
  await session.run(
    `create or replace temp table replaced as select ${HASH} from active semi join fresh using (${key})`,
  )
  const [counts] = await session.rows<{ fresh: number; replaced: number }>(
    'select (select count(*) from fresh)::double as fresh, (select count(*) from replaced)::double as replaced',
  )
  return { newRows: counts?.fresh ?? 0, replacedRows: counts?.replaced ?? 0 }
}

/** Writes the new rows, and the hashes of those they replace, as Parquet files in the fixed order. */
export async function writeFresh(
  session: AnalyticsSession,
  definition: DatasetDefinition,
  file: string,
): Promise<void> {
  await session.run(`copy (select ${columnList(definition)}, ${HASH} from fresh order by ${rowOrder(definition)})
    to ${literal(file)} (format parquet, compression zstd)`)
}

/** Writes the hashes of the rows that a batch replaces, as the chunk that hides them; in order, so that the same rows give the same bytes. */
export async function writeReplaced(session: AnalyticsSession, file: string): Promise<void> {
  await session.run(
    `copy (select ${HASH} from replaced order by 1) to ${literal(file)} (format parquet, compression zstd)`,
  )
}

/** What names and describes the active rows. `rowsDigest`: SHA-256 over their content hashes in order, hex. */
export async function summarize(
  session: AnalyticsSession,
  definition: DatasetDefinition,
): Promise<{ rows: number; rowsDigest: string; from: Date | null; to: Date | null }> {
  const time = definition.eventTime === null ? null : identifier(definition.eventTime)
  const text = (aggregate: string) =>
    time === null ? 'null' : `strftime(${aggregate}(${time})::timestamp, '%Y-%m-%dT%H:%M:%S.%gZ')`
  const [row] = await session.rows<{ rows: number; from: string | null; to: string | null }>(`
    select count(*)::double as rows, ${text('min')} as "from", ${text('max')} as "to" from active`)
  if (!row) throw new Error('An aggregate without a row.')
  // Read as a stream: joined in one text, the hashes of ten million rows are 640 MB.
  const digest = createHash('sha256')
  for await (const hashes of session.column(`select hex(${HASH}) from active order by ${HASH}`))
    digest.update(hashes.join(''))
  return {
    rows: row.rows,
    rowsDigest: digest.digest('hex'),
    from: row.from === null ? null : new Date(row.from),
    to: row.to === null ? null : new Date(row.to),
  }
}

/** Magnitudes of a numeric column of the active rows, in the statistics package's bins. */
export async function magnitudesOf(session: AnalyticsSession, column: string): Promise<MagnitudeCounts> {
  const name = identifier(column)
  const counts = await session.rows<{ bin: number; rows: number }>(`
    select floor(40 * log10(abs(${name})) + 1e-9)::double as bin, count(*)::double as rows
    from active where ${name} is not null and ${name} <> 0 group by 1`)
  return Object.fromEntries(counts.map(({ bin, rows }) => [bin, rows]))
}

/** A page of the active rows; dates as ISO text, whole numbers as numbers. */
export async function pageOf<R>(
  session: AnalyticsSession,
  definition: DatasetDefinition,
  page: { offset: number; limit: number; orderBy: string | undefined; direction: 'asc' | 'desc' },
): Promise<R[]> {
  const { direction } = page
  const order =
    page.orderBy === undefined
      ? rowOrder(definition)
      : `${identifier(page.orderBy)} ${direction} nulls last, ${rowOrder(definition)}`
  const columns = Object.entries(definition.columns).map(([name, { type }]) => {
    const column = identifier(name)
    if (type === 'date') return `strftime(${column}, '%Y-%m-%d') as ${column}`
    if (type === 'timestamp') return `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%gZ') as ${column}`
    if (type === 'integer') return `${column}::double as ${column}`
    return column
  })
  // Ordered inside on the stored values: the outer names are their texts.
  return session.rows<R>(`
    select ${columns.join(', ')} from
    (select * from active order by ${order} limit ${page.limit} offset ${page.offset})`)
}

const FORMATS = {
  parquet: 'format parquet, compression zstd',
  csv: 'format csv, header true',
  ndjson: 'format json, array false',
} as const
export type ExportFormat = keyof typeof FORMATS

/** Writes the active rows to one file, in the fixed order, with the declared columns only. */
export async function exportActive(
  session: AnalyticsSession,
  definition: DatasetDefinition,
  file: string,
  format: ExportFormat,
): Promise<void> {
  await session.run(`copy (select ${columnList(definition)} from (select * from active order by ${rowOrder(definition)}))
    to ${literal(file)} (${FORMATS[format]})`)
}
