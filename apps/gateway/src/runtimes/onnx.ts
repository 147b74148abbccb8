import type { JsonValue, Runtime } from '@tidemark/contracts'
import { type Frame, type Model, type Predictions, VersionFailed } from './model.ts'
import { type Feed, groupByTensor, type Packed, pack, packNumbers } from './pack.ts'
import { type Cost, costOf, placeOf, seen } from './placement.ts'
import { OnnxSession, type OutputData } from './session.ts'
import type { OnnxThreads, ThreadSession, Wanted } from './threads.ts'

type OnnxRuntime = Extract<Runtime, { kind: 'onnx' }>
type Input = OnnxRuntime['inputs'][number]
/** All of a runtime but where its bytes are. */
export type OnnxShape = Omit<OnnxRuntime, 'kind' | 'model'>

/** Memory of a loaded model for each byte of its file: an estimate to evict by, without what the ONNX runtime itself takes once. */
const MEMORY_PER_BYTE = 3
/** Rows of the second measurement at load. */
const MANY_ROWS = 64

/** Where runs go that would hold the event loop. */
export interface Beside {
  readonly threads: OnnxThreads
  /** The model's bytes once more, for the thread that first runs it. */
  readonly read: () => Promise<Uint8Array>
}

/**
 * A model in process. A missing text is "" and a missing number NaN, as in the Python runtime. Short runs are computed on the event loop, where
 * nothing is waited for; longer ones in a thread beside it, by what runs were measured to take.
 */
export class OnnxModel implements Model {
  readonly kind = 'onnx'
  /** null: unloaded, or no run of it is short enough for the event loop. */
  private session: OnnxSession | null
  private reloading: Promise<OnnxSession> | undefined
  private readonly wanted: Wanted
  private readonly beside: ThreadSession | null
  private readonly read: Beside['read'] | undefined
  private readonly fileBytes: number
  private cost: Cost = { fixed: 0, perRow: 0 }
  private readonly feeds: readonly Feed[]
  private readonly runtime: OnnxShape
  /** Columns whose missing values the model refuses in Python. */
  private readonly refusing: readonly Input[]

  private constructor(
    session: OnnxSession,
    wanted: Wanted,
    runtime: OnnxShape,
    fileBytes: number,
    beside: Beside | undefined,
  ) {
    this.session = session
    this.wanted = wanted
    this.fileBytes = fileBytes
    this.beside = beside?.threads.session(beside.read, wanted) ?? null
    this.read = beside?.read
    this.feeds = groupByTensor(runtime.inputs)
    this.runtime = runtime
    this.refusing = runtime.inputs.filter((input) => input.missing === 'refused')
  }

  /**
   * Without `beside` every run is computed on this thread.
   * @throws Error when the file is no model or lacks a tensor that the runtime names
   */
  static async load(bytes: Uint8Array, runtime: OnnxShape, beside?: Beside): Promise<OnnxModel> {
    const scores = runtime.check?.scores
    const wanted: Wanted = {
      inputs: [...new Set(runtime.inputs.map(({ tensor }) => tensor))],
      outputs: scores ? [runtime.output, scores] : [runtime.output],
    }
    const session = await OnnxSession.load(bytes, wanted)
    const model = new OnnxModel(session, wanted, runtime, bytes.length, beside)
    if (beside) await model.measure()
    return model
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
    const feeds = this.feeds.map((feed) => packNumbers(feed, columns, rows))
    return { values: valuesOf(await this.infer(feeds, rows, this.runtime.output), rows) }
  }

  bytes(): number {
    const copies = (this.session ? 1 : 0) + (this.beside?.copies ?? 0)
    return copies * this.fileBytes * MEMORY_PER_BYTE
  }

  async unload(): Promise<void> {
    // Without another way to its bytes it would be gone for good.
    if (!this.beside) return
    const { session } = this
    this.session = null
    await session?.close()
    await this.beside.close()
  }

  async close(): Promise<void> {
    await this.session?.close()
    await this.beside?.close()
  }

  private async run(frame: Frame, output: string): Promise<OutputData> {
    refuseMissing(this.refusing, frame)
    const feeds = this.feeds.map((feed) => pack(feed, frame))
    return this.infer(feeds, frame.rows.length, output)
  }

  private async infer(feeds: readonly Packed[], rows: number, output: string): Promise<OutputData> {
    try {
      return await this.compute(feeds, rows, output)
    } catch (error) {
      throw new VersionFailed('raised', error instanceof Error ? error.message : String(error))
    }
  }

  private async compute(feeds: readonly Packed[], rows: number, output: string): Promise<OutputData> {
    const { beside } = this
    if (beside && placeOf(this.cost, rows) === 'thread') return beside.run(feeds, output)
    const session = this.session ?? (await this.reload())
    const start = performance.now()
    const data = await session.run(feeds, output)
    this.cost = seen(this.cost, rows, performance.now() - start)
    return data
  }

  private async reload(): Promise<OnnxSession> {
    if (!this.read) throw new Error('It was unloaded.')
    this.reloading ??= this.read()
      .then((bytes) => OnnxSession.load(bytes, this.wanted))
      .then((session) => {
        this.session = session
        return session
      })
      .finally(() => {
        this.reloading = undefined
      })
    return this.reloading
  }

  /** What its runs take, by rows of nothing but zeros; one whose single row is too long for the event loop leaves it for good. */
  private async measure(): Promise<void> {
    const once = async (rows: number): Promise<number> => {
      const feeds = this.feeds.map((feed) => pack(feed, zeros(feed, rows)))
      const start = performance.now()
      await this.session?.run(feeds, this.runtime.output)
      return performance.now() - start
    }
    try {
      await once(1)
      const singles = [await once(1), await once(1), await once(1)]
      this.cost = costOf(Math.min(...singles), { rows: MANY_ROWS, milliseconds: await once(MANY_ROWS) })
    } catch {
      // It takes arrays of a shape of its own, or refuses zeros: its real runs will tell.
      this.cost = { fixed: 0.1, perRow: 0.01 }
    }
    if (placeOf(this.cost, 1) === 'loop') return
    await this.session?.close()
    this.session = null
  }
}

function zeros({ columns, type }: Feed, rows: number): Frame {
  const cell = type === 'string' ? '' : 0
  return { kind: 'table', columns, rows: Array.from({ length: rows }, () => columns.map(() => cell)) }
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

/** The values of each row as a list. */
function listsOf(values: OutputData, rows: number): JsonValue[] {
  const width = values.length / rows
  if (!Number.isInteger(width) || width === 0)
    throw new VersionFailed('raised', `It gave ${values.length} values for ${rows} rows.`)
  const usable = valuesOf(values, values.length)
  return Array.from({ length: rows }, (_, row) => usable.slice(row * width, (row + 1) * width))
}

/** One usable value for each row, or a failure: a NaN that leaves as `null` would look like an answer. */
function valuesOf(values: OutputData, rows: number): JsonValue[] {
  if (values.length !== rows)
    throw new VersionFailed('raised', `It gave ${values.length} predictions for ${rows} rows.`)
  return Array.from(values as ArrayLike<unknown>, (value, row): JsonValue => {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) return value
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'boolean') return value
    throw new VersionFailed('raised', `Its prediction for row ${row} is neither a finite number nor text.`)
  })
}
