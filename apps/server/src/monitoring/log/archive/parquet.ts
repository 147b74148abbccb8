import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { InputColumn, LogRecord } from '@tidemark/contracts'
import { Analytics, type AnalyticsSession, identifier, literal } from '../../../data/index.ts'
import { conditionSql, type Filter, sqlOf } from './filter.ts'
import { type ArchiveRow, type InputTypes, inputName, linesOf, META, typesOf } from './rows.ts'
import type { ArchiveFile } from './store.ts'

type Place = Pick<ArchiveFile, 'workspace' | 'endpoint' | 'kind' | 'day'>

/** Where a file lies below the archive's folder: partitions that DuckDB and pandas read from the path. */
export function pathOf(folder: string, { workspace, endpoint, kind, day, file }: Place & { file: string }): string {
  const part = (key: string, value: string) => `${key}=${encodeURIComponent(value)}`
  return join(folder, `${kind}s`, part('workspace', workspace), part('endpoint', endpoint), part('day', day), file)
}

/** A day of a million rows is sorted in so much, the rest on the disk. */
const MEMORY_MEGABYTES = 256

/** The archive's Parquet files on this disk. A file is complete and synced before its name appears. */
export class ParquetFiles {
  readonly folder: string
  /** For files on their way. */
  readonly work: string
  private readonly analytics: Analytics
  /** Ends with the sort that is under way. */
  private sorting: Promise<unknown> = Promise.resolve()

  constructor(folder: string, work: string) {
    this.folder = folder
    this.work = work
    this.analytics = new Analytics(work, MEMORY_MEGABYTES)
  }

  async close(): Promise<void> {
    await this.analytics.close()
  }

  pathOf(file: Place & { file: string }): string {
    return pathOf(this.folder, file)
  }

  /** Writes records of one place as a file, without those whose ids are in `known` files. @returns null when nothing is left */
  async write(
    place: Place,
    records: Iterable<LogRecord>,
    signature: readonly InputColumn[],
    known: readonly ArchiveFile[],
  ): Promise<ArchiveFile | null> {
    return this.withRows(records, signature, null, (rows) => {
      const without =
        known.length === 0 ? '' : `where prediction_id not in (select prediction_id from ${this.table(known)})`
      return this.copy(place, `select * from (${rows}) ${without}`)
    })
  }

  /** Writes the rows of files and of records that a filter means as one file for a person; `target` is a path of this program's own. */
  async export(
    files: readonly ArchiveFile[],
    records: readonly LogRecord[],
    signature: readonly InputColumn[],
    filter: Filter,
    target: string,
  ): Promise<void> {
    const archived = files.length === 0 ? [] : [`select * from ${this.table(files)}`]
    const empty = `select ${Object.entries(META)
      .map(([name, type]) => `null::${type} as ${name}`)
      .join(', ')} where false`
    const write = (fresh: readonly string[]) =>
      this.alone(async (session) => {
        const all = [empty, ...archived, ...fresh].join(' union all by name ')
        const columns = await describe(session, `(${all})`)
        const conditions = [sqlOf(filter), ...filter.where.map((condition) => conditionSql(condition, columns))]
        await session.run(`copy (select * from (${all}) where ${conditions.join(' and ')} order by prediction_id, row)
          to ${literal(target)} (format parquet, compression zstd)`)
      })
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    if (records.length === 0) return write([])
    await this.withRows(records, signature, undefined, (rows) => write([rows]))
  }

  /** One sort after the other: two that meet in the same memory both fail of it. */
  private alone<T>(work: (session: AnalyticsSession) => Promise<T>): Promise<T> {
    const turn = this.sorting.then(() => this.analytics.use(work))
    this.sorting = turn.catch(() => {})
    return turn
  }

  /** Gives records to `work` as a question for their rows; without any record its answer is `none`. */
  private async withRows<T>(
    records: Iterable<LogRecord>,
    signature: readonly InputColumn[],
    none: T,
    work: (rows: string) => Promise<T>,
  ): Promise<T> {
    const ids = new Set<string>()
    const once = [...records].filter(({ id }) => ids.size < ids.add(id).size)
    if (once.every((record) => record.entities.length === 0)) return none
    const types = typesOf(once, signature)
    const text = join(this.work, `${randomUUID()}.ndjson`)
    await mkdir(this.work, { recursive: true, mode: 0o700 })
    try {
      await pipeline(Readable.from(blocksOf(once, types)), createWriteStream(text, { mode: 0o600 }))
      const inputs = [...types].map(([column, type]): [string, string] => [
        inputName(column, types),
        type === 'JSON' ? 'VARCHAR' : type,
      ])
      const source = `read_json(${literal(text)}, format = 'newline_delimited', columns = ${columnsOf(inputs)})`
      return await work(`select ${selectOf(inputs)} from ${source}`)
    } finally {
      await rm(text, { force: true })
    }
  }

  /** Writes the rows of some files that meet a condition as one file. @returns null when none does */
  async rewrite(place: Place, files: readonly ArchiveFile[], condition = 'true'): Promise<ArchiveFile | null> {
    return this.copy(place, `select * from ${this.table(files)} where ${condition}`)
  }

  private async copy(place: Place, rows: string): Promise<ArchiveFile | null> {
    const file = `${randomUUID()}.parquet`
    const made = join(this.work, file)
    await mkdir(this.work, { recursive: true, mode: 0o700 })
    try {
      const facts = await this.alone(async (session) => {
        await session.run(
          `copy (${rows} order by prediction_id, row) to ${literal(made)} (format parquet, compression zstd)`,
        )
        const [row] = await session.rows<Facts>(
          `select count(distinct prediction_id)::double as predictions, count(*)::double as rows, min(prediction_id) as lowest,
            max(prediction_id) as highest, epoch_ms(min(event_time))::double as earliest, epoch_ms(max(event_time))::double as latest
          from read_parquet(${literal(made)})`,
        )
        return row
      })
      if (!facts || facts.rows === 0) return null
      const path = this.pathOf({ ...place, file })
      await keep(made, path)
      return {
        ...place,
        file,
        predictions: facts.predictions,
        rows: facts.rows,
        bytes: (await stat(path)).size,
        lowestId: facts.lowest,
        highestId: facts.highest,
        earliest: new Date(facts.earliest),
        latest: new Date(facts.latest),
      }
    } finally {
      await rm(made, { force: true })
    }
  }

  /** Rows of a file that meet a condition on its columns, in the order of prediction and row; times are milliseconds since 1970. */
  async rows(file: ArchiveFile, condition = 'true'): Promise<ArchiveRow[]> {
    return this.analytics.use(async (session) => {
      const shown = shownOf(await this.columnsIn(session, file))
      return session.rows<ArchiveRow>(
        `select ${shown} from (from ${this.table([file])} where ${condition} order by prediction_id, row)`,
      )
    })
  }

  /** The newest rows of a file that a filter means, at most `limit`. */
  async newest(file: ArchiveFile, filter: Filter, limit: number): Promise<ArchiveRow[]> {
    return this.analytics.use(async (session) => {
      const columns = await this.columnsIn(session, file)
      const conditions = filter.where.map((condition) => conditionSql(condition, columns))
      return session.rows<ArchiveRow>(`
        select ${shownOf(columns)} from (from ${this.table([file])} where ${[sqlOf(filter), ...conditions].join(' and ')}
          order by prediction_id desc, row limit ${limit})`)
    })
  }

  /** How many rows of a file meet a condition. */
  async count(file: ArchiveFile, condition: string): Promise<number> {
    const [row] = await this.analytics.use((session) =>
      session.rows<{ n: number }>(`select count(*)::double as n from ${this.table([file])} where ${condition}`),
    )
    return row?.n ?? 0
  }

  private async columnsIn(session: AnalyticsSession, file: ArchiveFile): Promise<Map<string, string>> {
    return describe(session, this.table([file]))
  }

  private table(files: readonly ArchiveFile[]): string {
    const paths = files.map((file) => literal(this.pathOf(file)))
    return `read_parquet([${paths.join(', ')}], union_by_name = true, hive_partitioning = false)`
  }
}

const BLOCK_CHARACTERS = 1 << 17

/** The lines of records in blocks: a write for each line costs more than the line. */
function* blocksOf(records: readonly LogRecord[], types: InputTypes): Generator<string> {
  let block = ''
  for (const record of records) {
    block += linesOf(record, types)
    if (block.length < BLOCK_CHARACTERS) continue
    yield block
    block = ''
  }
  if (block !== '') yield block
}

interface Facts {
  predictions: number
  rows: number
  lowest: string
  highest: string
  earliest: number
  latest: number
}

/** Columns of a table in SQL, with their types. */
async function describe(session: AnalyticsSession, table: string): Promise<Map<string, string>> {
  const described = await session.rows<{ column_name: string; column_type: string }>(`describe select * from ${table}`)
  return new Map(described.map(({ column_name: name, column_type: type }) => [name, type]))
}

/** As JSON DuckDB gives 64 bits as text; none here is beyond what a number holds. */
function shownOf(columns: ReadonlyMap<string, string>): string {
  const shown = [...columns].map(([column, type]) => {
    const name = identifier(column)
    if (type === 'TIMESTAMP') return `epoch_ms(${name})::double as ${name}`
    return type === 'BIGINT' || type === 'INTEGER' ? `${name}::double as ${name}` : name
  })
  return shown.join(', ')
}

function columnsOf(inputs: readonly (readonly [string, string])[]): string {
  const meta = Object.entries(META).map(([name, type]) => [name, type === 'TIMESTAMP' ? 'BIGINT' : type] as const)
  return `{${[...meta, ...inputs].map(([name, type]) => `${literal(name)}: ${literal(type)}`).join(', ')}}`
}

function selectOf(inputs: readonly (readonly [string, string])[]): string {
  const meta = Object.entries(META).map(([name, type]) =>
    type === 'TIMESTAMP' ? `make_timestamp(${identifier(name)} * 1000) as ${identifier(name)}` : identifier(name),
  )
  return [...meta, ...inputs.map(([name]) => identifier(name))].join(', ')
}

/** Syncs a file and gives it its place. */
async function keep(made: string, path: string): Promise<void> {
  const file = await open(made, 'r')
  await file.sync().finally(() => file.close())
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await rename(made, path)
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}
