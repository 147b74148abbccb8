import type pg from 'pg'
import { type Queryable, runPrepared, type Statement, sql, type Tx } from '../platform/index.ts'
import { byTime, type NumberedPoint, packPoints, sortedOnce, unpackPoints } from './points.ts'

/** Everything that was logged of one metric of one run, and in how many unsorted rows of the log it was looked for. */
export interface Course {
  readonly run: number
  readonly points: readonly NumberedPoint[]
  readonly logRows: number
}

// One statement, so that points on their way from the log to a chunk are seen once.
const COURSES: Statement = {
  name: 'metric-courses',
  text: `
    select run, 0 as logged, points from metric_chunk where run = any ($1::bigint[]) and key = $2
    union all
    select run, 1 as logged, points from metric_log where run = any ($1::bigint[])`,
}

/** The whole course of a metric of each run, by time, then step, then value. */
export async function courses(pool: pg.Pool, runs: readonly number[], key: number): Promise<Map<number, Course>> {
  const rows = await runPrepared<{ run: number; logged: number; points: Buffer }>(pool, COURSES, [runs, key])
  const found = new Map<number, { points: NumberedPoint[]; logRows: number }>()
  for (const row of rows) {
    const course = found.get(row.run) ?? { points: [], logRows: 0 }
    found.set(row.run, course)
    unpackPoints(row.points, course.points, key)
    course.logRows += row.logged
  }
  return new Map(
    [...found].map(([run, { points, logRows }]) => [run, { run, points: sortedOnce(points, byTime), logRows }]),
  )
}

/** The numbers of runs of a workspace by their ids. */
export async function runNumbers(
  on: Queryable,
  workspace: string,
  ids: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ id: string; no: number }>`
    select id, no from run where workspace = ${workspace} and id = any (${ids}::text[])`.execute(on)
  return new Map(rows.map((row) => [row.id, row.no]))
}

// A chunk of 8,192 points of a curve has about 90 kB.
const CHUNK_POINTS = 8_192
/** How many rows of the log are gathered in one transaction. */
export const GATHER_ROWS = 20_000

/**
 * Moves what a run logged into chunks by key, so that reading one metric reads that one alone. Nothing is lost or doubled when it is cut off:
 * all of it is one transaction. @returns how many rows of the log were taken.
 */
export async function gatherLog(tx: Tx, run: number): Promise<number> {
  // One gathers a run at a time; writers only add rows and are not held up.
  await sql`select pg_advisory_xact_lock(hashtextextended('metric-log', ${run}))`.execute(tx)
  const { rows: logged } = await sql<{ points: Buffer }>`
    delete from metric_log where run = ${run} and seq in (select seq from metric_log where run = ${run} order by seq limit ${GATHER_ROWS})
    returning points`.execute(tx)
  if (logged.length === 0) return 0
  const byKey = new Map<number, NumberedPoint[]>()
  const fresh: NumberedPoint[] = []
  for (const row of logged) unpackPoints(row.points, fresh)
  for (const point of fresh) {
    const points = byKey.get(point.key)
    if (points) points.push(point)
    else byKey.set(point.key, [point])
  }
  // The chunks that still have room are written anew together with what came.
  const { rows: open } = await sql<{ key: number; points: Buffer }>`
    delete from metric_chunk where run = ${run} and key = any (${[...byKey.keys()]}::int[]) and count < ${CHUNK_POINTS}
    returning key, points`.execute(tx)
  for (const chunk of open) unpackPoints(chunk.points, byKey.get(chunk.key) ?? [], chunk.key)
  const chunks: { key: number; count: number; points: Buffer }[] = []
  for (const [key, points] of byKey) {
    const sorted = sortedOnce(points, byTime)
    for (let from = 0; from < sorted.length; from += CHUNK_POINTS) {
      const share = sorted.slice(from, from + CHUNK_POINTS)
      chunks.push({ key, count: share.length, points: packPoints(share) })
    }
  }
  await sql`
    insert into metric_chunk (run, key, count, points)
    select ${run}, c.key, c.count, c.points
    from unnest(${chunks.map((c) => c.key)}::int[], ${chunks.map((c) => c.count)}::int[], ${chunks.map((c) => c.points)}::bytea[])
      c (key, count, points)`.execute(tx)
  return logged.length
}
