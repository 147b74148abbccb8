import type { Cell, JsonValue } from './values.ts'

/** How the values of a prediction make the answer; absent: the answer is their list. */
export type AnswerForm = 'names' | 'whole'

/**
 * The body of an answer from its values, one a row: their list; for `names` (each value a record) a list for each name; for `whole` the one value
 * itself, whatever the number of rows.
 */
export function answerOf(values: readonly JsonValue[], form: AnswerForm | undefined): JsonValue {
  switch (form) {
    case undefined:
      return [...values]
    case 'whole':
      return values[0] ?? null
    case 'names': {
      const records = values as readonly { [name: string]: JsonValue }[]
      const names = Object.keys(records[0] ?? {})
      return Object.fromEntries(names.map((name) => [name, records.map((record) => record[name] ?? null)]))
    }
  }
}

/**
 * The one cell that a value stands for: itself, or what a list or record of one entry holds, as `[0.5]` of a network with one output. null where
 * there is none: several entries have no order that a loss or a histogram could use.
 */
export function scalarOf(value: JsonValue | undefined): Cell {
  if (typeof value !== 'object' || value === null) return value ?? null
  const entries = Object.values(value)
  return entries.length === 1 ? scalarOf(entries[0]) : null
}

/** What a logged answer or mirror holds for a row; undefined where it failed, or answered several rows by one value. */
export function predictionOfRow(
  record: {
    readonly predictions: readonly JsonValue[] | null
    readonly form?: AnswerForm | undefined
    readonly entities: readonly unknown[]
  },
  row: number,
): JsonValue | undefined {
  return record.form === 'whole' && record.entities.length !== 1 ? undefined : record.predictions?.[row]
}

/** The finite number that a value stands for, true and false as 1 and 0; null where it stands for none. */
export function numberIn(value: JsonValue | undefined): number | null {
  const scalar = scalarOf(value)
  if (typeof scalar === 'boolean') return Number(scalar)
  return typeof scalar === 'number' && Number.isFinite(scalar) ? scalar : null
}
