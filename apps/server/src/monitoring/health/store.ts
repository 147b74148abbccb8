import { type Queryable, sql } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'

export interface RealisedRow {
  window: string
  starts: Date
  ends: Date
  version: number
  n: number
  mean: number
  /** Sample standard deviation; null for one thing. */
  sd: number | null
  quarantined: number
}

/** Realised losses by window and version, oldest first: versions while they were champion, quarantined things left out and counted. */
export async function realisedByWindow(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  since: Date,
): Promise<RealisedRow[]> {
  const { rows } = await sql<RealisedRow>`
    select w.id as window, w.starts, w.ends, r.version, count(*) filter (where q.entity is null) as n,
      coalesce(avg(r.loss) filter (where q.entity is null), 0) as mean, stddev_samp(r.loss) filter (where q.entity is null) as sd,
      count(*) filter (where q.entity is not null) as quarantined
    from monitoring_realised_loss r
    join monitoring_window w on w.workspace = r.workspace and w.id = r.window_id
    join monitoring_watch c on c.workspace = r.workspace and c.endpoint = r.endpoint and c.version = r.version and r.sequence > c.from_sequence
    left join lateral (
      select q.entity from monitoring_quarantine q
      where q.workspace = r.workspace and q.endpoint = r.endpoint and q.entity = r.entity limit 1
    ) q on true
    where r.workspace = ${workspace} and r.endpoint = ${endpoint} and w.starts >= ${since}
    group by w.id, w.starts, w.ends, r.version order by w.starts, r.version`.execute(db)
  return rows
}

export interface CoverageRow {
  entities: number
  labelled: number
  overdue: number
  median_days: number | null
  p90_days: number | null
}

/** How many things that were predicted have a label, and how late labels came; a thing counts once, whichever versions predicted it. */
export async function labelCoverage(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  since: Date,
  eventTime: Date,
  delayDays: number,
): Promise<CoverageRow> {
  const { rows } = await sql<CoverageRow>`
    with thing as (
      select entity, min(event_time) as at from monitoring_first_prediction
      where workspace = ${workspace} and endpoint = ${endpoint} and event_time >= ${since} group by entity
    ), joined as (
      select t.at, l.known_at from thing t
      left join lateral (
        select known_at from monitoring_label
        where workspace = ${workspace} and endpoint = ${endpoint} and entity = t.entity order by sequence limit 1
      ) l on true
    )
    select count(*) as entities, count(known_at) as labelled,
      count(*) filter (where known_at is null and at + ${delayDays}::float8 * interval '1 day' < ${eventTime}) as overdue,
      percentile_cont(0.5) within group (order by extract(epoch from known_at - at)::float8 / 86400) as median_days,
      percentile_cont(0.9) within group (order by extract(epoch from known_at - at)::float8 / 86400) as p90_days
    from joined`.execute(db)
  return rows[0] ?? { entities: 0, labelled: 0, overdue: 0, median_days: null, p90_days: null }
}

export interface WindowTotals {
  windows: number
  alarmed: number
}

/** How many windows were judged, and in how many of them a check alarmed. */
export async function windowTotals(db: Queryable, { workspace, endpoint }: EndpointKey): Promise<WindowTotals> {
  const { rows } = await sql<WindowTotals>`
    select count(*) filter (where state = 'judged') as windows, count(*) filter (where alarms > 0) as alarmed
    from monitoring_window where workspace = ${workspace} and endpoint = ${endpoint}`.execute(db)
  return rows[0] ?? { windows: 0, alarmed: 0 }
}

/** Alarms of judged windows by endpoint and kind, for the metrics. */
export async function alarmTotals(
  db: Queryable,
): Promise<{ workspace: string; endpoint: string; kind: string; alarms: number }[]> {
  const { rows } = await sql<{ workspace: string; endpoint: string; kind: string; alarms: number }>`
    select w.workspace, w.endpoint, c.kind, count(*) as alarms from monitoring_check c
    join monitoring_window w on w.workspace = c.workspace and w.id = c.window_id
    where c.alarm group by w.workspace, w.endpoint, c.kind`.execute(db)
  return rows
}

export interface MetricRow {
  workspace: string
  endpoint: string
  version: number
  labelled: number | null
  total: number | null
}

/** Sums of the watches' losses, for the metrics. */
export async function watchTotals(db: Queryable): Promise<MetricRow[]> {
  const { rows } = await sql<MetricRow>`
    select workspace, endpoint, version, (state ->> 'n')::int as labelled, (state ->> 'sum')::float8 as total
    from monitoring_watch where state is not null`.execute(db)
  return rows
}

/** Open faults and quarantined things by endpoint, for the metrics. */
export async function faultTotals(
  db: Queryable,
): Promise<{ workspace: string; endpoint: string; open: number; quarantined: number }[]> {
  const { rows } = await sql<{ workspace: string; endpoint: string; open: number; quarantined: number }>`
    select f.workspace, f.endpoint, count(distinct f.id) filter (where f.until is null) as open, count(distinct q.entity) as quarantined
    from monitoring_fault f
    left join monitoring_quarantine q on q.workspace = f.workspace and q.endpoint = f.endpoint and q.fault = f.id
    group by f.workspace, f.endpoint`.execute(db)
  return rows
}

/** Things per day over the newest closed windows. */
export async function thingsPerDay(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  windows: number,
): Promise<number | null> {
  const { rows } = await sql<{ rate: number | null }>`
    select sum(entities)::float8 / nullif(sum(extract(epoch from ends - starts))::float8 / 86400, 0) as rate from (
      select entities, starts, ends from monitoring_window
      where workspace = ${workspace} and endpoint = ${endpoint} and state <> 'open' order by starts desc limit ${windows}
    ) newest`.execute(db)
  return rows[0]?.rate ?? null
}
