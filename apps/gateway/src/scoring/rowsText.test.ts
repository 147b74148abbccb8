import assert from 'node:assert/strict'
import { test } from 'node:test'
import { columns } from '../fixtures.ts'
import { seededRandom } from '../protocols/fuzz/bodies.ts'
import { readInput } from './input.ts'
import { rowsTextOf } from './rowsText.ts'

const spec = { columns, input: { kind: 'columns' } } as const
const names = '"columns": ["budget", "running_time", "genre"]'

const asText = (rows: string | Uint8Array | undefined) =>
  typeof rows === 'object' ? Buffer.from(rows).toString() : rows

function textOf(text: string): string | undefined {
  const body: unknown = JSON.parse(text)
  return asText(rowsTextOf(Buffer.from(text), text, body, readInput(structuredClone(body), spec).frame))
}

test('the text of the rows is taken as it stands', () => {
  assert.equal(textOf(`{"dataframe_split": {${names}, "data": [[1.50, null, "x"]]}}`), '[[1.50, null, "x"]]')
  assert.equal(textOf(`{"dataframe_split":{${names},"data":[[1,2,"a"],[3,4,"b"]]} }`), '[[1,2,"a"],[3,4,"b"]]')
})

test('long rows are bytes of the body where all of it is ASCII, and text where it is not', () => {
  for (const [genre, kind] of [
    ['a', 'object'],
    ['é', 'string'],
  ] as const) {
    const rows = JSON.stringify(Array.from({ length: 3000 }, (_, row) => [row, row / 7, genre]))
    const text = `{"dataframe_split": {${names}, "data": ${rows}}}`
    const body: unknown = JSON.parse(text)
    const taken = rowsTextOf(Buffer.from(text), text, body, readInput(structuredClone(body), spec).frame)
    assert.equal(typeof taken, kind)
    assert.equal(asText(taken), rows)
  }
})

const unusual: [string, string][] = [
  ['a key twice', `{"dataframe_split": {${names}, "data": [[1, 2, "a"]], "data": [[3, 4, "b"]]}}`],
  ['the columns twice', `{"dataframe_split": {"columns": ["x"], "data": [[1, 2, "a"]], ${names}}}`],
  ['the whole twice', `{"dataframe_split": {"data": []}, "dataframe_split": {${names}, "data": [[3, 4, "b"]]}}`],
  ['a key behind an escape', `{"dataframe_split": {${names}, "d\\u0061ta": [[1, 2, "a"]]}}`],
  ['an escape in a value', `{"dataframe_split": {${names}, "data": [[1, 2, "a\\"data\\""]]}}`],
  ['a line break', `{"dataframe_split": {${names}, "data": [\n[1, 2, "a"]]}}`],
  ['another order of keys', `{"dataframe_split": {"data": [[1, 2, "a"]], ${names}}}`],
  ['an index', `{"dataframe_split": {${names}, "data": [[1, 2, "a"]], "index": [0]}}`],
  ['another order of columns', '{"dataframe_split": {"columns": ["genre", "budget"], "data": [["a", 1]]}}'],
  ['a value that is called so', `{"dataframe_split": {${names}, "data": [[1, 2, "data"]]}}`],
  ['more beside it', `{"dataframe_split": {${names}, "data": [[1, 2, "a"]]}, "params": null}`],
  ['records', '{"dataframe_records": [{"budget": 1, "genre": "a"}]}'],
]
for (const [name, text] of unusual) {
  test(`${name}: the rows are written anew`, () => {
    assert.equal(textOf(text), undefined)
  })
}

test('whatever text is taken says what the rows are: 20,000 bodies put together at random', () => {
  const random = seededRandom(5)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const gap = () => pick(['', ' ', '  ', '\t'])
  const cell = () => pick(['1', '-2.50', '1e3', '0.1', 'null'])
  const genre = () => pick(['"a"', '"data"', '"columns"', '"é"', '"]}}"', '"\\""', 'null'])
  const row = () => `[${gap()}${cell()},${gap()}${cell()}, ${genre()}${gap()}]`
  const key = () => pick(['"data"', '"data"', '"data"', '"index"', '"columns"', '"d\\u0061ta"'])
  let taken = 0
  for (let round = 0; round < 20_000; round++) {
    const rows = Array.from({ length: 1 + Math.floor(random() * 3) }, row).join(`,${gap()}`)
    const parts = [names, `${gap()}"data"${gap()}:${gap()}[${rows}]${gap()}`]
    if (random() < 0.2) parts.splice(Math.floor(random() * 3), 0, `${key()}: [${row()}]`)
    if (random() < 0.1) parts.reverse()
    const text = `{"dataframe_split":${gap()}{${parts.join(',')}}${gap()}}`
    let rowsText: string | undefined
    let expected: unknown
    try {
      const body: unknown = JSON.parse(text)
      const { frame } = readInput(structuredClone(body), spec)
      expected = frame.rows
      rowsText = asText(rowsTextOf(Buffer.from(text), text, body, frame))
    } catch {
      continue
    }
    if (rowsText === undefined) continue
    taken += 1
    assert.deepEqual(JSON.parse(rowsText), expected, text)
  }
  assert.ok(taken > 5_000, `${taken} were taken`)
})
