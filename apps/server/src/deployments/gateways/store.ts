import type { Confirmation, EndpointSnapshot } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../platform/index.ts'

/** Channel that tells of a committed change; its payload is the version. */
export const CHANNEL = 'tidemark_snapshot'

/** Takes the next number; until the commit no other change of the configuration gets one. */
export async function nextVersion(tx: Tx): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    update gateway_configuration set version = version + 1, issued_at = now() returning version`.execute(tx)
  const version = rows[0]?.version
  if (version === undefined) throw new Error('The gateways have no configuration row: the database was not migrated.')
  await sql`select pg_notify(${CHANNEL}, ${String(version)})`.execute(tx)
  return version
}

/** Has the gateways end the segments of the log that they opened before now. */
export async function endSegments(tx: Tx, now: Date): Promise<void> {
  await nextVersion(tx)
  await sql`update gateway_configuration set end_segments_before = ${now}`.execute(tx)
}

/** Writes what gateways are to serve at an endpoint from that snapshot version on. */
export async function saveEndpoint(tx: Tx, endpoint: EndpointSnapshot, version: number): Promise<void> {
  await sql`
    insert into gateway_endpoint (workspace, name, snapshot, version)
    values (${endpoint.workspace}, ${endpoint.name}, ${JSON.stringify(endpoint)}::jsonb, ${version})
    on conflict (workspace, name) do update set snapshot = excluded.snapshot, version = excluded.version`.execute(tx)
}

/** Takes an endpoint out of the snapshots that gateways get. */
export async function deleteEndpoint(tx: Tx, workspace: string, name: string): Promise<void> {
  await sql`delete from gateway_endpoint where workspace = ${workspace} and name = ${name}`.execute(tx)
}

/** The number of the newest snapshot; 0 before the first. */
export async function currentVersion(db: Queryable): Promise<number> {
  const { rows } = await sql<{ version: number }>`select version from gateway_configuration`.execute(db)
  return rows[0]?.version ?? 0
}

/** Version and endpoints of one moment: one statement, so that they belong together. */
export async function currentConfiguration(
  db: Queryable,
): Promise<{ version: number; issuedAt: Date; endSegmentsBefore: Date | null; endpoints: EndpointSnapshot[] }> {
  const { rows } = await sql<{
    version: number
    issuedAt: Date
    endSegmentsBefore: Date | null
    endpoints: EndpointSnapshot[]
  }>`
    select version, issued_at as "issuedAt", end_segments_before as "endSegmentsBefore",
      (select coalesce(jsonb_agg(snapshot order by workspace, name), '[]') from gateway_endpoint) as endpoints
    from gateway_configuration`.execute(db)
  return rows[0] ?? { version: 0, issuedAt: new Date(0), endSegmentsBefore: null, endpoints: [] }
}

/** What gateways are to serve at an endpoint; null when there is none. */
export async function endpointSnapshot(
  db: Queryable,
  workspace: string,
  name: string,
): Promise<EndpointSnapshot | null> {
  const { rows } = await sql<{ snapshot: EndpointSnapshot }>`
    select snapshot from gateway_endpoint where workspace = ${workspace} and name = ${name}`.execute(db)
  return rows[0]?.snapshot ?? null
}

/** Notes that a gateway was heard, in wall time. */
export async function touchGateway(db: Queryable, id: string, now: Date): Promise<void> {
  await sql`insert into gateway (id, last_seen) values (${id}, ${now})
    on conflict (id) do update set last_seen = excluded.last_seen`.execute(db)
}

/** Notes which snapshot a gateway serves, and what of it failed to load. */
export async function saveConfirmation(db: Queryable, confirmation: Confirmation, now: Date): Promise<void> {
  await sql`
    insert into gateway (id, last_seen, confirmed_version, failed)
    values (${confirmation.gateway}, ${now}, ${confirmation.version}, ${JSON.stringify(confirmation.failed)}::jsonb)
    on conflict (id) do update set last_seen = excluded.last_seen, confirmed_version = excluded.confirmed_version,
      failed = excluded.failed`.execute(db)
}

/** Forgets gateways that were killed and never came back, so that the list stays what people know. */
export async function forgetGateways(db: Queryable, before: Date): Promise<void> {
  await sql`delete from gateway where last_seen < ${before}`.execute(db)
}

/** Forgets a gateway that has said goodbye: nobody waits for its confirmation. */
export async function deleteGateway(db: Queryable, id: string): Promise<void> {
  await sql`delete from gateway where id = ${id}`.execute(db)
}

export interface GatewayRow {
  readonly id: string
  readonly lastSeen: Date
  readonly confirmedVersion: number | null
  readonly failed: Confirmation['failed']
}

/** All gateways that were heard, by id. */
export async function listGateways(db: Queryable): Promise<GatewayRow[]> {
  const { rows } = await sql<GatewayRow>`
    select id, last_seen as "lastSeen", confirmed_version as "confirmedVersion", failed from gateway order by id`.execute(
    db,
  )
  return rows
}
