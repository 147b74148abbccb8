import { mkdir } from 'node:fs/promises'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

// Opened again in about 0.1 s; until then its buffers are the platform's own memory.
const CLOSE_AFTER_IDLE_MILLISECONDS = 30_000

/** SQL over Parquet files. One connection for each piece of work, so that temporary tables never meet. */
export interface AnalyticsSession {
  run(statement: string): Promise<void>
  /** Rows with JSON values; cast BIGINT to DOUBLE in the question, or it arrives as text. */
  rows<R>(question: string): Promise<R[]>
  /** The one column of a question, as a stream of its parts. */
  column(question: string): AsyncIterable<unknown[]>
}

/** An embedded DuckDB, loaded (43 MB) when first used and closed when idle. It may read and write this machine's files, so it is given only paths of our own. */
export class Analytics {
  private readonly folder: string
  private readonly memoryMegabytes: number
  private instance: Promise<DuckDBInstance> | undefined
  private users = 0
  private idle: NodeJS.Timeout | undefined

  /** @param memoryMegabytes what its buffers may take; what does not fit goes to the folder */
  constructor(folder: string, memoryMegabytes = 512) {
    this.folder = folder
    this.memoryMegabytes = memoryMegabytes
  }

  async use<T>(work: (session: AnalyticsSession) => Promise<T>): Promise<T> {
    clearTimeout(this.idle)
    this.users += 1
    try {
      this.instance ??= open(this.folder, this.memoryMegabytes)
      const connection = await (await this.instance).connect()
      try {
        return await work(sessionOf(connection))
      } finally {
        connection.closeSync()
      }
    } finally {
      this.users -= 1
      if (this.users === 0) this.idle = setTimeout(() => this.close(), CLOSE_AFTER_IDLE_MILLISECONDS).unref()
    }
  }

  /** Gives the memory back; the next use opens it again. */
  async close(): Promise<void> {
    clearTimeout(this.idle)
    const instance = this.instance
    this.instance = undefined
    const opened = await instance?.catch(() => undefined)
    opened?.closeSync()
  }
}

async function open(folder: string, memoryMegabytes: number): Promise<DuckDBInstance> {
  await mkdir(folder, { recursive: true })
  const { DuckDBInstance: Instance } = await import('@duckdb/node-api')
  return Instance.create(':memory:', {
    threads: '2',
    memory_limit: `${memoryMegabytes}MB`,
    temp_directory: folder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
}

function sessionOf(connection: DuckDBConnection): AnalyticsSession {
  return {
    run: async (statement) => {
      await connection.run(statement)
    },
    rows: async <R>(question: string) => {
      const reader = await connection.runAndReadAll(question)
      return reader.getRowObjectsJson() as R[]
    },
    async *column(question) {
      const result = await connection.stream(question)
      for (;;) {
        const chunk = await result.fetchChunk()
        if (!chunk || chunk.rowCount === 0) return
        yield [...(chunk.getColumns()[0] ?? [])]
      }
    },
  }
}

/** A column or table name in SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Text in SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
