import type { JsonValue, Runtime } from '@tidemark/contracts'
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { type Frame, type Model, type Predictions, VersionFailed } from './model.ts'

type OnnxRuntime = Extract<Runtime, { kind: 'onnx' }>
type Input = OnnxRuntime['inputs'][number]
type TensorMaker = typeof Tensor
/** All of a runtime but where its bytes are. */
export type OnnxShape = Omit<OnnxRuntime, 'kind' | 'model'>

/** Columns that share a tensor lie in it side by side, in the model's order. */
interface Feed {
  readonly tensor: string
  readonly type: Input['type']
  readonly columns: readonly string[]
}

/**
 * A model in process. A missing text is "" and a missing number NaN, as in the Python runtime. Inference is synchronous in this runtime: a
 * request holds the event loop while its model computes.
 */
export class OnnxModel implements Model {
  readonly kind = 'onnx'
  private readonly session: InferenceSession
  private readonly makeTensor: TensorMaker
  private readonly feeds: readonly Feed[]
  private readonly runtime: OnnxShape
  /** Columns whose missing values the model refuses in Python. */
  private readonly refusing: readonly Input[]

  private constructor(session: InferenceSession, makeTensor: TensorMaker, runtime: OnnxShape) {
    this.session = session
    this.makeTensor = makeTensor
    this.feeds = groupByTensor(runtime.inputs)
    this.runtime = runtime
    this.refusing = runtime.inputs.filter((input) => input.missing === 'refused')
  }

  /** @throws Error when the file is no model or lacks a tensor that the runtime names. */
  static async load(bytes: Uint8Array, runtime: OnnxShape): Promise<OnnxModel> {
    // Loaded with the first model: an idle gateway does without its 30 MB.
    const { InferenceSession: Session, Tensor: makeTensor } = await import('onnxruntime-node')
    const session = await Session.create(bytes, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Its own lines are not JSON, and what fails is reported with the version and the prediction id.
      logSeverityLevel: 4,
    })
    const missing = runtime.inputs.find((input) => !session.inputNames.includes(input.tensor))
    if (missing) throw new Error(`The model has no input "${missing.tensor}".`)
    for (const output of [runtime.output, runtime.check?.scores])
      if (output && !session.outputNames.includes(output)) throw new Error(`The model has no output "${output}".`)
    return new OnnxModel(session, makeTensor, runtime)
  }

  async predict(frame: Frame): Promise<Predictions> {
    const rows = frame.rows.length
    if (rows === 0) return { values: [] }
    const data = await this.run(frame, this.runtime.output)
    return { values: this.runtime.shape === 'list' ? listsOf(data, rows) : valuesOf(data, rows) }
  }

  /** The probabilities behind labels, a list a row; null where the model gives none. @throws VersionFailed */
  async scores(frame: Frame): Promise<number[][] | null> {
    const output = this.runtime.check?.scores
    if (!output) return null
    return listsOf(await this.run(frame, output), frame.rows.length) as number[][]
  }

  /** Whether it can be asked by columns of numbers, without a row of cells for each of its rows. */
  get takesNumbers(): boolean {
    return this.runtime.shape !== 'list' && this.feeds.every((feed) => feed.type === 'float32')
  }

  /** The same as `predict` of a table whose cells are these numbers, NaN where one is missing. */
  async predictNumbers(columns: ReadonlyMap<string, Float64Array>, rows: number): Promise<Predictions> {
    for (const { column } of this.refusing) {
      const row = columns.get(column)?.findIndex(Number.isNaN) ?? 0
      if (row >= 0) throw noGap(row, column)
    }
    const feeds = this.feeds.map((feed) => [feed.tensor, packNumbers(this.makeTensor, feed, columns, rows)])
    return { values: valuesOf(await this.infer(Object.fromEntries(feeds), this.runtime.output), rows) }
  }

  private async run(frame: Frame, output: string): Promise<unknown[]> {
    refuseMissing(this.refusing, frame)
    const feeds = Object.fromEntries(this.feeds.map((feed) => [feed.tensor, pack(this.makeTensor, feed, frame)]))
    return this.infer(feeds, output)
  }

  private async infer(feeds: InferenceSession.OnnxValueMapType, output: string): Promise<unknown[]> {
    let outputs: InferenceSession.OnnxValueMapType
    try {
      outputs = await this.session.run(feeds, [output])
    } catch (error) {
      throw new VersionFailed('raised', reasonOf(error))
    }
    const tensor = outputs[output]
    if (!tensor || !('data' in tensor)) throw new VersionFailed('raised', 'Its output is not a tensor.')
    return [...(tensor.data as ArrayLike<unknown> & Iterable<unknown>)]
  }

  async close(): Promise<void> {
    await this.session.release()
  }
}

function groupByTensor(inputs: readonly Input[]): Feed[] {
  const feeds = new Map<string, { tensor: string; type: Input['type']; columns: string[] }>()
  for (const { tensor, type, column } of inputs) {
    const feed = feeds.get(tensor)
    if (feed) feed.columns.push(column)
    else feeds.set(tensor, { tensor, type, columns: [column] })
  }
  return [...feeds.values()]
}

function pack(makeTensor: TensorMaker, feed: Feed, frame: Frame): Tensor {
  const width = feed.columns.length
  const shape = [frame.rows.length, width]
  // A column that the caller did not send and need not send is missing in every row.
  const places = feed.columns.map((column) => frame.columns.indexOf(column))
  switch (feed.type) {
    case 'string': {
      const texts = new Array<string>(frame.rows.length * width)
      fill(texts, frame, places, (cell) => (cell === null ? '' : String(cell)))
      return new makeTensor('string', texts, shape)
    }
    case 'float32': {
      const numbers = new Float32Array(frame.rows.length * width)
      fill(numbers, frame, places, asNumber)
      return new makeTensor('float32', numbers, shape)
    }
    case 'int64': {
      const integers = new BigInt64Array(frame.rows.length * width)
      fill(integers, frame, places, (cell) => asInteger(cell, feed))
      return new makeTensor('int64', integers, shape)
    }
  }
}

/** Row after row, the feed's columns side by side. A plain loop: a generator took a third of the time of a thousand rows. */
function fill<T>(
  target: { [place: number]: T },
  frame: Frame,
  places: readonly number[],
  to: (cell: JsonValue) => T,
): void {
  let at = 0
  for (const row of frame.rows) for (const place of places) target[at++] = to(row[place] ?? null)
}

function asNumber(cell: JsonValue): number {
  return cell === null ? Number.NaN : Number(cell)
}

function asInteger(cell: JsonValue, feed: Feed): bigint {
  if (cell === null) throw new VersionFailed('raised', `Its input "${feed.tensor}" cannot hold a missing value.`)
  return BigInt(Number(cell))
}

/** Where Python raises for a missing value, so does this: a number computed from NaN would look like an answer. */
function refuseMissing(refusing: readonly Input[], frame: Frame): void {
  for (const { column, type } of refusing) {
    const place = frame.columns.indexOf(column)
    const isMissing = (cell: JsonValue | undefined) => cell == null || (type === 'string' && cell === '')
    const row = frame.rows.findIndex((cells) => isMissing(cells[place]))
    if (row >= 0) throw noGap(row, column)
  }
}

function noGap(row: number, column: string): VersionFailed {
  return new VersionFailed('raised', `Row ${row} has no value for "${column}", and the model takes no gap there.`)
}

function packNumbers(
  makeTensor: TensorMaker,
  feed: Feed,
  columns: ReadonlyMap<string, Float64Array>,
  rows: number,
): Tensor {
  const width = feed.columns.length
  const data = new Float32Array(rows * width).fill(Number.NaN)
  for (const [place, name] of feed.columns.entries()) {
    const column = columns.get(name)
    if (column) for (let row = 0; row < rows; row++) data[row * width + place] = column[row] ?? Number.NaN
  }
  return new makeTensor('float32', data, [rows, width])
}

/** The values of each row as a list. */
function listsOf(values: readonly unknown[], rows: number): JsonValue[] {
  const width = values.length / rows
  if (!Number.isInteger(width) || width === 0)
    throw new VersionFailed('raised', `It gave ${values.length} values for ${rows} rows.`)
  const usable = valuesOf(values, values.length)
  return Array.from({ length: rows }, (_, row) => usable.slice(row * width, (row + 1) * width))
}

/** One usable value for each row, or a failure: a NaN that leaves as `null` would look like an answer. */
function valuesOf(values: readonly unknown[], rows: number): JsonValue[] {
  if (values.length !== rows)
    throw new VersionFailed('raised', `It gave ${values.length} predictions for ${rows} rows.`)
  return values.map((value, row) => {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) return value
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'boolean') return value
    throw new VersionFailed('raised', `Its prediction for row ${row} is neither a finite number nor text.`)
  })
}

/** The runtime's message without the C++ function in its middle: which operator failed, and why. */
function reasonOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim()
  return text.replace(/Status Message: \/onnxruntime_src.*\] /, '').slice(0, 500)
}
