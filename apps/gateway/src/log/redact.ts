import { createHmac } from 'node:crypto'
import type { AnswerRecord, EndpointSnapshot, JsonValue, LogRecord, Redaction } from '@tidemark/contracts'

export type LoggedPolicy = NonNullable<EndpointSnapshot['logging']>

/** What a model says when it fails may repeat the values it failed on. */
const WITHHELD = 'withheld: columns of this endpoint are sensitive, and what a model says may repeat their values'

/**
 * The record as the log may keep it. A masked value becomes null; a hashed one `hmac:` and 32 hex digits of HMAC-SHA256 over workspace and value, so that
 * equal values of one workspace stay equal and no value can be tried out without the key. Without a key what should be hashed is masked.
 * @param key of the installation, hex; null when this gateway was not given it
 */
export function redact(record: LogRecord, policy: LoggedPolicy | undefined, key: string | null): LogRecord {
  if (!policy) return record
  const sensitive = Object.keys(policy.sensitive).length > 0
  if (!sensitive && policy.caller === 'plain') return record
  const cell = (value: JsonValue, how: Redaction): JsonValue =>
    value === null || how === 'mask' || key === null ? null : hashed(key, record.workspace, value)
  const caller =
    policy.caller === 'plain' || record.caller === null ? record.caller : cell(record.caller, policy.caller)
  const common = {
    caller: caller === null ? null : String(caller),
    error: sensitive && record.error !== null ? WITHHELD : record.error,
  }
  if (record.kind === 'mirror') return { ...record, ...common }
  return { ...record, ...common, ...rowsOf(record, policy.sensitive, cell) }
}

/** The policy that keeps nothing of what a caller sent: for a record whose endpoint is gone, so that nobody can say what it wanted. */
export function strictest(record: LogRecord): LoggedPolicy {
  const columns = record.kind === 'answer' ? record.columns : []
  // Also with no column to mask the model's words are withheld.
  const sensitive = Object.fromEntries(['', ...columns].map((column) => [column, 'mask' as const]))
  return { sensitive, caller: 'mask', unwritable: 'refuse' }
}

function rowsOf(
  record: AnswerRecord,
  sensitive: LoggedPolicy['sensitive'],
  cell: (value: JsonValue, how: Redaction) => JsonValue,
): Pick<AnswerRecord, 'rows' | 'redacted'> {
  const ways = record.columns.map((column) => (Object.hasOwn(sensitive, column) ? sensitive[column] : undefined))
  const redacted: Record<string, Redaction> = {}
  for (const [place, way] of ways.entries()) if (way) redacted[record.columns[place] ?? ''] = way
  if (Object.keys(redacted).length === 0) return { rows: record.rows }
  const rows = record.rows.map((row) =>
    row.map((value, place) => {
      const way = ways[place]
      return way ? cell(value, way) : value
    }),
  )
  return { rows, redacted }
}

/** Type and value are hashed together: the text "5" is not the number 5. */
function hashed(key: string, workspace: string, value: JsonValue): string {
  const mac = createHmac('sha256', Buffer.from(key, 'hex')).update(JSON.stringify([workspace, value]))
  return `hmac:${mac.digest('hex').slice(0, 32)}`
}
