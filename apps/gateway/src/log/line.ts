import type { LogRecord } from '@tidemark/contracts'

/** Parts of a record that are there as JSON already; they need not be written a second time. */
export interface Texts {
  readonly columns: string
  /** undefined: they are yet to be written. */
  readonly rows: string | undefined
  readonly predictions: string | undefined
}

/** The line of a record in the log. The texts must be what JSON.stringify would make of these fields, but for spaces, and without a line break. */
export function lineOf(record: LogRecord, texts: Texts | undefined): string {
  if (!texts || record.kind !== 'answer') return `${JSON.stringify(record)}\n`
  const { columns: _, rows, predictions, ...rest } = record
  const head = JSON.stringify(rest).slice(0, -1)
  const said = texts.predictions ?? JSON.stringify(predictions)
  return `${head},"columns":${texts.columns},"rows":${texts.rows ?? JSON.stringify(rows)},"predictions":${said}}\n`
}
