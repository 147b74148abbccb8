import type { LogRecord } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../../platform/index.ts'
import type { SegmentName } from '../segments.ts'

/** A Parquet file of the archive, and what is in it. */
export interface ArchiveFile {
  readonly workspace: string
  readonly endpoint: string
  readonly kind: LogRecord['kind']
  /** Day of arrival in UTC, `YYYY-MM-DD`. */
  readonly day: string
  readonly file: string
  readonly predictions: number
  readonly rows: number
  readonly bytes: number
  readonly lowestId: string
  readonly highestId: string
  readonly earliest: Date
  readonly latest: Date
}

const COLUMNS = sql.raw(`workspace, endpoint, kind, to_char(day, 'YYYY-MM-DD') as day, file, predictions, rows, bytes,
  lowest_id as "lowestId", highest_id as "highestId", earliest, latest`)

/** Segments that were read to their end and are not in the archive yet, oldest first. */
export async function segmentsToArchive(db: Queryable, limit: number): Promise<SegmentName[]> {
  const { rows } = await sql<SegmentName>`
    select gateway, segment from log_segment where finished and archived_at is null
    order by lowest_id nulls first, gateway, segment limit ${limit}`.execute(db)
  return rows
}

/** Segments that are in the archive since before an instant, and whose files may still be there. */
export async function segmentsToRemove(db: Queryable, before: Date): Promise<SegmentName[]> {
  const { rows } = await sql<SegmentName>`
    select gateway, segment from log_segment where archived_at < ${before} and not removed`.execute(db)
  return rows
}

export async function markRemoved(tx: Tx, segments: readonly SegmentName[]): Promise<void> {
  await sql`
    update log_segment s set removed = true
    from unnest(${segments.map((each) => each.gateway)}::text[], ${segments.map((each) => each.segment)}::int[]) as g (gateway, segment)
    where s.gateway = g.gateway and s.segment = g.segment`.execute(tx)
}

/** Notes that the files hold all of a segment. */
export async function saveArchived(
  tx: Tx,
  { gateway, segment }: SegmentName,
  files: readonly ArchiveFile[],
  now: Date,
): Promise<void> {
  await insertFiles(tx, files)
  await sql`update log_segment set archived_at = ${now} where gateway = ${gateway} and segment = ${segment}`.execute(tx)
}

export async function insertFiles(tx: Tx, files: readonly ArchiveFile[]): Promise<void> {
  for (const f of files) {
    await sql`
      insert into prediction_file (workspace, endpoint, kind, day, file, predictions, rows, bytes, lowest_id, highest_id, earliest, latest)
      values (${f.workspace}, ${f.endpoint}, ${f.kind}, ${f.day}, ${f.file}, ${f.predictions}, ${f.rows}, ${f.bytes}, ${f.lowestId}::uuid,
        ${f.highestId}::uuid, ${f.earliest}, ${f.latest})`.execute(tx)
  }
}

/** Puts files in the place of others; false when one of the others is no longer there, and nothing was changed. */
export async function replaceFiles(
  tx: Tx,
  before: readonly ArchiveFile[],
  after: readonly ArchiveFile[],
): Promise<boolean> {
  const names = before.map((each) => each.file)
  const { rows } = await sql`select file from prediction_file where file = any (${names}::text[]) for update`.execute(
    tx,
  )
  if (rows.length !== names.length) return false
  await sql`delete from prediction_file where file = any (${names}::text[])`.execute(tx)
  await insertFiles(tx, after)
  return true
}

/** Which files are meant; what is not said does not matter. */
export interface FileQuestion {
  readonly workspace?: string
  readonly endpoint?: string
  readonly kind?: LogRecord['kind']
  readonly day?: string
  /** Files whose ids span one of these. */
  readonly ids?: readonly string[]
  /** Files that hold an event of [from, to). */
  readonly from?: Date
  readonly to?: Date
  /** Files that hold an id at or below this one. */
  readonly upTo?: string
}

/** Files of the archive, the newest predictions first. */
export async function filesOf(db: Queryable, question: FileQuestion): Promise<ArchiveFile[]> {
  const { workspace = null, endpoint = null, kind = null, day = null, ids = null, from = null, to = null } = question
  const upTo = question.upTo ?? null
  const { rows } = await sql<ArchiveFile>`
    select ${COLUMNS} from prediction_file f
    where (${workspace}::text is null or workspace = ${workspace}) and (${endpoint}::text is null or endpoint = ${endpoint})
      and (${kind}::text is null or kind = ${kind}) and (${day}::date is null or day = ${day}::date)
      and (${ids === null} or exists (select from unnest(${[...(ids ?? [])]}::uuid[]) as id where id between f.lowest_id and f.highest_id))
      and (${from}::timestamptz is null or latest >= ${from}) and (${to}::timestamptz is null or earliest < ${to})
      and (${upTo}::uuid is null or lowest_id <= ${upTo}::uuid)
    order by highest_id desc, file`.execute(db)
  return rows
}

/** Days of an endpoint with so many files that they should become one; the day of today is left to grow. */
export async function crowdedDays(
  db: Queryable,
  least: number,
  today: string,
): Promise<Pick<ArchiveFile, 'workspace' | 'endpoint' | 'kind' | 'day'>[]> {
  const { rows } = await sql<Pick<ArchiveFile, 'workspace' | 'endpoint' | 'kind' | 'day'>>`
    select workspace, endpoint, kind, to_char(day, 'YYYY-MM-DD') as day from prediction_file
    group by workspace, endpoint, kind, day having count(*) >= case when day < ${today}::date then 2 else ${least}::int end`.execute(
    db,
  )
  return rows
}

/** Endpoints that have files. */
export async function archivedEndpoints(db: Queryable): Promise<Pick<ArchiveFile, 'workspace' | 'endpoint'>[]> {
  const { rows } = await sql<Pick<ArchiveFile, 'workspace' | 'endpoint'>>`
    select distinct workspace, endpoint from prediction_file`.execute(db)
  return rows
}

/** Files of an endpoint that arrived before a day, and that no window waits for. */
export async function filesBefore(
  db: Queryable,
  workspace: string,
  endpoint: string,
  day: string,
): Promise<ArchiveFile[]> {
  const { rows } = await sql<ArchiveFile>`
    select ${COLUMNS} from prediction_file f
    where workspace = ${workspace} and endpoint = ${endpoint} and day < ${day}::date
      and not exists (
        select from monitoring_window w
        where w.workspace = f.workspace and w.endpoint = f.endpoint and w.state in ('open', 'closed')
          and w.starts <= f.latest and w.ends > f.earliest)`.execute(db)
  return rows
}

export async function deleteFiles(tx: Tx, files: readonly string[]): Promise<void> {
  await sql`delete from prediction_file where file = any (${files}::text[])`.execute(tx)
}

/** Names of all files that are part of the archive. */
export async function allFiles(db: Queryable): Promise<Set<string>> {
  const { rows } = await sql<{ file: string }>`select file from prediction_file`.execute(db)
  return new Set(rows.map((row) => row.file))
}
