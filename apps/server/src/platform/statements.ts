import { CompiledQuery } from 'kysely'
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
