import type { DatasetColumn, DatasetDefinition } from '@tidemark/contracts'
import { timeReader } from './time-format.ts'
import type { CleanRow, RawRow, Value } from './types.ts'

type Cast =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'wrong'; readonly column: string; readonly reason: string }
export type CastRow =
  | { readonly kind: 'row'; readonly row: CleanRow }
  | { readonly kind: 'wrong'; readonly column: string; readonly reason: string }

/** Makes the reader of a dataset's rows: each declared column checked against its type, missing columns null. */
export function rowReader(definition: DatasetDefinition): (raw: RawRow) => CastRow {
  const readers = Object.entries(definition.columns).map(([name, column]) => ({ name, read: cellReader(name, column) }))
  return (raw) => {
    const row: Record<string, Value> = {}
    for (const { name, read } of readers) {
      const cast = read(raw[name] ?? null)
      if (cast.kind === 'wrong') return cast
      row[name] = cast.value
    }
    return { kind: 'row', row }
  }
}

function cellReader(name: string, column: DatasetColumn): (value: unknown) => Cast {
  const wrong = (value: unknown, expected: string): Cast => ({
    kind: 'wrong',
    column: name,
    reason: `"${name}" is ${JSON.stringify(value).slice(0, 80)}, which is not ${expected}.`,
  })
  const right = (value: Value): Cast => ({ kind: 'value', value })
  const read = readerOfType(column, right, wrong)
  return (value) => (value === null ? right(null) : read(value))
}

function readerOfType(
  column: DatasetColumn,
  right: (value: Value) => Cast,
  wrong: (value: unknown, expected: string) => Cast,
): (value: unknown) => Cast {
  switch (column.type) {
    case 'string':
      // A film may be called 300: JSON written by spreadsheets loses the quotes of such titles.
      return (value) => (typeof value === 'object' ? wrong(value, 'text') : right(String(value)))
    case 'number':
      return (value) => (typeof value === 'number' && Number.isFinite(value) ? right(value) : wrong(value, 'a number'))
    case 'integer':
      return (value) => (Number.isSafeInteger(value) ? right(value as number) : wrong(value, 'a whole number'))
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? right(value) : wrong(value, 'true or false'))
    case 'date':
    case 'timestamp': {
      const readTime = timeReader(column.format)
      return (value) => {
        const time = typeof value === 'string' ? readTime(value) : null
        if (time === null) return wrong(value, `a ${column.type} of the format "${column.format}"`)
        return right(column.type === 'date' ? time.toISOString().slice(0, 10) : time.toISOString())
      }
    }
  }
}
