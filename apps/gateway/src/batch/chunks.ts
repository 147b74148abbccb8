import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { JsonValue } from '@tidemark/contracts'

/** Rows of a chunk of the result; the last one may have fewer. */
export const CHUNK_ROWS = 50_000
/** Rows that a model is asked at a time; a chunk is a whole number of these. */
export const PART_ROWS = 10_000

const nameOf = (chunk: number) => `${String(chunk).padStart(6, '0')}.parquet`

/** Where a chunk of a folder lies, the first is 0. */
export const chunkPath = (folder: string, chunk: number): string => join(folder, nameOf(chunk))

export type AnswerKind = 'number' | 'string'

/** Number of chunks that are there: only whole ones have their name, and they are made in their order. */
export async function chunksDone(folder: string): Promise<number> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const there = new Set(await readdir(folder))
  let done = 0
  while (there.has(nameOf(done))) done += 1
  return done
}

/** What the answers of a run are: numbers as long as all are, else text. */
export function kindOf(values: readonly JsonValue[]): AnswerKind {
  return values.every((value) => typeof value === 'number' || value === null) ? 'number' : 'string'
}

/** What the answers are in the first chunk, which is there: those that follow it must be the same. */
export async function kindMade(connection: DuckDBConnection, folder: string): Promise<AnswerKind> {
  const file = chunkPath(folder, 0).replaceAll("'", "''")
  const described = await connection.runAndReadAll(`describe select prediction from read_parquet('${file}')`)
  return described.getRowObjectsJson()[0]?.column_type === 'DOUBLE' ? 'number' : 'string'
}

/** Collects the rows of one chunk and writes them as a Parquet file that is whole when its name appears. */
export class ChunkWriter {
  private readonly connection: DuckDBConnection
  private readonly folder: string
  private readonly key: readonly string[]
  private readonly kind: AnswerKind

  constructor(connection: DuckDBConnection, folder: string, key: readonly string[], kind: AnswerKind) {
    this.connection = connection
    this.folder = folder
    this.key = key
    this.kind = kind
  }

  /** Begins a chunk. Key columns are text, of which the dataset makes what they are; a row's number is one. */
  async begin(): Promise<void> {
    const columns = this.key.length === 0 ? ['"row" BIGINT'] : this.key.map((name) => `${quoted(name)} VARCHAR`)
    const answer = this.kind === 'number' ? 'DOUBLE' : 'VARCHAR'
    await this.connection.run(`create or replace temp table chunk (${[...columns, `prediction ${answer}`].join(', ')})`)
  }

  async add(from: number, keys: readonly (readonly unknown[])[], values: readonly JsonValue[]): Promise<void> {
    const appender = await this.connection
      .createAppender('chunk', 'main', 'temp')
      .catch(() => this.connection.createAppender('chunk'))
    for (const [row, value] of values.entries()) {
      if (this.key.length === 0) appender.appendBigInt(BigInt(from + row))
      for (const column of keys) {
        const cell = column[row]
        if (cell === null || cell === undefined) appender.appendNull()
        else appender.appendVarchar(String(cell))
      }
      if (value === null) appender.appendNull()
      else if (this.kind === 'number') appender.appendDouble(Number(value))
      else appender.appendVarchar(typeof value === 'string' ? value : JSON.stringify(value))
      appender.endRow()
    }
    appender.closeSync()
  }

  end(chunk: number): Promise<void> {
    return sealChunk(this.connection, this.folder, chunk)
  }
}

/** Writes the table `chunk` as a Parquet file that is whole when its name appears. */
export async function sealChunk(connection: DuckDBConnection, folder: string, chunk: number): Promise<void> {
  const path = chunkPath(folder, chunk)
  const made = `${path}.part`
  await connection.run(`copy chunk to '${made.replaceAll("'", "''")}' (format parquet, compression zstd)`)
  const file = await open(made, 'r')
  await file.sync().finally(() => file.close())
  await rename(made, path)
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
