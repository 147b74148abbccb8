import { createHmac } from 'node:crypto'
import { type LogRecord, timeOfUuidv7 } from '@tidemark/contracts'

/** Whose rows are erased: a thing by its business key, or a caller by its name or the hash under which the log knows it. */
export interface Subject {
  readonly workspace: string
  /** null: at every endpoint of the workspace. */
  readonly endpoint: string | null
  readonly kind: 'entity' | 'caller'
  /** The forms of the key in the log. */
  readonly keys: readonly string[]
  /** Milliseconds since 1970: what arrived later is not meant. */
  readonly until: number
}

/** A record without what is about any of these subjects; null when nothing else is in it. */
export function withoutSubjects<R extends LogRecord>(record: R, subjects: readonly Subject[]): R | null {
  return subjects.reduce<R | null>((left, subject) => left && withoutSubject(left, subject), record)
}

/** How a gateway writes a caller whose name is hashed by policy; the same as the gateway's own rule. */
export function hashedCaller(logKey: string, workspace: string, caller: string): string {
  const mac = createHmac('sha256', Buffer.from(logKey, 'hex')).update(JSON.stringify([workspace, caller]))
  return `hmac:${mac.digest('hex').slice(0, 32)}`
}

/**
 * A record without what is about a subject: null when nothing else is in it. Of a prediction about several things the subject's row stays as an
 * empty one, so that the others keep their numbers; and what the model said when it failed goes, since it may repeat any of them.
 * @returns the record itself when the subject is not in it
 */
export function withoutSubject<R extends LogRecord>(record: R, subject: Subject): R | null {
  const { workspace, endpoint, kind, keys, until } = subject
  if (record.workspace !== workspace || (endpoint !== null && record.endpoint !== endpoint)) return record
  if (timeOfUuidv7(record.id) > until) return record
  if (kind === 'caller') return record.caller !== null && keys.includes(record.caller) ? null : record
  const meant = record.entities.map((entity) => entity !== null && keys.includes(entity))
  if (!meant.includes(true)) return record
  if (!meant.includes(false)) return null
  const blank = {
    ...record,
    entities: record.entities.map((entity, row) => (meant[row] ? null : entity)),
    predictions: record.predictions?.map((value, row) => (meant[row] ? null : value)) ?? null,
    error: record.error === null ? null : 'erased',
  }
  if (blank.kind !== 'answer') return blank
  return { ...blank, rows: blank.rows.map((cells, row) => (meant[row] ? cells.map(() => null) : cells)) }
}
