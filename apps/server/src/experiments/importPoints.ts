import type { Series } from '@tidemark/mlflow-protocol/checksum'
import { sql, type Tx } from '../platform/index.ts'
import type { KeyNumbers } from './keys.ts'
import { UPSERT_LATEST } from './logStore.ts'
import { byStep, byTime, type NumberedPoint, packPoints, sortedOnce, unpackPoints } from './points.ts'

/** The points of a run, by its number. */
export interface RunPoints {
  readonly run: number
  readonly experiment: number
  readonly series: readonly Series[]
  /** Whether some of them may be here already; they are looked for then. */
  readonly mayBeHere: boolean
}

/** A metric of fewer points is kept with the others of its run in one row of the log: a row for each would be most of what is stored. */
const OWN_CHUNK = 64
const CHUNK_POINTS = 8_192

interface Packed {
  readonly log: { run: number; points: Buffer }[]
  readonly chunks: { run: number; key: number; count: number; points: Buffer }[]
  readonly latest: (NumberedPoint & { run: number; experiment: number })[]
}

/** Adds points that are not here yet, and makes the latest of each metric what lists show. */
export async function addPoints(tx: Tx, runs: readonly RunPoints[], keys: ReadonlyMap<string, number>): Promise<void> {
  const asked = runs.filter(({ mayBeHere }) => mayBeHere)
  const here = await pointsOf(
    tx,
    asked.map(({ run }) => run),
  )
  const packed: Packed = { log: [], chunks: [], latest: [] }
  for (const run of runs) pack(run, here.get(run.run) ?? [], keys, packed)
  await write(tx, packed)
}

function pack(
  { run, experiment, series }: RunPoints,
  here: readonly NumberedPoint[],
  keys: ReadonlyMap<string, number>,
  into: Packed,
): void {
  const known = new Set(here.map(textOf))
  const few: NumberedPoint[] = []
  for (const { key: name, at, step, value } of series) {
    const key = keys.get(name)
    if (key === undefined) throw new Error(`The metric ${name} has no number.`)
    const points: NumberedPoint[] = []
    for (const [index, atMs] of at.entries()) {
      const point = { key, step: step[index] ?? 0, atMs, value: value[index] ?? Number.NaN }
      if (known.size === 0 || !known.has(textOf(point))) points.push(point)
    }
    const fresh = sortedOnce(points, byTime)
    if (fresh.length === 0) continue
    const latest = fresh.reduce((best, point) => (byStep(point, best) > 0 ? point : best))
    into.latest.push({ ...latest, run, experiment })
    if (fresh.length < OWN_CHUNK) few.push(...fresh)
    else {
      for (let from = 0; from < fresh.length; from += CHUNK_POINTS) {
        const share = fresh.slice(from, from + CHUNK_POINTS)
        into.chunks.push({ run, key, count: share.length, points: packPoints(share) })
      }
    }
  }
  if (few.length > 0) into.log.push({ run, points: packPoints(few) })
}

/** Removes chunks that a run has twice, byte for byte: its history was given again, after an import of it was cut off. */
export async function removeRepeats(tx: Tx, run: number): Promise<void> {
  await sql`
    delete from metric_chunk c using metric_chunk o
    where c.run = ${run} and o.run = ${run} and o.key = c.key and o.seq < c.seq and o.points = c.points`.execute(tx)
}

/** Equal for equal points, NaN among them; the two zeros are one. */
function textOf(point: NumberedPoint): string {
  return `${point.key} ${point.step} ${point.atMs} ${point.value + 0}`
}

async function write(tx: Tx, { log, chunks, latest }: Packed): Promise<void> {
  if (latest.length === 0) return
  await sql`
    insert into metric_log (run, points)
    select * from unnest(${log.map((row) => row.run)}::bigint[], ${log.map((row) => row.points)}::bytea[])`.execute(tx)
  await sql`
    insert into metric_chunk (run, key, count, points)
    select * from unnest(${chunks.map((row) => row.run)}::bigint[], ${chunks.map((row) => row.key)}::int[],
      ${chunks.map((row) => row.count)}::int[], ${chunks.map((row) => row.points)}::bytea[])`.execute(tx)
  await sql`
    insert into latest_metric (run, experiment, key, at_ms, step, value)
    select * from unnest(${latest.map((row) => row.run)}::bigint[], ${latest.map((row) => row.experiment)}::bigint[],
      ${latest.map((row) => row.key)}::int[], ${latest.map((row) => row.atMs)}::bigint[], ${latest.map((row) => row.step)}::bigint[],
      ${latest.map((row) => row.value)}::float8[])
    ${sql.raw(UPSERT_LATEST)}`.execute(tx)
}

async function pointsOf(tx: Tx, runs: readonly number[]): Promise<Map<number, NumberedPoint[]>> {
  const found = new Map<number, NumberedPoint[]>()
  if (runs.length === 0) return found
  const { rows } = await sql<{ run: number; points: Buffer }>`
    select run, points from metric_chunk where run = any (${runs}::bigint[])
    union all
    select run, points from metric_log where run = any (${runs}::bigint[])`.execute(tx)
  for (const { run, points } of rows) {
    const into = found.get(run) ?? []
    found.set(run, into)
    unpackPoints(points, into)
  }
  return found
}

/** The points of one run as columns by metric, each point once. */
export function seriesOf(points: readonly NumberedPoint[], keys: KeyNumbers): Series[] {
  return [...Map.groupBy(points, ({ key }) => key)].map(([key, own]) => {
    const once = sortedOnce(own, byStep)
    return {
      key: keys.name(key),
      at: once.map((point) => point.atMs),
      step: once.map((point) => point.step),
      value: once.map((point) => point.value),
    }
  })
}
