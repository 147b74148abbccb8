import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type InputColumn, numberIn } from '@tidemark/contracts'
import type { Gap, RowResult, WorkerPool } from '@tidemark/workers'
import { type Analytics, identifier, literal } from '../data/index.ts'
import type { Blobs } from '../platform/index.ts'
import { perturb, type RawRow } from './perturb.ts'
import type { HoldoutRow, IntegrityFacts, PerturbedResult, Value } from './types.ts'

/** The same disturbances for every candidate, so that two gates of one version agree. */
const SEED = 20_240_229
/** Enough for a mean difference, and few enough for a model in Python that must be asked row by row because it raises. */
const MOST_DISTURBED_ROWS = 120

const NUMERIC: ReadonlySet<InputColumn['type']> = new Set(['double', 'float', 'long', 'integer'])

/** A row of the holdout: what the model gets, and what is known about it. */
export interface LabelledRow {
  readonly raw: RawRow
  readonly entity: string | null
  readonly eventTime: Date | null
  readonly slices: Readonly<Record<string, string>>
  readonly label: number
}

/** A version laid out in a folder, and what a missing text is to it. */
export interface PlacedVersion {
  readonly modelDir: string
  readonly gap: Gap
}

/** Reads Parquet outputs of pipeline runs: holdout rows, and who was in the training. */
export class HoldoutReader {
  private readonly analytics: Analytics
  private readonly blobs: Blobs

  constructor(analytics: Analytics, blobs: Blobs) {
    this.analytics = analytics
    this.blobs = blobs
  }

  /** Labelled rows with the model's input columns. @throws Error naming a column that the file lacks. */
  async rows(digest: string, columns: readonly InputColumn[], sliceColumns: readonly string[]): Promise<LabelledRow[]> {
    return this.analytics.use(async (session) => {
      const source = `read_parquet(${literal(this.blobs.path(digest))})`
      const present = await columnsOf(session, source)
      const missing = columns.find((column) => !present.has(column.name))
      if (missing) throw new Error(`The holdout has no column "${missing.name}", which the model needs.`)
      if (!present.has('label')) throw new Error('The holdout has no column "label".')
      const raw = columns.map(({ name, type }) =>
        NUMERIC.has(type)
          ? `nullif(try_cast(${identifier(name)} as double), 'NaN'::double) as ${identifier(name)}`
          : identifier(name),
      )
      const slices = sliceColumns.filter((name) => present.has(name))
      const found = await session.rows<Record<string, Value>>(`
        select ${raw.join(', ')},
          cast(label as double) as "\u0001label",
          ${present.has('entity') ? 'cast(entity as varchar)' : 'null'} as "\u0001entity",
          ${present.has('event_time') ? 'cast(epoch_ms(cast(event_time as timestamp)) as double)' : 'null'} as "\u0001time"
          ${slices.map((name) => `, coalesce(cast(${identifier(name)} as varchar), '') as ${identifier(`\u0001${name}`)}`).join('')}
        from ${source} where label is not null`)
      return found.map((row) => ({
        raw: Object.fromEntries(columns.map(({ name }) => [name, row[name] ?? null])),
        label: Number(row['\u0001label']),
        entity: row['\u0001entity'] === null ? null : String(row['\u0001entity']),
        eventTime: row['\u0001time'] === null ? null : new Date(Number(row['\u0001time'])),
        slices: Object.fromEntries(slices.map((name) => [name, String(row[`\u0001${name}`] ?? '')])),
      }))
    })
  }

  /** What the training's rows have in common with a holdout. */
  async overlap(
    training: string,
    holdout: readonly LabelledRow[],
  ): Promise<Pick<IntegrityFacts, 'trainingEntities' | 'sharedEntities' | 'trainingTo'>> {
    return this.analytics.use(async (session) => {
      const source = `read_parquet(${literal(this.blobs.path(training))})`
      const present = await columnsOf(session, source)
      const times = present.has('event_time')
        ? await session.rows<{ latest: number | null }>(
            `select cast(max(epoch_ms(cast(event_time as timestamp))) as double) as latest from ${source}`,
          )
        : []
      const latest = times[0]?.latest ?? null
      const trainingTo = latest === null ? null : new Date(latest)
      if (!present.has('entity')) return { trainingEntities: null, sharedEntities: null, trainingTo }
      const found = await session.rows<{ entity: string }>(
        `select distinct cast(entity as varchar) as entity from ${source} where entity is not null`,
      )
      const trained = new Set(found.map((row) => row.entity))
      const shared = new Set(holdout.flatMap(({ entity }) => (entity !== null && trained.has(entity) ? [entity] : [])))
      return { trainingEntities: trained.size, sharedEntities: shared.size, trainingTo }
    })
  }
}

async function columnsOf(
  session: { rows<R>(question: string): Promise<R[]> },
  source: string,
): Promise<ReadonlySet<string>> {
  const found = await session.rows<{ column_name: string }>(
    `select column_name from (describe select * from ${source})`,
  )
  return new Set(found.map((row) => row.column_name))
}

/** Predictions of the holdout by both versions, and of its disturbed copies by the candidate. */
export async function predictHoldout(
  pool: WorkerPool,
  rows: readonly LabelledRow[],
  columns: readonly InputColumn[],
  options: {
    readonly candidate: PlacedVersion
    readonly champion: PlacedVersion | null
    readonly workDir: string
    readonly noise: number
    readonly perturbed: boolean
  },
): Promise<{ holdout: HoldoutRow[]; perturbed: PerturbedResult[] }> {
  const { workDir, noise } = options
  const raw = rows.map((row) => row.raw)
  const stride = Math.max(1, Math.ceil(rows.length / MOST_DISTURBED_ROWS))
  const places = rows.map((_, place) => place).filter((place) => place % stride === 0)
  const chosen = raw.filter((_, place) => place % stride === 0)
  const copies = options.perturbed ? perturb(chosen, columns, { noise, seed: SEED }) : []
  const asked = [raw, ...copies.map((copy) => copy.rows)]
  const [answers, champion] = await Promise.all([
    predict(pool, options.candidate, asked.flat(), join(workDir, 'candidate')),
    options.champion && predict(pool, options.champion, raw, join(workDir, 'champion')),
  ])
  const numbers = answers.map(numberOf)
  const holdout = rows.map(({ raw: _, ...row }, index) => ({
    ...row,
    prediction: numbers[index] ?? null,
    championPrediction: champion ? numberOf(champion[index]) : null,
  }))
  const perturbed = copies.map(({ kind }, copy) => {
    const start = rows.length + chosen.length * copy
    const end = start + chosen.length
    const own = answers.slice(start, end)
    const failed = own.find((answer) => 'error' in answer)
    return {
      kind,
      rows: places,
      predictions: numbers.slice(start, end),
      error: failed && 'error' in failed ? failed.error.slice(0, 300) : null,
    }
  })
  return { holdout, perturbed }
}

async function predict(
  pool: WorkerPool,
  version: PlacedVersion,
  rows: readonly RawRow[],
  name: string,
): Promise<RowResult[]> {
  const inputFile = `${name}.ndjson`
  const outputFile = `${name}-predictions.ndjson`
  await writeFile(inputFile, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await pool.run({ kind: 'predict', ...version, inputFile, outputFile })
  const lines = (await readFile(outputFile, 'utf8')).split('\n').filter((line) => line !== '')
  if (lines.length !== rows.length) throw new Error(`${lines.length} predictions came for ${rows.length} rows.`)
  return lines.map((line) => JSON.parse(line) as RowResult)
}

/** The number that monitoring will take from the same answer. */
function numberOf(answer: RowResult | undefined): number | null {
  return answer && 'prediction' in answer ? numberIn(answer.prediction) : null
}
