import { type Queryable, sql, type Tx } from '../platform/index.ts'
import { addStages, type StageBins } from './decide.ts'

export interface MinuteKey {
  readonly workspace: string
  readonly endpoint: string
  /** Begin of the minute, milliseconds since 1970. */
  readonly minute: number
  readonly version: string
}

export interface MinuteCounts {
  requests: number
  rows: number
  errors: number
  stages: StageBins
}

/** Adds what was counted to what is there. */
export async function addMinutes(tx: Tx, minutes: readonly (MinuteKey & MinuteCounts)[]): Promise<void> {
  if (minutes.length === 0) return
  // Read, add, write: two readers of different segments must not do it at the same time.
  await sql`select pg_advisory_xact_lock(hashtextextended('traffic', 0))`.execute(tx)
  const { rows } = await sql<{ at: number; stages: StageBins }>`
    select k.at::int as at, m.stages
    from unnest(
      ${minutes.map(({ workspace }) => workspace)}::text[], ${minutes.map(({ endpoint }) => endpoint)}::text[],
      ${minutes.map(({ minute }) => new Date(minute))}::timestamptz[], ${minutes.map(({ version }) => version)}::text[]
    ) with ordinality as k (workspace, endpoint, minute, version, at)
    join traffic_minute m using (workspace, endpoint, minute, version)`.execute(tx)
  const before = new Map(rows.map(({ at, stages }) => [at - 1, stages]))
  for (const [index, { workspace, endpoint, minute, version, requests, rows, errors, stages }] of minutes.entries()) {
    const sum = before.get(index) ?? {}
    addStages(sum, stages)
    await sql`
      insert into traffic_minute as m (workspace, endpoint, minute, version, requests, rows, errors, stages)
      values (${workspace}, ${endpoint}, ${new Date(minute)}, ${version}, ${requests}, ${rows}, ${errors}, ${JSON.stringify(sum)}::jsonb)
      on conflict (workspace, endpoint, minute, version) do update
      set requests = m.requests + excluded.requests, rows = m.rows + excluded.rows, errors = m.errors + excluded.errors,
        stages = excluded.stages`.execute(tx)
  }
}

/** Minutes of an endpoint in a span, oldest first. */
export async function minutesBetween(
  db: Queryable,
  workspace: string,
  endpoint: string,
  from: Date,
  to: Date,
): Promise<(MinuteCounts & { minute: Date; version: string })[]> {
  const { rows } = await sql<MinuteCounts & { minute: Date; version: string }>`
    select minute, version, requests, rows::int as rows, errors, stages from traffic_minute
    where workspace = ${workspace} and endpoint = ${endpoint} and minute >= ${from} and minute < ${to}
    order by minute, version`.execute(db)
  return rows
}

/** Forgets minutes before an instant, of all workspaces. */
export async function deleteMinutesBefore(db: Queryable, before: Date): Promise<void> {
  await sql`delete from traffic_minute where minute < ${before}`.execute(db)
}
