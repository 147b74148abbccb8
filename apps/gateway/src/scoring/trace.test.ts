import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceOf } from './trace.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const table: [string, string | string[] | undefined, string | null][] = [
  ['none', undefined, null],
  ['a good one', `00-${TRACE}-b7ad6b7169203331-01`, TRACE],
  ['one of a later version, with more behind it', `01-${TRACE}-b7ad6b7169203331-01-more`, TRACE],
  ['the forbidden version', `ff-${TRACE}-b7ad6b7169203331-01`, null],
  ['a trace of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, null],
  ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, null],
  ['capital letters', `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`, null],
  ['several', [`00-${TRACE}-b7ad6b7169203331-01`, 'x'], null],
  ['something else', 'secret', null],
]
for (const [name, header, expected] of table) {
  test(`traceparent, ${name}: ${expected ? 'its trace' : 'ignored'}`, () => {
    assert.equal(traceOf(header), expected)
  })
}
