import type { LogRecord } from '@tidemark/contracts'
import type { Tx } from './db.ts'

/**
 * A count or statistic over the prediction log. The reader applies each record exactly once: what `apply` writes and the reader's offset commit
 * in one transaction. `committed` runs after it, to look at what the new evidence means.
 */
export interface PredictionFold {
  readonly name: string
  apply(tx: Tx, records: readonly LogRecord[]): Promise<void>
  committed?(touched: ReadonlySet<string>): Promise<void>
}

/** A label as it is joined: the true value for a business key (or a prediction) of an endpoint. */
export interface JoinedLabel {
  readonly workspace: string
  readonly endpoint: string
  readonly entity: string
  readonly value: number
  /** When the label became known, in event time. */
  readonly knownAt: Date
}

/** The same for labels: applied in the transaction that stores them. */
export interface LabelFold {
  readonly name: string
  apply(tx: Tx, labels: readonly JoinedLabel[]): Promise<void>
  committed?(touched: ReadonlySet<string>): Promise<void>
}

const LONGEST_ENTITY = 500

/** A business key as it is stored: PostgreSQL's text cannot hold a zero byte, and an index entry has its limit. */
export const entityKey = (given: string): string => given.replaceAll('\0', '\uFFFD').slice(0, LONGEST_ENTITY)

/** Who a row of a prediction is about: its business key, else itself. */
export function thingOf(id: string, row: number, given: string | null): string {
  return given === null ? `prediction:${id}:${row}` : entityKey(given)
}

/** The same of a record's row. */
export function entityOf({ id, entities }: Pick<LogRecord, 'id' | 'entities'>, row: number): string {
  return thingOf(id, row, entities[row] ?? null)
}
