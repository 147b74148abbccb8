import type { EndpointSnapshot, InputColumn } from '@tidemark/contracts'
import { NotTable } from '../../scoring/errors.ts'
import type { Table } from './table.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What pandas reads as a missing value (`pandas.read_csv`, `na_values`), the empty text among it. */
const MISSING = new Set(
  ',#N/A,#N/A N/A,#NA,-1.#IND,-1.#QNAN,-NaN,-nan,1.#IND,1.#QNAN,<NA>,N/A,NA,NULL,NaN,None,n/a,nan,null'.split(','),
)

/**
 * Reads CSV as `pandas.read_csv` does with the signature's types: commas, quotes doubled inside quotes, a header, blank lines skipped, an unnamed first
 * column taken for the index where rows have one value more than the header. Columns without a type are numbers or booleans when all their values are.
 * @throws NotTable naming the line or the column
 */
export function readCsv(bytes: Uint8Array, spec: EndpointSnapshot): Table {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw NotTable('CSV', 'It is not UTF-8.')
  }
  const [header, ...lines] = recordsOf(text)
  if (!header) throw NotTable('CSV', 'It is empty.')
  const longest = lines.reduce((most, line) => Math.max(most, line.length), 0)
  const indexed = longest === header.length + 1 && lines.every(({ length }) => length === longest)
  if (longest > header.length && !indexed)
    throw NotTable('CSV', `A row has more values than the header, which has ${header.length}.`)
  // A whole row has a byte for each of its cells; without this a wide header over short lines asks for more cells than there is memory.
  if (lines.length * header.length > bytes.byteLength)
    throw NotTable('CSV', 'Most of its rows have fewer values than the header.')
  const offset = indexed ? 1 : 0
  const types = new Map(spec.columns.map(({ name, type }) => [name, type]))
  const cells = header.map((name, place) =>
    convert(
      lines.map((line) => line[place + offset] ?? ''),
      name,
      types.get(name),
    ),
  )
  return { columns: header, data: lines.map((_, row) => cells.map((column) => column[row])) }
}

function convert(texts: readonly string[], name: string, type: InputColumn['type'] | undefined): unknown[] {
  switch (type) {
    case 'double':
    case 'float':
    case 'long':
    case 'integer':
      return texts.map((text, row) => numberOf(text, name, row))
    case 'boolean':
      return texts.map((text, row) => booleanOf(text, name, row))
    case 'string':
      return texts.map((text) => (MISSING.has(text) ? null : text))
    default:
      return inferred(texts)
  }
}

function inferred(texts: readonly string[]): unknown[] {
  const known = texts.filter((text) => !MISSING.has(text))
  const like = (test: (text: string) => boolean) => known.length > 0 && known.every(test)
  if (like((text) => NUMBER.test(text))) return texts.map((text) => (MISSING.has(text) ? null : Number(text)))
  if (like((text) => BOOLEAN.has(text))) return texts.map((text) => BOOLEAN.get(text) ?? null)
  return texts.map((text) => (MISSING.has(text) ? null : text))
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/
const BOOLEAN = new Map([
  ...['True', 'TRUE', 'true'].map((word) => [word, true] as const),
  ...['False', 'FALSE', 'false'].map((word) => [word, false] as const),
])

function numberOf(text: string, name: string, row: number): number | null {
  if (MISSING.has(text)) return null
  if (!NUMBER.test(text)) throw NotTable('CSV', `The value of column "${name}" in row ${row} is not a number.`)
  return Number(text)
}

function booleanOf(text: string, name: string, row: number): boolean | null {
  if (MISSING.has(text)) return null
  const value = BOOLEAN.get(text)
  if (value === undefined) throw NotTable('CSV', `The value of column "${name}" in row ${row} is not True or False.`)
  return value
}

/** Lines of values; a blank line is none. One pass, so that a body of quotes costs no more than one of letters. */
function recordsOf(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  let place = text.startsWith('\ufeff') ? 1 : 0
  while (place < text.length) {
    const quoted = text[place] === '"'
    const end = quoted ? quoteEnd(text, place, records.length + 1) : endOf(text, place)
    const value = quoted ? text.slice(place + 1, end - 1).replaceAll('""', '"') : text.slice(place, end)
    record.push(value)
    place = end
    if (text[place] === ',') {
      place += 1
      if (place === text.length) record.push('')
      continue
    }
    place += text[place] === '\r' && text[place + 1] === '\n' ? 2 : 1
    if (record.length > 1 || quoted || value !== '') records.push(record)
    record = []
  }
  if (record.length > 0) records.push(record)
  return records
}

/** Behind the closing quote of a value that begins at `from`. */
function quoteEnd(text: string, from: number, line: number): number {
  for (let place = from + 1; ; place += 2) {
    place = text.indexOf('"', place)
    if (place < 0) throw NotTable('CSV', `A quote of line ${line} does not end.`)
    if (text[place + 1] === '"') continue
    const end = place + 1
    if (endOf(text, end) !== end) throw NotTable('CSV', `In line ${line} something follows a closing quote.`)
    return end
  }
}

/** Where a value without quotes ends: at a comma, a line break or the text's end. */
function endOf(text: string, from: number): number {
  for (let place = from; place < text.length; place++) {
    const code = text.charCodeAt(place)
    if (code === COMMA || code === LINE_FEED || code === CARRIAGE_RETURN) return place
  }
  return text.length
}

const COMMA = 44
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
