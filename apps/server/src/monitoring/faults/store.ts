import { type InputFault, type QuarantinedEntity, uuidv7 } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'
import type { FirstValue } from './decide.ts'

export interface FaultRow {
  id: string
  endpoint: string
  feature: string
  factor: number
  share: number
  since: Date
  until: Date | null
  resolution: string | null
  sentence: string
  window_id: string
  event: string | null
  quarantined: number
}

const SELECT = sql`
  select f.id, f.endpoint, f.feature, f.factor, f.share, f.since, f.until, f.resolution, f.sentence, f.window_id, f.event,
    (select count(*) from monitoring_quarantine q where q.workspace = f.workspace and q.endpoint = f.endpoint and q.fault = f.id) as quarantined
  from monitoring_fault f`

/** A fault as the API shows it. */
export function faultOf(row: FaultRow): InputFault {
  return {
    id: row.id,
    endpoint: row.endpoint,
    feature: row.feature,
    factor: row.factor,
    since: row.since.toISOString(),
    state: row.until ? 'resolved' : 'open',
    until: row.until?.toISOString() ?? null,
    resolution: row.resolution,
    quarantined: row.quarantined,
    sentence: row.sentence,
    window: row.window_id,
    event: row.event,
  }
}

/** Faults of an endpoint, newest first. */
export async function listFaults(db: Queryable, { workspace, endpoint }: EndpointKey): Promise<FaultRow[]> {
  const { rows } =
    await sql<FaultRow>`${SELECT} where f.workspace = ${workspace} and f.endpoint = ${endpoint} order by f.id desc`.execute(
      db,
    )
  return rows
}

/** Faults of an endpoint that have no end yet. */
export async function openFaults(db: Queryable, key: EndpointKey): Promise<FaultRow[]> {
  return (await listFaults(db, key)).filter((fault) => fault.until === null)
}

/** Adds a fault. @returns its id, or null when it is known already. */
export async function insertFault(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  fault: Pick<FaultRow, 'feature' | 'factor' | 'share' | 'since' | 'until' | 'sentence' | 'window_id' | 'resolution'>,
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    insert into monitoring_fault (workspace, id, endpoint, feature, factor, share, since, until, resolution, sentence, window_id)
    values (${workspace}, ${uuidv7()}, ${endpoint}, ${fault.feature}, ${fault.factor}, ${fault.share}, ${fault.since}, ${fault.until},
      ${fault.resolution}, ${fault.sentence}, ${fault.window_id})
    on conflict do nothing returning id`.execute(tx)
  return rows[0]?.id ?? null
}

/** Notes the event that told of a fault, for the chain of causes. */
export async function setFaultEvent(tx: Tx, workspace: string, fault: string, event: string): Promise<void> {
  await sql`update monitoring_fault set event = ${event} where workspace = ${workspace} and id = ${fault}`.execute(tx)
}

/** Ends an open fault. @returns false when it was over already. */
export async function endFault(
  tx: Tx,
  workspace: string,
  fault: string,
  until: Date,
  resolution: string,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update monitoring_fault set until = ${until}, resolution = ${resolution}
    where workspace = ${workspace} and id = ${fault} and until is null`.execute(tx)
  return numAffectedRows === 1n
}

/** Adds things to a fault's quarantine; those there stay. @returns how many were new. */
export async function quarantine(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  fault: string,
  affected: readonly FirstValue[],
): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into monitoring_quarantine (workspace, endpoint, entity, fault, prediction, event_time, value)
    select ${workspace}, ${endpoint}, entity, ${fault}::uuid, prediction, at, value
    from unnest(${affected.map((a) => a.entity)}::text[], ${affected.map((a) => a.prediction)}::uuid[],
      ${affected.map((a) => a.at)}::timestamptz[], ${affected.map((a) => a.value)}::float8[]) as given (entity, prediction, at, value)
    on conflict do nothing`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

interface QuarantineRow {
  entity: string
  fault: string
  feature: string
  value: number | null
  prediction: string
  event_time: Date
}

/** Quarantined things in the order of their keys, after one of them. */
export async function listQuarantine(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  after: string | undefined,
  limit: number,
): Promise<QuarantinedEntity[]> {
  const { rows } = await sql<QuarantineRow>`
    select q.entity, q.fault, f.feature, q.value, q.prediction, q.event_time from monitoring_quarantine q
    join monitoring_fault f on f.workspace = q.workspace and f.id = q.fault
    where q.workspace = ${workspace} and q.endpoint = ${endpoint} ${after === undefined ? sql`` : sql`and q.entity > ${after}`}
    order by q.entity limit ${limit}`.execute(db)
  return rows.map(({ event_time, ...row }) => ({ ...row, eventTime: event_time.toISOString() }))
}

/** How many things are kept out of retraining at an endpoint. */
export async function countQuarantined(db: Queryable, { workspace, endpoint }: EndpointKey): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(distinct entity) as n from monitoring_quarantine where workspace = ${workspace} and endpoint = ${endpoint}`.execute(
    db,
  )
  return rows[0]?.n ?? 0
}
