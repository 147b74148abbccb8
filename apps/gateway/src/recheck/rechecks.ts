import type { JsonValue, RecheckPolicy, Runtime, RuntimeMismatch, Variant } from '@tidemark/contracts'
import { compareRow, type RowAnswer, type RowComparison } from '../parity/compare.ts'
import { type Frame, type Model, VersionFailed } from '../runtimes/model.ts'
import type { LoadedVersion } from '../runtimes/models.ts'
import type { Log, Telemetry } from '../telemetry.ts'
import { isChosen } from './decide.ts'

type OnnxRuntime = Extract<Runtime, { kind: 'onnx' }>

/** An answer that a version gave as ONNX. */
export interface Answered {
  readonly prediction: string
  readonly workspace: string
  readonly endpoint: string
  readonly version: LoadedVersion
  readonly policy: RecheckPolicy | undefined
  readonly frame: Frame
  readonly values: readonly JsonValue[]
}

export interface RecheckParts {
  /** Brings a version into memory; here its form in Python. */
  readonly load: (variant: Variant) => Promise<Model>
  /** Tells the server; rejects when it is away. */
  readonly report: (mismatch: Omit<RuntimeMismatch, 'gateway'>) => Promise<void>
  readonly telemetry: Pick<Telemetry, 'rechecks'>
  readonly out: Log
  /** Chosen rows gather for so long and are asked together: a call of Python costs more than its rows. */
  readonly gatherMs?: number
  /** Python ends when nothing was chosen for so long. */
  readonly idleMs?: number
  readonly now?: () => number
  readonly chance?: () => number
}

/** One row to be asked again. */
interface Chosen {
  readonly answered: Answered
  readonly row: number
}

/** What is known of a version that is asked again. */
interface Watched {
  readonly version: LoadedVersion
  readonly runtime: OnnxRuntime
  lastChosenMs: number | null
  waiting: Chosen[]
  python: Promise<Model> | null
  usedMs: number
  /** Once it was caught, the server decides: nothing more is asked of it. */
  caught: boolean
}

const MOST_WAITING = 500
const ROWS_OF_AN_ANSWER = 20
/** Where several versions are asked, the gathering of each takes so many times as long: starting its Python costs seconds of a core. */
const TURN = 6
const RETRY_MS = 2000
const MOST_RETRIES = 1800

/**
 * Asks Python again what ONNX answered, off the request path, for a sample of the answers. An answer that differs by more than the version's gate
 * allowed is told to the server, which sends the version to Python everywhere. One version at a time has its Python here; several take turns. Chosen rows
 * wait in memory only: those of a gateway that ends are lost, and others are chosen.
 */
export class Rechecks {
  private readonly parts: Required<RecheckParts>
  /** By workspace and version: two workspaces may each have a films/3. */
  private readonly watched = new Map<string, Watched>()
  private readonly stopping = new AbortController()
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> = Promise.resolve()
  /** Versions that were asked the last time. */
  private asked = 1

  constructor(parts: RecheckParts) {
    this.parts = { gatherMs: 5000, idleMs: 60_000, now: () => Date.now(), chance: Math.random, ...parts }
  }

  /** Takes an answer into the sample, or not. Never throws and never waits. */
  offer(answered: Answered): void {
    const { policy, version, frame, workspace } = answered
    const { runtime } = version
    if (policy === undefined || runtime.kind !== 'onnx' || !runtime.python || !runtime.check) return
    const { now, chance } = this.parts
    const key = `${workspace}/${version.version}`
    const known = this.watched.get(key) ?? this.watch(key, version, runtime)
    if (known.caught || !isChosen(policy, known.lastChosenMs, now(), chance())) return
    known.lastChosenMs = now()
    if (known.waiting.length >= MOST_WAITING) return
    const rows = Math.min(frame.rows.length, ROWS_OF_AN_ANSWER)
    const first = Math.floor(chance() * (frame.rows.length - rows + 1))
    for (let row = first; row < first + rows; row++) known.waiting.push({ answered, row })
    this.schedule()
  }

  /** Asks what waits, now. For tests, and for the end of the process. */
  async flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    this.running = this.running.then(() => this.askAll())
    await this.running
  }

  /** Drops what waits and ends Python. */
  async close(): Promise<void> {
    this.stopping.abort()
    clearTimeout(this.timer)
    for (const known of this.watched.values()) known.waiting = []
    await this.running
    for (const known of this.watched.values()) await release(known)
  }

  private watch(key: string, version: LoadedVersion, runtime: OnnxRuntime): Watched {
    const known = { version, runtime, lastChosenMs: null, waiting: [], python: null, usedMs: 0, caught: false }
    this.watched.set(key, known)
    return known
  }

  private schedule(): void {
    if (this.timer || this.stopping.signal.aborted) return
    const { gatherMs } = this.parts
    const patienceMs = this.asked > 1 ? gatherMs * TURN * this.asked : gatherMs
    this.timer = setTimeout(() => void this.flush(), patienceMs)
    this.timer.unref()
  }

  private async askAll(): Promise<void> {
    const { now, idleMs, out } = this.parts
    this.asked = 0
    for (const known of this.watched.values()) {
      const chosen = known.waiting.splice(0)
      if (chosen.length > 0) {
        this.asked += 1
        known.usedMs = now()
        await this.ask(known, chosen).catch((error: unknown) => {
          out.warn({ err: error, version: known.version.version }, 'answers could not be asked of Python again')
        })
      } else if (known.python && now() - known.usedMs >= idleMs) await release(known)
    }
    if ([...this.watched.values()].some((known) => known.python !== null)) this.schedule()
  }

  private async ask(known: Watched, chosen: readonly Chosen[]): Promise<void> {
    const { python, check } = known.runtime
    if (!python || !check) return
    const { version, workers } = known.version
    // One at a time: a gateway of many models must not hold each of them in Python, too.
    for (const other of this.watched.values()) if (other !== known) await release(other)
    known.python ??= this.parts.load({ version, runtime: python, workers })
    const model = await known.python.catch((error: unknown) => {
      known.python = null
      throw error
    })
    for (const [place, expected] of (await answersOf(model, chosen)).entries()) {
      const one = chosen[place]
      if (!one || !expected) continue
      const comparison = await this.compareTwice(model, check, one, expected)
      if (!comparison) continue
      this.parts.telemetry.rechecks.labels(one.answered.endpoint, comparison.kind).inc()
      if (comparison.kind === 'different' && !known.caught) {
        known.caught = true
        this.tell(one, comparison.difference, check.tolerance)
      }
    }
  }

  /** What differs is asked once more as it came, with all rows of its request: in other company a row may be another question. */
  private async compareTwice(
    model: Model,
    check: NonNullable<OnnxRuntime['check']>,
    one: Chosen,
    expected: RowAnswer,
  ): Promise<RowComparison | null> {
    const first = await this.compare(check, one, expected)
    if (first?.kind !== 'different') return first
    const whole = (await askTogether(model, one.answered.frame))[one.row]
    return whole ? this.compare(check, one, whole) : null
  }

  /** null: it cannot be told, because the version was closed meanwhile. */
  private async compare(
    { kind, tolerance }: NonNullable<OnnxRuntime['check']>,
    { answered, row }: Chosen,
    expected: RowAnswer,
  ): Promise<RowComparison | null> {
    const got = { value: answered.values[row] ?? null }
    const first = compareRow(kind, tolerance, expected, got)
    if (first.kind !== 'different' || kind !== 'labels' || 'error' in expected) return first
    // Python gives labels alone here: whether they are tied is told by the probabilities behind those of ONNX.
    try {
      const scores = await answered.version.model.scores?.(rowsOf(answered.frame, [row]))
      return compareRow(kind, tolerance, { ...expected, scores: scores?.[0] ?? null }, got)
    } catch {
      return null
    }
  }

  /** Tells the server until it listens: what differs will go on differing. */
  private tell({ answered, row }: Chosen, difference: number | null, tolerance: number): void {
    const { prediction, workspace, endpoint, version } = answered
    const mismatch = { prediction, workspace, endpoint, version: version.version, row, difference, tolerance }
    this.parts.out.error(mismatch, 'ONNX answers otherwise than Python')
    const tryOnce = async (tries: number): Promise<void> => {
      try {
        await this.parts.report(mismatch)
      } catch (error) {
        if (this.stopping.signal.aborted || tries >= MOST_RETRIES) return
        this.parts.out.warn({ err: error, prediction }, 'the server could not be told of a mismatch yet')
        setTimeout(() => void tryOnce(tries + 1), RETRY_MS).unref()
      }
    }
    void tryOnce(0)
  }
}

async function release(known: Watched): Promise<void> {
  const { python } = known
  known.python = null
  await python?.then((model) => model.close()).catch(() => {})
}

/** What Python says of each row; null where it crashed or took too long, which says nothing of the answer. */
async function answersOf(model: Model, chosen: readonly Chosen[]): Promise<(RowAnswer | null)[]> {
  const answers: (RowAnswer | null)[] = []
  for (const group of grouped(chosen)) {
    const [{ answered }] = group
    const frame = { ...answered.frame, rows: group.map((one) => one.answered.frame.rows[one.row] ?? []) }
    answers.push(...(await askTogether(model, frame)))
  }
  return answers
}

async function askTogether(model: Model, frame: Frame): Promise<(RowAnswer | null)[]> {
  try {
    const { values, form } = await model.predict(frame)
    if (form !== undefined || values.length !== frame.rows.length) return frame.rows.map(() => null)
    return values.map((value) => ({ value }))
  } catch (error) {
    if (!(error instanceof VersionFailed)) throw error
    if (error.how !== 'raised' && error.how !== 'refused') return frame.rows.map(() => null)
    if (frame.rows.length === 1) return [{ error: error.message }]
    const alone: (RowAnswer | null)[] = []
    for (const row of frame.rows) alone.push(...(await askTogether(model, { ...frame, rows: [row] })))
    return alone
  }
}

/** Neighbours with the same columns and parameters, which one call can answer. */
function grouped(chosen: readonly Chosen[]): [Chosen, ...Chosen[]][] {
  const groups: [Chosen, ...Chosen[]][] = []
  for (const one of chosen) {
    const last = groups.at(-1)
    const same = last && keyOf(last[0].answered.frame) === keyOf(one.answered.frame)
    if (same) last.push(one)
    else groups.push([one])
  }
  return groups
}

function keyOf({ kind, columns, params }: Frame): string {
  return JSON.stringify([kind, columns, params ?? null])
}

function rowsOf(frame: Frame, places: readonly number[]): Frame {
  return { ...frame, rows: places.map((place) => frame.rows[place] ?? []) }
}
