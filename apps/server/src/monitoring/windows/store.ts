import type { WindowCheck, WindowSummary } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'
import type { Span } from './calendar.ts'
import type { WindowCounts } from './counts.ts'
import { nameOfFeature } from './decide.ts'

export interface WindowRow {
  id: string
  endpoint: string
  starts: Date
  ends: Date
  state: WindowSummary['state']
  reason: string | null
  profile: string | null
  predictions: number
  entities: number
  errors: number
  late: number
  checks: number
  alarms: number
  closed_event: string | null
  drift_event: string | null
}

const COLUMNS = sql.raw(
  'id, endpoint, starts, ends, state, reason, profile, predictions, entities, errors, late, checks, alarms, closed_event, drift_event',
)

export function summaryOf(row: WindowRow): WindowSummary {
  return {
    id: row.id,
    endpoint: row.endpoint,
    from: row.starts.toISOString(),
    to: row.ends.toISOString(),
    state: row.state,
    reason: row.reason,
    predictions: row.predictions,
    entities: row.entities,
    errors: row.errors,
    late: row.late,
    checks: row.checks,
    alarms: row.alarms,
    profile: row.profile,
  }
}

/** Serialises what counts, labels and judges one endpoint, until the transaction ends. */
export async function lockEndpoint(tx: Tx, { workspace, endpoint }: EndpointKey): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`monitoring:${workspace}/${endpoint}`}, 0))`.execute(tx)
}

/** The endpoint's event time so far; it never goes back. */
export async function advanceClock(tx: Tx, { workspace, endpoint }: EndpointKey, to: Date): Promise<void> {
  await sql`
    insert into monitoring_clock (workspace, endpoint, event_time) values (${workspace}, ${endpoint}, ${to})
    on conflict (workspace, endpoint) do update set event_time = greatest(monitoring_clock.event_time, excluded.event_time)`.execute(
    tx,
  )
}

export async function eventTimeOf(db: Queryable, { workspace, endpoint }: EndpointKey): Promise<Date | null> {
  const { rows } = await sql<{ event_time: Date }>`
    select event_time from monitoring_clock where workspace = ${workspace} and endpoint = ${endpoint}`.execute(db)
  return rows[0]?.event_time ?? null
}

/** The window of a span, made when it is the first to be asked for; it keeps the profile that it began with. */
export async function openWindow(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  id: string,
  span: Span,
  profile: string | null,
): Promise<WindowRow> {
  await sql`
    insert into monitoring_window (workspace, id, endpoint, starts, ends, profile)
    values (${workspace}, ${id}, ${endpoint}, ${span.from}, ${span.to}, ${profile})
    on conflict (workspace, endpoint, starts) do nothing`.execute(tx)
  const { rows } = await sql<WindowRow>`
    select ${COLUMNS} from monitoring_window
    where workspace = ${workspace} and endpoint = ${endpoint} and starts = ${span.from}`.execute(tx)
  const row = rows[0]
  if (!row) throw new Error(`Window ${span.from.toISOString()} of ${endpoint} vanished.`)
  return row
}

/** Those of the things that are new in the window; remembers them. */
export async function newUnits(
  tx: Tx,
  workspace: string,
  window: string,
  entities: readonly string[],
): Promise<Set<string>> {
  if (entities.length === 0) return new Set()
  const { rows } = await sql<{ entity: string }>`
    insert into monitoring_unit (workspace, window_id, entity)
    select ${workspace}, ${window}::uuid, entity from unnest(${[...entities]}::text[]) as entity
    on conflict do nothing returning entity`.execute(tx)
  return new Set(rows.map((row) => row.entity))
}

export async function addToWindow(
  tx: Tx,
  workspace: string,
  window: string,
  by: { predictions: number; entities: number; errors: number; late: number },
): Promise<void> {
  await sql`
    update monitoring_window set predictions = predictions + ${by.predictions}, entities = entities + ${by.entities},
      errors = errors + ${by.errors}, late = late + ${by.late}
    where workspace = ${workspace} and id = ${window}`.execute(tx)
}

export async function addCounts(tx: Tx, workspace: string, window: string, counts: WindowCounts): Promise<void> {
  const cells = [...counts].flatMap(([feature, by]) => [...by].map(([cell, n]) => ({ feature, cell, n })))
  if (cells.length === 0) return
  await sql`
    insert into monitoring_count (workspace, window_id, feature, cell, n)
    select ${workspace}, ${window}::uuid, feature, cell, n
    from unnest(${cells.map((c) => c.feature)}::text[], ${cells.map((c) => c.cell)}::text[], ${cells.map((c) => c.n)}::bigint[])
      as added (feature, cell, n)
    on conflict (workspace, window_id, feature, cell) do update set n = monitoring_count.n + excluded.n`.execute(tx)
}

/** Counts of several windows, added up. */
export async function countsOf(db: Queryable, workspace: string, windows: readonly string[]): Promise<WindowCounts> {
  const { rows } = await sql<{ feature: string; cell: string; n: number }>`
    select feature, cell, sum(n)::bigint as n from monitoring_count
    where workspace = ${workspace} and window_id = any (${[...windows]}::uuid[]) group by feature, cell`.execute(db)
  const counts: WindowCounts = new Map()
  for (const { feature, cell, n } of rows) {
    const cells = counts.get(feature) ?? new Map<string, number>()
    counts.set(feature, cells.set(cell, n))
  }
  return counts
}

/** Open windows that event time has passed by the grace, oldest first. */
export async function dueWindows(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  eventTime: Date,
  graceDays: number,
): Promise<WindowRow[]> {
  const { rows } = await sql<WindowRow>`
    select ${COLUMNS} from monitoring_window
    where workspace = ${workspace} and endpoint = ${endpoint} and state = 'open'
      and ends + ${graceDays}::float8 * interval '1 day' <= ${eventTime}
    order by ends`.execute(db)
  return rows
}

/** Closes an open window. @returns its final counts, or null when it was closed already. */
export async function closeWindow(tx: Tx, workspace: string, window: string): Promise<WindowRow | null> {
  const { rows } = await sql<WindowRow>`
    update monitoring_window set state = 'closed' where workspace = ${workspace} and id = ${window} and state = 'open'
    returning ${COLUMNS}`.execute(tx)
  return rows[0] ?? null
}

export async function windowById(db: Queryable, workspace: string, window: string): Promise<WindowRow | null> {
  const { rows } = await sql<WindowRow>`
    select ${COLUMNS} from monitoring_window where workspace = ${workspace} and id = ${window}`.execute(db)
  return rows[0] ?? null
}

/** Closed windows before one, newest first. */
export async function windowsBefore(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  before: Date,
  limit: number,
): Promise<WindowRow[]> {
  const { rows } = await sql<WindowRow>`
    select ${COLUMNS} from monitoring_window
    where workspace = ${workspace} and endpoint = ${endpoint} and ends <= ${before} and state <> 'open'
    order by starts desc limit ${limit}`.execute(db)
  return rows
}

/** Windows of an endpoint, newest first. */
export async function listWindows(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  limit: number,
): Promise<WindowRow[]> {
  const { rows } = await sql<WindowRow>`
    select ${COLUMNS} from monitoring_window where workspace = ${workspace} and endpoint = ${endpoint}
    order by starts desc limit ${limit}`.execute(db)
  return rows
}

/** Writes a verdict once. @returns false when another run of the same reaction was first. */
export async function saveVerdict(
  tx: Tx,
  workspace: string,
  window: string,
  verdict: { state: 'judged' | 'not_judged'; reason: string | null; checks: readonly WindowCheck[] },
): Promise<boolean> {
  const { checks } = verdict
  const alarms = checks.filter((check) => check.alarm).length
  const { numAffectedRows } = await sql`
    update monitoring_window set state = ${verdict.state}, reason = ${verdict.reason}, checks = ${checks.length}, alarms = ${alarms}
    where workspace = ${workspace} and id = ${window} and state = 'closed'`.execute(tx)
  if (numAffectedRows === 0n) return false
  if (checks.length === 0) return true
  const column = <K extends keyof WindowCheck>(name: K): WindowCheck[K][] => checks.map((check) => check[name])
  await sql`
    insert into monitoring_check (workspace, window_id, feature, kind, statistic, p_value, adjusted_p_value, effect, effect_name, alarm, sentence)
    select ${workspace}, ${window}::uuid, * from unnest(${column('feature')}::text[], ${column('kind')}::text[],
      ${column('statistic')}::float8[], ${column('pValue')}::float8[], ${column('adjustedPValue')}::float8[], ${column('effect')}::float8[],
      ${column('effectName')}::text[], ${column('alarm')}::boolean[], ${column('sentence')}::text[])`.execute(tx)
  return true
}

/** Features that alarmed in one of the `count` windows that were judged last before `starts`: their drift is known. */
export async function knownDrift(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  starts: Date,
  count: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ feature: string }>`
    select distinct c.feature from monitoring_check c
    where c.workspace = ${workspace} and c.alarm and c.window_id in (
      select id from monitoring_window
      where workspace = ${workspace} and endpoint = ${endpoint} and state = 'judged' and starts < ${starts}
      order by starts desc limit ${count})`.execute(tx)
  return new Set(rows.map((row) => row.feature))
}

export async function setEvent(
  tx: Tx,
  workspace: string,
  window: string,
  column: 'closed_event' | 'drift_event',
  event: string,
): Promise<void> {
  await sql`
    update monitoring_window set ${sql.ref(column)} = ${event} where workspace = ${workspace} and id = ${window}`.execute(
    tx,
  )
}

interface CheckRow {
  window_id: string
  feature: string
  kind: WindowCheck['kind']
  statistic: number
  p_value: number
  adjusted_p_value: number
  effect: number
  effect_name: WindowCheck['effectName']
  alarm: boolean
  sentence: string
}

/** Checks of windows, with names as people read them. */
export async function checksOf(
  db: Queryable,
  workspace: string,
  windows: readonly string[],
): Promise<(WindowCheck & { window: string })[]> {
  const { rows } = await sql<CheckRow>`
    select window_id, feature, kind, statistic, p_value, adjusted_p_value, effect, effect_name, alarm, sentence from monitoring_check
    where workspace = ${workspace} and window_id = any (${[...windows]}::uuid[]) order by window_id, adjusted_p_value, feature, kind`.execute(
    db,
  )
  return rows.map((row) => ({
    window: row.window_id,
    feature: nameOfFeature(row.feature),
    kind: row.kind,
    statistic: row.statistic,
    pValue: row.p_value,
    adjustedPValue: row.adjusted_p_value,
    effect: row.effect,
    effectName: row.effect_name,
    alarm: row.alarm,
    sentence: row.sentence,
  }))
}

/** Endpoints that have open windows. */
export async function openEndpoints(db: Queryable): Promise<EndpointKey[]> {
  const { rows } = await sql<EndpointKey>`
    select distinct workspace, endpoint from monitoring_window where state = 'open'`.execute(db)
  return rows
}
