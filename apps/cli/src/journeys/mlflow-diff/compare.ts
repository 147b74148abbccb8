import type { NormalAnswer } from './normalise.ts'

/** A field in which two answers differ. */
interface FieldDifference {
  /** `status`, `headers.content-type`, `body.runs[0].info.status`. */
  readonly field: string
  readonly stock: unknown
  readonly ours: unknown
}

/**
 * How two answers differ: in their outcome (one refuses what the other does, or with another status), in an error's code or class, in an error's
 * words alone, in headers alone, or in the fields of what both did.
 */
export type Kind = 'outcome' | 'error code' | 'words' | 'headers' | 'fields'

export interface AnswerDifference {
  readonly kind: Kind
  readonly fields: readonly FieldDifference[]
}

/** Null for equal answers. */
export function compareAnswers(stock: NormalAnswer, ours: NormalAnswer): AnswerDifference | null {
  const fields = compare(stock, ours, '')
  if (fields.length === 0) return null
  const all = (...names: string[]) => fields.every(({ field }) => names.some((name) => field.startsWith(name)))
  if (stock.status !== ours.status) return { kind: 'outcome', fields }
  if (all('headers.')) return { kind: 'headers', fields }
  if (all('body.message')) return { kind: 'words', fields }
  if (all('body.message', 'body.error_code', 'body.error_class', 'body.sqlstate')) return { kind: 'error code', fields }
  return { kind: 'fields', fields }
}

function compare(stock: unknown, ours: unknown, field: string): FieldDifference[] {
  if (Array.isArray(stock) && Array.isArray(ours)) {
    const length = Math.max(stock.length, ours.length)
    return Array.from({ length }).flatMap((_, index) => compare(stock[index], ours[index], `${field}[${index}]`))
  }
  if (isObject(stock) && isObject(ours)) {
    const keys = [...new Set([...Object.keys(stock), ...Object.keys(ours)])]
    return keys.flatMap((key) => compare(stock[key], ours[key], field === '' ? key : `${field}.${key}`))
  }
  return Object.is(stock, ours) ? [] : [{ field, stock, ours }]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
