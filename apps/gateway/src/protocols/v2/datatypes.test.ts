import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Datatype, decode, encode } from './datatypes.ts'

const table: [Datatype, (number | string | boolean | null)[], number][] = [
  ['BOOL', [true, false], 2],
  ['INT8', [-128, 127], 2],
  ['UINT16', [0, 65_535], 4],
  ['INT32', [-2147483648, 2147483647], 8],
  ['INT64', [-9007199254740991, 9007199254740991], 16],
  ['UINT64', [0, 9007199254740991], 16],
  ['FP16', [0, -0, 1, -2.5, 65_504, 2 ** -24, 2 ** -14, 0.333251953125], 16],
  ['FP32', [1.5, null, -0.25], 12],
  ['FP64', [0.1, null], 16],
  ['BYTES', ['', 'é', 'a'.repeat(300)], 314],
]
for (const [datatype, values, bytes] of table) {
  test(`${datatype} comes back as it went`, () => {
    const raw = encode(datatype, values)
    assert.equal(raw.byteLength, bytes)
    assert.deepEqual(decode(datatype, raw, values.length), values)
  })
}

test('a half has the nearest value, ties to even, and is infinite beyond its range', () => {
  // As numpy's float16 has them.
  for (const [value, bits] of [
    [0.1, 0x2e66],
    [1 / 3, 0x3555],
    [2049, 0x6800],
    [2051, 0x6802],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -25, 0x0000],
    [1.5 * 2 ** -24, 0x0002],
  ] as const)
    assert.equal(encode('FP16', [value]).readUInt16LE(), bits, String(value))
})

for (const [name, datatype, bytes, count] of [
  ['too few bytes', 'FP32', Buffer.alloc(7), 2],
  ['a text that is longer than the data', 'BYTES', Buffer.from([9, 0, 0, 0, 65]), 1],
  ['a length that is cut', 'BYTES', Buffer.from([1, 0]), 1],
  ['a text that is not UTF-8', 'BYTES', Buffer.from([1, 0, 0, 0, 255]), 1],
  ['more than it should hold', 'BYTES', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]), 1],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(() => decode(datatype, bytes, count))
  })
}
