import type { JsonValue, Runtime } from '@tidemark/contracts'
import { Gaps } from './gaps.ts'
import { Gathering } from './gathering.ts'
import { various, zeros } from './madeUp.ts'
import { type Frame, type Model, type Predictions, VersionFailed } from './model.ts'
import { answersByRow } from './operators.ts'
import { type Feed, groupByTensor, type Packed, pack, packNumbers } from './pack.ts'
import { type Cost, costOf, expected, mostOnLoop, placeOf, seen } from './placement.ts'
import { OnnxSession, type OutputData } from './session.ts'
import type { OnnxThreads, ThreadSession, Wanted } from './threads.ts'

type OnnxRuntime = Extract<Runtime, { kind: 'onnx' }>
/** All of a runtime but where its bytes are. */
export type OnnxShape = Omit<OnnxRuntime, 'kind' | 'model'>

/** Memory of a loaded model for each byte of its file: an estimate to evict by, without what the ONNX runtime itself takes once. */
const MEMORY_PER_BYTE = 3
/** Rows of the second measurement at load. */
const MANY_ROWS = 64
/** Rows that are compared together and alone at load, and the longest run of one for which that is worth it, in milliseconds. */
const PROBED_ROWS = 16
const PROBED_MS = 20

/** Where runs go that would hold the event loop. */
export interface Beside {
  readonly threads: OnnxThreads
  /** The model's bytes once more, for the thread that first runs it. */
  readonly read: () => Promise<Uint8Array>
}

/**
 * A model in process. A missing text is the text that stands for it, and a missing number NaN. Short runs are computed on the event loop, where
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
  private readonly gaps: Gaps
  /** null: its runs are not shared. */
  private gathering: Gathering | null = null

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
    this.gaps = new Gaps(runtime.inputs)
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
    if (!beside) return model
    await model.measure(session)
    // Also where a run seems long now: on a busy machine that may be an error, and the model comes back to the loop.
    if (expected(model.cost, 1) <= PROBED_MS && answersByRow(bytes) && (await model.probe(session)))
      model.gathering = new Gathering(
        (frame) => model.answers(frame),
        () => mostOnLoop(model.cost),
      )
    await model.settle(session)
    return model
  }

  async predict(frame: Frame): Promise<Predictions> {
    const rows = frame.rows.length
    if (rows === 0) return { values: [] }
    this.gaps.check(frame)
    const shares = frame.kind === 'table' && placeOf(this.cost, rows) === 'loop' && !this.gaps.lackTexts(frame)
    const shared = shares ? this.gathering : null
    return { values: await (shared ? shared.ask(frame) : this.answers(frame)) }
  }

  /** The probabilities behind labels, a list a row; null where the model gives none. @throws VersionFailed */
  async scores(frame: Frame): Promise<number[][] | null> {
    const output = this.runtime.check?.scores
    if (!output) return null
    this.gaps.check(frame)
    return listsOf(await this.run(frame, output), frame.rows.length) as number[][]
  }

  /** Whether it can be asked by columns of numbers, without a row of cells for each of its rows. */
  get takesNumbers(): boolean {
    const { shape = 'value' } = this.runtime
    return shape === 'value' && this.feeds.every((feed) => feed.type === 'float32' && !feed.part)
  }

  /** The same as `predict` of a table whose cells are these numbers, NaN where one is missing. */
  async predictNumbers(columns: ReadonlyMap<string, Float64Array>, rows: number): Promise<Predictions> {
    this.gaps.checkNumbers(columns)
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

  private async answers(frame: Frame): Promise<JsonValue[]> {
    const data = await this.run(frame, this.runtime.output)
    const rows = frame.rows.length
    switch (this.runtime.shape) {
      case 'record':
        return recordsOf(data, rows, this.runtime.names ?? [])
      case 'list':
        return listsOf(data, rows)
      default:
        return valuesOf(data, rows)
    }
  }

  private async run(frame: Frame, output: string): Promise<OutputData> {
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
    if (beside && placeOf(this.cost, rows) === 'thread') {
      const { data, milliseconds } = await beside.run(feeds, output)
      // Also here: what was slow on a busy machine comes back to the loop.
      this.cost = seen(this.cost, rows, milliseconds)
      return data
    }
    const session = this.session ?? (await this.reload())
    const { data, milliseconds } = await session.run(feeds, output)
    this.cost = seen(this.cost, rows, milliseconds)
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

  /** Whether it gives each of many rows, to the last bit, what it gives the row alone. */
  private async probe(session: OnnxSession): Promise<boolean> {
    const frame = various(this.runtime.inputs, PROBED_ROWS)
    const answer = async (rows: Frame['rows']): Promise<OutputData> => {
      const feeds = this.feeds.map((feed) => pack(feed, { ...frame, rows }))
      return (await session.run(feeds, this.runtime.output)).data
    }
    try {
      const together = await answer(frame.rows)
      const width = together.length / PROBED_ROWS
      for (const [row, cells] of frame.rows.entries())
        if (!sameBits(await answer([cells]), together.slice(row * width, (row + 1) * width))) return false
      return true
    } catch {
      return false
    }
  }

  /** What its runs take, by rows of nothing but zeros. */
  private async measure(session: OnnxSession): Promise<void> {
    const once = async (rows: number): Promise<number> => {
      const feeds = this.feeds.map((feed) => pack(feed, zeros(feed, rows)))
      return (await session.run(feeds, this.runtime.output)).milliseconds
    }
    try {
      // The shortest: a longer one was interrupted.
      const shortest = async (rows: number) => Math.min(await once(rows), await once(rows), await once(rows))
      await once(1)
      this.cost = costOf(await shortest(1), { rows: MANY_ROWS, milliseconds: await shortest(MANY_ROWS) })
    } catch {
      // It takes arrays of a shape of its own, or refuses zeros: its real runs will tell.
      this.cost = { fixed: 0.1, perRow: 0.01 }
    }
  }

  /** Gives the loop's memory back where not even a single row belongs there. */
  private async settle(session: OnnxSession): Promise<void> {
    if (placeOf(this.cost, 1) === 'loop') return
    this.session = null
    await session.close()
  }
}

function sameBits(one: OutputData, other: OutputData): boolean {
  return (
    one.length === other.length &&
    Array.from(one as ArrayLike<unknown>).every((value, at) => Object.is(value, other[at]))
  )
}

/** The values of each row by their names; NaN is null, as Python's frames have it. */
function recordsOf(values: OutputData, rows: number, names: readonly string[]): JsonValue[] {
  if (values.length !== rows * names.length)
    throw new VersionFailed('raised', `It gave ${values.length} values for ${rows} rows of ${names.length}.`)
  const usable = valuesOf(values, values.length, Number.isNaN)
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(names.map((name, place) => [name, usable[row * names.length + place] ?? null])),
  )
}

/** The values of each row as a list. */
function listsOf(values: OutputData, rows: number): JsonValue[] {
  const width = values.length / rows
  if (!Number.isInteger(width) || width === 0)
    throw new VersionFailed('raised', `It gave ${values.length} values for ${rows} rows.`)
  const usable = valuesOf(values, values.length)
  return Array.from({ length: rows }, (_, row) => usable.slice(row * width, (row + 1) * width))
}

/** One usable value for each row, or a failure: a NaN that leaves as `null` would look like an answer, unless Python answers so. */
function valuesOf(values: OutputData, rows: number, isGap: (value: unknown) => boolean = () => false): JsonValue[] {
  if (values.length !== rows)
    throw new VersionFailed('raised', `It gave ${values.length} predictions for ${rows} rows.`)
  return Array.from(values as ArrayLike<unknown>, (value, row): JsonValue => {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) return value
    if (typeof value === 'bigint') return Number(value)
    if (typeof value === 'boolean') return value
    if (isGap(value)) return null
    throw new VersionFailed('raised', `Its prediction for row ${row} is neither a finite number nor text.`)
  })
}
