import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byTime, type NumberedPoint, packPoints, sortedOnce, unpackPoints } from './points.ts'

function unpacked(bytes: Buffer, key?: number): NumberedPoint[] {
  const points: NumberedPoint[] = []
  unpackPoints(bytes, points, key)
  return points
}

const curve = Array.from({ length: 1000 }, (_, step) => ({
  key: 7,
  step,
  atMs: 1_700_000_000_000 + step * 250,
  value: 1 / (step + 1),
}))

test('points come back as they were packed, whatever their numbers', () => {
  const odd: NumberedPoint[] = [
    { key: 1, step: 0, atMs: 0, value: Number.NaN },
    { key: 2_000_000_000, step: -5, atMs: 1_700_000_000_000, value: -0.0 },
    { key: 3, step: 2 ** 51, atMs: 2 ** 51, value: Number.MAX_VALUE },
    { key: 1, step: -(2 ** 51), atMs: 12, value: 5e-324 },
  ]
  assert.deepEqual(unpacked(packPoints(odd)), odd)
  assert.deepEqual(unpacked(packPoints(curve)), curve)
  assert.deepEqual(unpacked(packPoints([])), [])
})

test('steps beyond 2^51 are kept to the digit that a double has', () => {
  const far = [{ key: 1, step: 2 ** 62, atMs: 2 ** 60 + 2 ** 12, value: 1 }]
  assert.deepEqual(unpacked(packPoints(far)), far)
})

test('one key of a packed batch is read without the others', () => {
  const mixed = curve.map((point, index) => ({ ...point, key: index % 3 }))
  assert.deepEqual(
    unpacked(packPoints(mixed), 2),
    mixed.filter((point) => point.key === 2),
  )
})

test('a curve takes less than 13 bytes a point', () => {
  assert.ok(packPoints(curve).length < 13 * curve.length)
})

test('what SQL packed as rows is read too', () => {
  const bytes = Buffer.alloc(29)
  bytes.writeInt32BE(4, 1)
  bytes.writeBigInt64BE(-9n, 5)
  bytes.writeBigInt64BE(1_700_000_000_000n, 13)
  bytes.writeDoubleBE(2.5, 21)
  assert.deepEqual(unpacked(bytes), [{ key: 4, step: -9, atMs: 1_700_000_000_000, value: 2.5 }])
})

test('a form that is not known is refused, not misread', () => {
  assert.throws(() => unpacked(Buffer.from([9, 0])), /form 9/)
})

test('a point that was sent twice stands once, also a NaN among zeros', () => {
  const at = (value: number, step = 1) => ({ key: 1, step, atMs: 5, value })
  const points = [at(0), at(Number.NaN), at(0), at(Number.NaN), at(3, 0), at(3, 0)]
  const once = sortedOnce([...points], byTime)
  assert.equal(once.length, 3)
  assert.deepEqual(once[0], at(3, 0))
  assert.equal(once.filter((point) => Number.isNaN(point.value)).length, 1)
})
