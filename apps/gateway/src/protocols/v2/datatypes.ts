import type { InputColumn } from '@tidemark/contracts'

/** Open Inference Protocol's names of what a tensor holds. BF16 is not among them: no client of ours sends it. */
export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'FP32'
  | 'FP64'
  | 'BYTES'

type Numeric = Exclude<Datatype, 'BOOL' | 'BYTES'>

interface NumberFormat {
  readonly bytes: number
  readonly read: (view: DataView, offset: number) => number | bigint
}

/** Little-endian throughout, as the binary tensor extension says. */
const FORMATS: { readonly [D in Numeric]: NumberFormat } = {
  UINT8: { bytes: 1, read: (view, offset) => view.getUint8(offset) },
  INT8: { bytes: 1, read: (view, offset) => view.getInt8(offset) },
  UINT16: { bytes: 2, read: (view, offset) => view.getUint16(offset, true) },
  INT16: { bytes: 2, read: (view, offset) => view.getInt16(offset, true) },
  UINT32: { bytes: 4, read: (view, offset) => view.getUint32(offset, true) },
  INT32: { bytes: 4, read: (view, offset) => view.getInt32(offset, true) },
  UINT64: { bytes: 8, read: (view, offset) => view.getBigUint64(offset, true) },
  INT64: { bytes: 8, read: (view, offset) => view.getBigInt64(offset, true) },
  FP16: { bytes: 2, read: (view, offset) => halfOf(view.getUint16(offset, true)) },
  FP32: { bytes: 4, read: (view, offset) => view.getFloat32(offset, true) },
  FP64: { bytes: 8, read: (view, offset) => view.getFloat64(offset, true) },
}

export function isDatatype(text: unknown): text is Datatype {
  return typeof text === 'string' && (text === 'BOOL' || text === 'BYTES' || Object.hasOwn(FORMATS, text))
}

/** What a value of a column travels as. */
export const DATATYPE_OF_COLUMN: { readonly [T in InputColumn['type']]: Datatype } = {
  double: 'FP64',
  float: 'FP32',
  long: 'INT64',
  integer: 'INT32',
  string: 'BYTES',
  boolean: 'BOOL',
  json: 'BYTES',
}

/** numpy's names of types, as signatures of tensors have them. */
const NUMPY: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
}

/** What a numpy type travels as; text and everything unknown as BYTES. */
export function datatypeOfNumpy(dtype: string): Datatype {
  return Object.hasOwn(NUMPY, dtype) ? (NUMPY[dtype] ?? 'BYTES') : 'BYTES'
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The values of a raw tensor; null where a floating number is NaN, which is how a missing value travels in binary.
 * @throws Error that says what is wrong with the bytes, never what is in them
 */
export function decode(datatype: Datatype, bytes: Uint8Array, count: number): (number | string | boolean | null)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (datatype === 'BYTES') return decodeTexts(view, bytes, count)
  const size = datatype === 'BOOL' ? 1 : FORMATS[datatype].bytes
  if (bytes.byteLength !== count * size)
    throw new Error(`has ${bytes.byteLength} bytes of data; ${count} values of ${datatype} are ${count * size}`)
  const values = new Array<number | boolean | null>(count)
  for (let place = 0; place < count; place++) {
    if (datatype === 'BOOL') values[place] = view.getUint8(place) !== 0
    else {
      const value = Number(FORMATS[datatype].read(view, place * size))
      values[place] = Number.isNaN(value) ? null : value
    }
  }
  return values
}

/** Each text is four bytes of length and that many of UTF-8. */
function decodeTexts(view: DataView, bytes: Uint8Array, count: number): string[] {
  const texts: string[] = []
  let offset = 0
  while (offset < bytes.byteLength && texts.length < count) {
    if (offset + 4 > bytes.byteLength) throw new Error('ends within the length of a text')
    const length = view.getUint32(offset, true)
    offset += 4
    if (offset + length > bytes.byteLength) throw new Error('ends within a text')
    try {
      texts.push(utf8.decode(bytes.subarray(offset, offset + length)))
    } catch {
      throw new Error('has a text that is not UTF-8')
    }
    offset += length
  }
  if (texts.length !== count || offset !== bytes.byteLength) throw new Error(`does not hold ${count} texts exactly`)
  return texts
}

/** What an answer travels as: every number of a model is one of JSON's. */
export type AnswerDatatype = 'BOOL' | 'FP64' | 'BYTES'

/** A tensor's values as raw bytes; null is NaN. */
export function encode(datatype: AnswerDatatype, values: readonly unknown[]): Buffer {
  switch (datatype) {
    case 'BYTES': {
      const texts = values.map((value) => Buffer.from(String(value)))
      return Buffer.concat(texts.flatMap((text) => [lengthOf(text), text]))
    }
    case 'BOOL':
      return Buffer.from(values.map((value) => (value ? 1 : 0)))
    case 'FP64': {
      const buffer = Buffer.alloc(values.length * 8)
      for (const [place, value] of values.entries())
        buffer.writeDoubleLE(value === null ? Number.NaN : Number(value), place * 8)
      return buffer
    }
  }
}

function lengthOf(text: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(text.byteLength)
  return length
}

/** IEEE 754 binary16 of its bits: 1 sign, 5 exponent, 10 fraction. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
