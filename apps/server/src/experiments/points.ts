import type { MetricPoint } from './types.ts'

/** A logged value under the number of its key (`run_key.no`). */
export interface NumberedPoint extends Omit<MetricPoint, 'key'> {
  readonly key: number
}

// How points are packed; the first byte says which. Released forms are read for ever.
//   0: rows of 28 bytes, each key int32, step int64, time int64, value float64, big-endian: what SQL itself can write.
//   1: columns. A varint count, then keys, steps and times as differences (zigzag varints), then values as float64, little-endian.
const ROWS = 0
const COLUMNS = 1
const ROW_BYTES = 28
const TWO_32 = 2 ** 32
// Differences of integers up to here are exact in a double.
const EXACT = 2 ** 51

/**
 * Packs points into bytes: about 11 bytes each for a curve of one key, as against 28 in rows.
 * @throws RangeError for a step or time beyond int64.
 */
export function packPoints(points: readonly NumberedPoint[]): Buffer {
  const exact = points.every((point) => Math.abs(point.step) <= EXACT && Math.abs(point.atMs) <= EXACT)
  return exact ? packColumns(points) : packRows(points)
}

function packRows(points: readonly NumberedPoint[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + points.length * ROW_BYTES)
  bytes[0] = ROWS
  let at = 1
  for (const point of points) {
    bytes.writeInt32BE(point.key, at)
    bytes.writeBigInt64BE(BigInt(point.step), at + 4)
    bytes.writeBigInt64BE(BigInt(point.atMs), at + 12)
    bytes.writeDoubleBE(point.value, at + 20)
    at += ROW_BYTES
  }
  return bytes
}

function packColumns(points: readonly NumberedPoint[]): Buffer {
  // A varint of 53 bits has 8 bytes at most: three of them and the value.
  const bytes = Buffer.allocUnsafe(9 + points.length * 32)
  bytes[0] = COLUMNS
  let at = writeVarint(bytes, 1, points.length)
  let before = 0
  for (const { key } of points) {
    at = writeSigned(bytes, at, key - before)
    before = key
  }
  before = 0
  for (const { step } of points) {
    at = writeSigned(bytes, at, step - before)
    before = step
  }
  before = 0
  for (const { atMs } of points) {
    at = writeSigned(bytes, at, atMs - before)
    before = atMs
  }
  for (const { value } of points) at = bytes.writeDoubleLE(value, at)
  return bytes.subarray(0, at)
}

/** Adds the packed points of `key` to `into`, or all of them. @throws Error for a form that this release does not know. */
export function unpackPoints(bytes: Buffer, into: NumberedPoint[], key?: number): void {
  switch (bytes[0]) {
    case ROWS:
      unpackRows(bytes, into, key)
      break
    case COLUMNS:
      unpackColumns(bytes, into, key)
      break
    default:
      throw new Error(`Metrics are packed in form ${bytes[0]}, which this release does not know.`)
  }
}

function unpackRows(bytes: Buffer, into: NumberedPoint[], wanted: number | undefined): void {
  for (let at = 1; at < bytes.length; at += ROW_BYTES) {
    const key = bytes.readInt32BE(at)
    if (wanted !== undefined && key !== wanted) continue
    into.push({ key, step: int64(bytes, at + 4), atMs: int64(bytes, at + 12), value: bytes.readDoubleBE(at + 20) })
  }
}

function unpackColumns(bytes: Buffer, into: NumberedPoint[], wanted: number | undefined): void {
  const read = { at: 1 }
  const count = readVarint(bytes, read)
  const keys = readDifferences(bytes, read, count)
  const steps = readDifferences(bytes, read, count)
  const times = readDifferences(bytes, read, count)
  for (let index = 0; index < count; index++) {
    const key = keys[index] as number
    if (wanted !== undefined && key !== wanted) continue
    const value = bytes.readDoubleLE(read.at + index * 8)
    into.push({ key, step: steps[index] as number, atMs: times[index] as number, value })
  }
}

/** An int64, as the nearest number that JSON can carry. */
export function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
}

function readDifferences(bytes: Buffer, read: { at: number }, count: number): Float64Array {
  const values = new Float64Array(count)
  let before = 0
  for (let index = 0; index < count; index++) {
    const coded = readVarint(bytes, read)
    before += coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
    values[index] = before
  }
  return values
}

function writeSigned(bytes: Buffer, at: number, value: number): number {
  return writeVarint(bytes, at, value >= 0 ? value * 2 : -value * 2 - 1)
}

function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 128) {
    bytes[at++] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
  return at
}

function readVarint(bytes: Buffer, read: { at: number }): number {
  let value = 0
  let weight = 1
  for (;;) {
    const byte = bytes[read.at++] as number
    value += (byte & 127) * weight
    if (byte < 128) return value
    weight *= 128
  }
}

/** By time, then step, then value, as MLflow lists a history; a NaN counts as 0. */
export function byTime(a: NumberedPoint, b: NumberedPoint): number {
  return a.atMs - b.atMs || a.step - b.step || rank(a.value) - rank(b.value)
}

/** By step, then time, then value: the order in which curves are drawn, and whose last is the latest value. */
export function byStep(a: NumberedPoint, b: NumberedPoint): number {
  return a.step - b.step || a.atMs - b.atMs || rank(a.value) - rank(b.value)
}

function rank(value: number): number {
  return Number.isNaN(value) ? 0 : value
}

/** Sorts the points of one key in place and leaves each once: a client that sends the same value again adds nothing. */
export function sortedOnce(
  points: NumberedPoint[],
  order: (a: NumberedPoint, b: NumberedPoint) => number,
): NumberedPoint[] {
  points.sort(order)
  // A NaN and a 0 may stand beside each other in any order, so that an equal point may be a few places back.
  return points.filter((point, index) => {
    for (let back = index - 1; back >= 0; back--) {
      const other = points[back] as NumberedPoint
      if (order(other, point) !== 0) return true
      if (other.value === point.value || (Number.isNaN(other.value) && Number.isNaN(point.value))) return false
    }
    return true
  })
}
