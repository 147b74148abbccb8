import { type LogRecord, timeOfUuidv7 } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import { keyOf, type SegmentName } from './segments.ts'

export interface SegmentProgress extends SegmentName {
  readonly readBytes: number
}

interface ProgressRow {
  gateway: string
  segment: number
  read_bytes: number
}

const progressOf = ({ gateway, segment, read_bytes }: ProgressRow): SegmentProgress => ({
  gateway,
  segment,
  readBytes: read_bytes,
})

/** How far the segments that are not finished were read. */
export async function openProgress(db: Queryable): Promise<SegmentProgress[]> {
  const { rows } =
    await sql<ProgressRow>`select gateway, segment, read_bytes from log_segment where not finished`.execute(db)
  return rows.map(progressOf)
}

/** The last finished segment of each gateway. */
export async function finishedSegments(db: Queryable): Promise<Map<string, number>> {
  const { rows } = await sql<{ gateway: string; segment: number }>`
    select gateway, max(segment) as segment from log_segment where finished group by gateway`.execute(db)
  return new Map(rows.map((row) => [row.gateway, row.segment]))
}

/** Locks a segment's row until the transaction ends and tells its offset: two readers can never apply the same lines. */
export async function lockOffset(tx: Tx, { gateway, segment }: SegmentName): Promise<number> {
  await sql`insert into log_segment (gateway, segment) values (${gateway}, ${segment}) on conflict do nothing`.execute(
    tx,
  )
  const { rows } = await sql<{ read_bytes: number }>`
    select read_bytes from log_segment where gateway = ${gateway} and segment = ${segment} for update`.execute(tx)
  return rows[0]?.read_bytes ?? 0
}

/** Saves the offset after a batch, with the extremes that lookups go by. */
export async function saveOffset(
  tx: Tx,
  { gateway, segment }: SegmentName,
  offset: number,
  records: readonly LogRecord[],
): Promise<void> {
  const ids = records.map((record) => record.id).sort()
  let earliest = Number.POSITIVE_INFINITY
  let latest = Number.NEGATIVE_INFINITY
  for (const { eventTime } of records) {
    earliest = Math.min(earliest, eventTime)
    latest = Math.max(latest, eventTime)
  }
  const times = records.length > 0 ? [new Date(earliest), new Date(latest)] : [null, null]
  await sql`
    update log_segment set read_bytes = ${offset}, records = records + ${records.length},
      lowest_id = least(lowest_id, ${ids[0] ?? null}::uuid), highest_id = greatest(highest_id, ${ids.at(-1) ?? null}::uuid),
      earliest = least(earliest, ${times[0]}::timestamptz), latest = greatest(latest, ${times[1]}::timestamptz)
    where gateway = ${gateway} and segment = ${segment}`.execute(tx)
}

/** Notes that a segment was read to its end and its gateway will write no more to it. */
export async function markFinished(db: Queryable, { gateway, segment }: SegmentName): Promise<void> {
  await sql`insert into log_segment (gateway, segment, finished) values (${gateway}, ${segment}, true)
    on conflict (gateway, segment) do update set finished = true`.execute(db)
}

const REACH_MILLISECONDS = 3_600_000

/** Those of the records that were not read before, within an hour of arrivals; remembers them. */
export async function withoutDuplicates(tx: Tx, records: readonly LogRecord[]): Promise<LogRecord[]> {
  if (records.length === 0) return []
  const { rows } = await sql<{ id: string; kind: string }>`
    insert into log_seen (id, kind)
    select * from unnest(${records.map((record) => record.id)}::uuid[], ${records.map((record) => record.kind)}::text[])
    on conflict do nothing returning id, kind`.execute(tx)
  const fresh = new Set(rows.map((row) => `${row.kind}:${row.id}`))
  // Deleting as it is taken: the second of two equal records in one batch falls out too.
  const kept = records.filter((record) => fresh.delete(`${record.kind}:${record.id}`))
  const newest = Math.max(...records.map((record) => timeOfUuidv7(record.id)))
  await sql`delete from log_seen where id < ${lowestIdAt(newest - REACH_MILLISECONDS)}::uuid`.execute(tx)
  return kept
}

/** The smallest UUID of a millisecond: ids made before it sort below. */
export function lowestIdAt(milliseconds: number): string {
  const hex = Math.max(0, Math.floor(milliseconds)).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

/** Segments whose ids span one of these, newest first. */
export async function segmentsWithIds(db: Queryable, ids: readonly string[]): Promise<SegmentName[]> {
  const { rows } = await sql<SegmentName>`
    select gateway, segment from log_segment s
    where archived_at is null
      and exists (select from unnest(${[...ids]}::uuid[]) as id where id between s.lowest_id and s.highest_id)
    order by segment desc`.execute(db)
  return rows
}

/** Segments that hold events of a span, with how far they were read. */
export async function segmentsBetween(db: Queryable, from: Date, to: Date): Promise<SegmentProgress[]> {
  const { rows } = await sql<ProgressRow>`
    select gateway, segment, read_bytes from log_segment
    where archived_at is null and latest >= ${from} and earliest < ${to}
    order by lowest_id`.execute(db)
  return rows.map(progressOf)
}

/** Segments whose content is in the archive: whoever reads both need not read them. */
export async function archivedSegments(db: Queryable): Promise<Set<string>> {
  const { rows } = await sql<SegmentName>`
    select gateway, segment from log_segment where archived_at is not null and not removed`.execute(db)
  return new Set(rows.map(keyOf))
}

/** Segments that were read to their end, are not in the archive, and whose newest prediction is older than an id. */
export async function segmentsBelow(db: Queryable, id: string): Promise<Set<string>> {
  const { rows } = await sql<SegmentName>`
    select gateway, segment from log_segment where finished and archived_at is null and highest_id < ${id}::uuid`.execute(
    db,
  )
  return new Set(rows.map(keyOf))
}
