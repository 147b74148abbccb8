import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AnswerDatatype, type Datatype, decode, encode } from './datatypes.ts'

// As numpy's `tobytes` has them on a little-endian machine.
const raw: [Datatype, string, (number | string | boolean | null)[]][] = [
  ['BOOL', '01 00', [true, false]],
  ['INT8', '80 7f', [-128, 127]],
  ['UINT8', '00 ff', [0, 255]],
  ['INT16', '0080 ff7f', [-32_768, 32_767]],
  ['UINT16', '0000 ffff', [0, 65_535]],
  ['INT32', '00000080 ffffff7f', [-2147483648, 2147483647]],
  ['UINT32', 'ffffffff', [4294967295]],
  ['INT64', '010000000000e0ff ffffffffffff1f00', [-9007199254740991, 9007199254740991]],
  ['UINT64', 'ffffffffffff1f00', [9007199254740991]],
  ['FP16', '662e 5535 0068 ff7b 0100 0004', [0.0999755859375, 0.333251953125, 2048, 65_504, 2 ** -24, 2 ** -14]],
  ['FP16', '0080 00c1 007c 007e', [-0, -2.5, Number.POSITIVE_INFINITY, null]],
  ['FP32', '0000c03f 0000c07f 000080be', [1.5, null, -0.25]],
]
for (const [datatype, bytes, values] of raw) {
  test(`${datatype} is read: ${values.join(', ')}`, () => {
    assert.deepEqual(decode(datatype, Buffer.from(bytes.replaceAll(' ', ''), 'hex'), values.length), values)
  })
}

const table: [AnswerDatatype, (number | string | boolean | null)[], number][] = [
  ['BOOL', [true, false], 2],
  ['FP64', [0.1, null, -0], 24],
  ['BYTES', ['', 'é', 'a'.repeat(300)], 314],
]
for (const [datatype, values, bytes] of table) {
  test(`${datatype} comes back as it went`, () => {
    const encoded = encode(datatype, values)
    assert.equal(encoded.byteLength, bytes)
    assert.deepEqual(decode(datatype, encoded, values.length), values)
  })
}

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
