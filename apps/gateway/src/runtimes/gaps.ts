import { type JsonValue, noneHas } from '@tidemark/contracts'
import { type Frame, VersionFailed } from './model.ts'
import type { Input } from './pack.ts'

/** Where Python raises for a missing value, so does this: a number computed from NaN would look like an answer. */
export class Gaps {
  /** Columns whose missing values the model refuses in Python. */
  private readonly refusing: readonly Input[]
  /** Columns of texts where it matters to the model whether any row of a request has one. */
  private readonly texts: readonly Input[]

  constructor(inputs: readonly Input[]) {
    this.refusing = inputs.filter(({ missing, gap }) =>
      gap ? gap.some === null || gap.none === null : missing === 'refused',
    )
    this.texts = inputs.filter(({ gap }) => gap && gap.some !== gap.none)
  }

  /** Whether no row has a text that others who ask may have: in their company its absence would be another thing. */
  lackTexts({ columns, rows }: Frame): boolean {
    return this.texts.some(({ column }) => noneHas(rows, columns.indexOf(column)))
  }

  /** @throws VersionFailed naming the first row and column that lack a value which the model needs */
  check({ columns, rows }: Frame): void {
    const asked = this.refusing.filter(
      ({ column, gap }) => !gap || (noneHas(rows, columns.indexOf(column)) ? gap.none : gap.some) === null,
    )
    const places = asked.map(({ column }) => columns.indexOf(column))
    // Row after row as they lie in memory: it looks at every cell of every request.
    for (let row = 0; row < rows.length; row++) {
      const cells = rows[row]
      for (let at = 0; at < places.length; at++) {
        const cell = cells?.[places[at] ?? -1]
        // What nearly every cell is, without a look at its column.
        if (typeof cell === 'number' || (typeof cell === 'string' && cell !== '')) continue
        const input = asked[at]
        if (input && (cell === undefined || lacks(cell, input))) throw noGap(row, input.column)
      }
    }
  }

  /** The same of columns of numbers, NaN where one is missing. */
  checkNumbers(columns: ReadonlyMap<string, Float64Array>): void {
    for (const { column } of this.refusing) {
      const row = columns.get(column)?.findIndex(Number.isNaN) ?? 0
      if (row >= 0) throw noGap(row, column)
    }
  }
}

function lacks(cell: JsonValue, input: Input): boolean {
  if (Array.isArray(cell)) return cell.some((part) => lacks(part, input))
  // Where "" stands for what is missing, it is as missing.
  return cell === null || (cell === '' && input.type === 'string' && !input.gap)
}

function noGap(row: number, column: string): VersionFailed {
  const what = column === '' ? 'a gap in its array' : `no value for "${column}"`
  return new VersionFailed('raised', `Row ${row} has ${what}, and the model takes no gap there.`)
}
