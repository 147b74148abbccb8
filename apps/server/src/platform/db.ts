import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'

/** SQL is written out, with the type of its rows beside it: no table is known to the query builder. */
type Tables = Record<never, never>

export type Db = Kysely<Tables>
/** An open transaction. Store functions take one, or the database itself for a single read. */
export type Tx = Transaction<Tables>
export type Queryable = Kysely<Tables>

// bigint and numeric arrive as text by default; counts and positions stay below 2^53, so numbers are exact.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export interface Database {
  readonly db: Db
  readonly pool: pg.Pool
  /**
   * For prepared statements that each stand alone. Their plans are made once, whatever their values. No transaction holds one of these
   * connections, so that a statement may be asked from within one.
   */
  readonly statements: pg.Pool
  close(): Promise<void>
}

/** Opens the pool. Connections are made on first use and closed after 10 s without any. */
export function openDatabase(url: string, maxConnections = 12): Database {
  const pool = openPool(url, maxConnections)
  // A bitmap of an index gathers all before the first row comes: lists that end early want the first rows.
  const settings = '-c plan_cache_mode=force_generic_plan -c enable_bitmapscan=off'
  const statements = openPool(url, Math.ceil(maxConnections / 2), settings)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  return {
    db,
    pool,
    statements,
    close: async () => {
      await statements.end()
      await db.destroy()
    },
  }
}

function openPool(url: string, max: number, options?: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    ...(options ? { options } : {}),
    idleTimeoutMillis: 10_000,
    application_name: 'tidemark-server',
  })
  // A broken idle connection (PostgreSQL restarted) must not end the process: the pool drops it and the next query opens another.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

export { sql }

/** Runs `work` in a transaction at READ COMMITTED; its error rolls everything back. */
export function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction().execute(work)
}

// Class 08 and the shutdowns of class 57 (PostgreSQL, appendix A), and the sockets' own.
const LOSS_CODE = /^(57P0[123]|08...|ECONNREFUSED|ECONNRESET|EPIPE)$/
const LOSS_MESSAGE = /^(Connection terminated|Client has encountered a connection error)/

/** True for errors that mean that PostgreSQL is away or restarting, so that the same work may be tried again. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // A socket that is not there; a file that is missing has another call.
  if (code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect'
  // The driver gives its own errors no code.
  return LOSS_CODE.test(code) || (code === '' && LOSS_MESSAGE.test(error.message))
}
