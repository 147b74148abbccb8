import { createHash } from 'node:crypto'
import { CompiledQuery, type RawBuilder } from 'kysely'
import type pg from 'pg'
import type { Queryable } from './db.ts'

/** A statement of the hot paths. Each connection parses it once and, after some uses, keeps its plan: half the cost of a small question. */
export interface Statement {
  /** Unique among all statements of the server. */
  readonly name: string
  readonly text: string
}

/** Runs a statement outside any transaction, prepared by its name. */
export async function runPrepared<Row>(
  pool: pg.Pool,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  const { rows } = await pool.query({ name: statement.name, text: statement.text, values: [...values] })
  return rows as Row[]
}

/** Runs the same statement within a transaction. */
export async function runWithin<Row>(on: Queryable, statement: Statement, values: readonly unknown[]): Promise<Row[]> {
  const { rows } = await on.executeQuery(CompiledQuery.raw(statement.text, [...values]))
  return rows as Row[]
}

// A prepared statement takes some 100 KB of a connection's memory.
const MOST_SHAPES = 100

/** Runs statements whose text depends on the question, and prepares the first so many different ones: a search is asked again and again. */
export type Shapes = ReturnType<typeof createShapes>

export function createShapes(db: Queryable, pool: pg.Pool) {
  const names = new Map<string, string>()
  return {
    async run<Row>(statement: RawBuilder<Row>): Promise<Row[]> {
      const { sql: text, parameters } = statement.compile(db)
      let name = names.get(text)
      if (name === undefined && names.size < MOST_SHAPES) {
        name = `shape-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`
        names.set(text, name)
      }
      if (name !== undefined) return runPrepared<Row>(pool, { name, text }, parameters)
      return (await statement.execute(db)).rows
    },
  }
}
