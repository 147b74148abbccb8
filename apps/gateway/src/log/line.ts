import type { LogRecord } from '@tidemark/contracts'

/** Parts of a record that are there as JSON already; they need not be written a second time. */
export interface Texts {
  readonly columns: string
  /** undefined: they are yet to be written. */
  readonly rows: string | Uint8Array | undefined
  readonly predictions: string | undefined
}

/** Parts of a line, one after the other; bytes are UTF-8. */
export type Line = readonly (string | Uint8Array)[]

/** The line of a record in the log. The texts must be what JSON.stringify would make of these fields, but for spaces, and without a line break. */
export function lineOf(record: LogRecord, texts: Texts | undefined): Line {
  if (!texts || record.kind !== 'answer') return [`${JSON.stringify(record)}\n`]
  const { columns: _, rows, predictions, ...rest } = record
  const head = JSON.stringify(rest).slice(0, -1)
  const said = texts.predictions ?? JSON.stringify(predictions)
  const before = `${head},"columns":${texts.columns},"rows":`
  const behind = `,"predictions":${said}}\n`
  if (typeof texts.rows === 'object') return [before, texts.rows, behind]
  return [`${before}${texts.rows ?? JSON.stringify(rows)}${behind}`]
}
