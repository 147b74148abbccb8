import type { LogRecord } from '@tidemark/contracts'

const LONGEST_ENTITY = 500

/** A business key as it is stored: PostgreSQL's text cannot hold a zero byte, and an index entry has its limit. */
export const entityKey = (given: string): string => given.replaceAll('\0', '\uFFFD').slice(0, LONGEST_ENTITY)

/** Who a row of a prediction is about: its business key, else itself. */
export function entityOf(record: Pick<LogRecord, 'id' | 'entities'>, row: number): string {
  const given = record.entities[row]
  return given === null || given === undefined ? `prediction:${record.id}:${row}` : entityKey(given)
}
