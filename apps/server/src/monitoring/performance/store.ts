import type { LossName } from '@tidemark/contracts'
import type { PerformanceWatch } from '@tidemark/statistics'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'
import type { LossReport } from './decide.ts'

export interface StoredWatch {
  readonly version: number
  readonly loss: LossName
  readonly from_sequence: number
  /** Before any label; a replay without quarantined things begins here. Null without reference losses: `missing` says why. */
  readonly initial: PerformanceWatch | null
  readonly state: PerformanceWatch | null
  readonly missing: string | null
  readonly report: LossReport | null
  readonly adopted_at: Date
}

const COLUMNS = sql.raw('version, loss, from_sequence, initial, state, missing, report, adopted_at')

/** Begins a version's watch; one that has begun stays, unless it had no reference until now. */
export async function insertWatch(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  watch: { version: number; loss: LossName; initial: PerformanceWatch | null; missing: string | null; adoptedAt: Date },
): Promise<void> {
  const state = watch.initial && JSON.stringify(watch.initial)
  await sql`
    insert into monitoring_watch (workspace, endpoint, version, from_sequence, loss, initial, state, missing, adopted_at)
    select ${workspace}, ${endpoint}, ${watch.version}::int, coalesce(max(sequence), 0), ${watch.loss}, ${state}::jsonb, ${state}::jsonb,
      ${watch.missing}, ${watch.adoptedAt}::timestamptz
    from monitoring_realised_loss where workspace = ${workspace} and endpoint = ${endpoint} and version = ${watch.version}
    on conflict (workspace, endpoint, version) do update
      set initial = excluded.initial, state = excluded.state, missing = excluded.missing, loss = excluded.loss
      where monitoring_watch.initial is null and excluded.initial is not null`.execute(tx)
}

/** The watch over a version's realised loss; null before its first. */
export async function watchOf(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  version: number,
): Promise<StoredWatch | null> {
  const { rows } = await sql<StoredWatch>`
    select ${COLUMNS} from monitoring_watch
    where workspace = ${workspace} and endpoint = ${endpoint} and version = ${version}`.execute(db)
  return rows[0] ?? null
}

/** Losses that became ready for the watch: realised in the version's time as champion, inputs judged, not quarantined. */
export async function readyLosses(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  watch: StoredWatch,
): Promise<{ entity: string; loss: number; event_time: Date }[]> {
  const { rows } = await sql<{ entity: string; loss: number; event_time: Date }>`
    select r.entity, r.loss, r.event_time from monitoring_realised_loss r
    join monitoring_window w on w.workspace = r.workspace and w.id = r.window_id and w.state in ('judged', 'not_judged')
    where r.workspace = ${workspace} and r.endpoint = ${endpoint} and r.version = ${watch.version} and r.folded is null
      and r.sequence > ${watch.from_sequence}
      and not exists (select from monitoring_quarantine q
        where q.workspace = r.workspace and q.endpoint = r.endpoint and q.entity = r.entity)
    order by r.sequence`.execute(tx)
  return rows
}

/** Losses that the watch holds and whose thing was quarantined since. */
export async function tainted(tx: Tx, { workspace, endpoint }: EndpointKey, version: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from monitoring_realised_loss r
    join monitoring_quarantine q on q.workspace = r.workspace and q.endpoint = r.endpoint and q.entity = r.entity
    where r.workspace = ${workspace} and r.endpoint = ${endpoint} and r.version = ${version} and r.folded is not null`.execute(
    tx,
  )
  return rows[0]?.n ?? 0
}

/** Takes quarantined things out and numbers the others anew. @returns the losses left, in the watch's order. */
export async function renumber(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  version: number,
): Promise<{ loss: number; event_time: Date }[]> {
  await sql`
    update monitoring_realised_loss r set folded = null
    where r.workspace = ${workspace} and r.endpoint = ${endpoint} and r.version = ${version} and exists (
      select from monitoring_quarantine q where q.workspace = r.workspace and q.endpoint = r.endpoint and q.entity = r.entity)`.execute(
    tx,
  )
  const { rows } = await sql<{ loss: number; event_time: Date; folded: number }>`
    with numbered as (
      select entity, row_number() over (order by folded) as place from monitoring_realised_loss
      where workspace = ${workspace} and endpoint = ${endpoint} and version = ${version} and folded is not null
    )
    update monitoring_realised_loss r set folded = n.place from numbered n
    where r.workspace = ${workspace} and r.endpoint = ${endpoint} and r.version = ${version} and r.entity = n.entity
    returning r.loss, r.event_time, r.folded`.execute(tx)
  return rows.sort((a, b) => a.folded - b.folded)
}

/** Numbers things in the order in which the watch took them, from `after` + 1 on. */
export async function markFolded(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  version: number,
  entities: readonly string[],
  after: number,
): Promise<void> {
  await sql`
    update monitoring_realised_loss r set folded = ${after}::int + given.place
    from unnest(${[...entities]}::text[]) with ordinality as given (entity, place)
    where r.workspace = ${workspace} and r.endpoint = ${endpoint} and r.version = ${version} and r.entity = given.entity`.execute(
    tx,
  )
}

/** Writes the watch's state over the last one. */
export async function saveWatch(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  version: number,
  state: PerformanceWatch,
): Promise<void> {
  await sql`
    update monitoring_watch set state = ${JSON.stringify(state)}::jsonb
    where workspace = ${workspace} and endpoint = ${endpoint} and version = ${version}`.execute(tx)
}

/** Writes the newest report of lost performance over the last one. */
export async function saveReport(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  version: number,
  report: LossReport,
): Promise<void> {
  await sql`
    update monitoring_watch set report = ${JSON.stringify(report)}::jsonb
    where workspace = ${workspace} and endpoint = ${endpoint} and version = ${version}`.execute(tx)
}

/** Says that what the last reports of an endpoint caused has ended without a new champion. */
export async function answerReports(db: Queryable, { workspace, endpoint }: EndpointKey): Promise<void> {
  await sql`
    update monitoring_watch set report = jsonb_set(report, '{answered}', 'true')
    where workspace = ${workspace} and endpoint = ${endpoint} and report is not null`.execute(db)
}

/** Mean losses of two versions on the things that both predicted and that have a label; quarantined ones left out. */
export async function pairedLosses(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  first: number,
  second: number,
): Promise<{ n: number; first: number; second: number }> {
  const { rows } = await sql<{ n: number; first: number | null; second: number | null }>`
    select count(*) as n, avg(a.loss) as first, avg(b.loss) as second
    from monitoring_realised_loss a
    join monitoring_realised_loss b on b.workspace = a.workspace and b.endpoint = a.endpoint and b.entity = a.entity and b.version = ${second}
    where a.workspace = ${workspace} and a.endpoint = ${endpoint} and a.version = ${first}
      and not exists (select from monitoring_quarantine q
        where q.workspace = a.workspace and q.endpoint = a.endpoint and q.entity = a.entity)`.execute(db)
  const row = rows[0]
  return { n: row?.n ?? 0, first: row?.first ?? 0, second: row?.second ?? 0 }
}
