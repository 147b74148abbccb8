import { type JsonValue, noneHas, type Runtime } from '@tidemark/contracts'
import { type Frame, VersionFailed } from './model.ts'

/** What one column feeds. */
export type Input = Extract<Runtime, { kind: 'onnx' }>['inputs'][number]

/** What stands for a missing text where another row has one and where none has, and what for a text that is such a stand-in itself. */
interface Gap {
  readonly some: string
  readonly none: string
  readonly instead: ReadonlyMap<string, string>
}

/** Columns that share a tensor lie in it side by side, in the model's order. */
export interface Feed {
  readonly tensor: string
  readonly type: Input['type']
  readonly columns: readonly string[]
  /** The one column's cells are arrays, in the input example of this shape. */
  readonly part?: readonly number[] | undefined
  /** For each column. */
  readonly gaps: readonly Gap[]
}

/** Largest finite number of float32. */
const MOST_FLOAT32 = 3.4028234663852886e38

/** What is beyond float32 would be an infinite number there, which is no input; Python computes with it, or refuses it. */
function float32(value: number, tensor: string): number {
  if (value > MOST_FLOAT32 || value < -MOST_FLOAT32)
    throw new VersionFailed('raised', `Its input "${tensor}" cannot hold a number beyond 3.4e38.`)
  return value
}

/** A tensor as plain data, which may go to another thread without a copy. */
export interface Packed {
  readonly tensor: string
  readonly type: Input['type']
  readonly shape: readonly number[]
  readonly data: Float32Array | BigInt64Array | string[]
}

export function groupByTensor(inputs: readonly Input[]): Feed[] {
  const feeds = new Map<string, Feed & { columns: string[]; gaps: Gap[] }>()
  for (const { tensor, type, column, shape: part, gap } of inputs) {
    const feed = feeds.get(tensor)
    feed?.columns.push(column)
    feed?.gaps.push(gapOf(gap))
    if (!feed) feeds.set(tensor, { tensor, type, columns: [column], part, gaps: [gapOf(gap)] })
  }
  return [...feeds.values()]
}

/** A gap that is refused is never packed. */
function gapOf(gap: Input['gap']): Gap {
  return {
    some: gap?.some ?? '',
    none: gap?.none ?? '',
    instead: new Map(Object.entries(gap?.instead ?? {})),
  }
}

/**
 * The rows of a frame as a tensor: a cell for each column, or, of one column whose cells are arrays, the rows' parts. A missing text is what stands for it and
 * a missing number NaN. @throws VersionFailed where the tensor can hold no missing value or no number as large, or its parts have several shapes
 */
export function pack(feed: Feed, frame: Frame): Packed {
  // A column that the caller did not send and need not send is missing in every row.
  const places = feed.columns.map((column) => frame.columns.indexOf(column))
  const [place = -1, ...others] = places
  const inner = others.length === 0 ? shapeOf(frame.rows[0]?.[place]) : []
  const shape = [frame.rows.length, ...(inner.length > 0 || feed.part ? inner : [places.length])]
  const size = shape.reduce((product, dimension) => product * dimension, 1)
  const { tensor, type } = feed
  const into = <T>(target: { [at: number]: T }, to: (cell: JsonValue) => T) => {
    if (inner.length === 0) fill(target, frame, places, to)
    else if (flatten(target, frame, place, to) !== size)
      throw new VersionFailed('raised', `The parts of its input "${tensor}" do not all have the shape of the first.`)
  }
  switch (type) {
    case 'string': {
      const data = new Array<string>(size)
      if (inner.length === 0) fillTexts(data, frame.rows, places, feed.gaps)
      else into(data, (cell) => (cell === null ? '' : String(cell)))
      return { tensor, type, shape, data }
    }
    case 'float32': {
      const data = new Float32Array(size)
      into(data, (cell) => (cell === null ? Number.NaN : float32(Number(cell), tensor)))
      return { tensor, type, shape, data }
    }
    case 'int64': {
      const data = new BigInt64Array(size)
      into(data, (cell) => {
        if (cell === null) throw new VersionFailed('raised', `Its input "${tensor}" cannot hold a missing value.`)
        return BigInt(Number(cell))
      })
      return { tensor, type, shape, data }
    }
  }
}

/** Row after row, the feed's columns side by side. A plain loop: a generator took a third of the time of a thousand rows. */
function fill<T>(
  target: { [at: number]: T },
  frame: Frame,
  places: readonly number[],
  to: (cell: JsonValue) => T,
): void {
  let at = 0
  for (const row of frame.rows) for (const place of places) target[at++] = to(row[place] ?? null)
}

/** The same with texts, column after column: what is missing becomes what stands for it in this request. */
function fillTexts(target: string[], rows: Frame['rows'], places: readonly number[], gaps: readonly Gap[]): void {
  for (const [nth, { some, none, instead }] of gaps.entries()) {
    const place = places[nth] ?? -1
    const missing = noneHas(rows, place) ? none : some
    for (let row = 0; row < rows.length; row++) {
      const cell = rows[row]?.[place] ?? null
      const text = cell === null ? missing : String(cell)
      target[row * gaps.length + nth] = cell === null ? text : (instead.get(text) ?? text)
    }
  }
}

/** @returns how many values there were */
function flatten<T>(target: { [at: number]: T }, frame: Frame, place: number, to: (cell: JsonValue) => T): number {
  let at = 0
  const add = (value: JsonValue): void => {
    if (Array.isArray(value)) for (const item of value) add(item)
    else target[at++] = to(value)
  }
  for (const row of frame.rows) add(row[place] ?? null)
  return at
}

function shapeOf(value: JsonValue | undefined): number[] {
  const shape: number[] = []
  for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length)
  return shape
}

/** The same tensor from columns of numbers, NaN where one is missing; a column that is not there is missing in every row. */
export function packNumbers(feed: Feed, columns: ReadonlyMap<string, Float64Array>, rows: number): Packed {
  const width = feed.columns.length
  const data = new Float32Array(rows * width).fill(Number.NaN)
  for (const [place, name] of feed.columns.entries()) {
    const column = columns.get(name)
    if (column)
      for (let row = 0; row < rows; row++) data[row * width + place] = float32(column[row] ?? Number.NaN, feed.tensor)
  }
  return { tensor: feed.tensor, type: 'float32', shape: [rows, width], data }
}
