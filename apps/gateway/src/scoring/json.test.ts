import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJson } from './json.ts'

const parse = (text: string) => readJson(Buffer.from(text)).value

test('NaN, which MLflow’s client writes for a missing value, is null', () => {
  assert.deepEqual(parse('{"data": [[1.5, NaN, "NaN"], [NaN, -Infinity, "say \\"NaN, Infinity\\""]]}'), {
    data: [
      [1.5, null, 'NaN'],
      [null, Number.NEGATIVE_INFINITY, 'say "NaN, Infinity"'],
    ],
  })
})

for (const [name, bytes] of [
  ['half a document', Buffer.from('{"a": [1,')],
  ['half a document with NaN', Buffer.from('{"a": [NaN,')],
  ['nothing', Buffer.from('')],
  ['a name that only looks like NaN', Buffer.from('[NaNa]')],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
] as const) {
  test(`${name} is refused and not repeated`, () => {
    assert.throws(() => readJson(bytes), { code: 'BAD_REQUEST', status: 400, message: /^Ensure that input is/ })
  })
}
