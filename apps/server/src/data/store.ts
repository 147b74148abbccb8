import {
  type ActorRef,
  DatasetDefinition,
  type DatasetProfile,
  type JsonValue,
  type QuarantinedRow,
  type QuarantineSummary,
} from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { Chunk, Refusal, StoredDataset, StoredVersion } from './types.ts'

interface DatasetRow {
  name: string
  definition: unknown
  latest_version: number
  created_at: Date
}

interface VersionRow {
  workspace: string
  dataset: string
  version: number
  digest: string
  definition: unknown
  chunks: Chunk[]
  row_count: number
  new_rows: number
  replaced_rows: number
  new_bytes: number
  quarantined_rows: number
  from_time: Date | null
  to_time: Date | null
  parent: number | null
  source: string
  batch_digest: string
  actor_kind: ActorRef['kind']
  actor_id: string
  created_at: Date
}

function datasetOf(row: DatasetRow): StoredDataset {
  return {
    name: row.name,
    definition: DatasetDefinition.parse(row.definition),
    latestVersion: row.latest_version,
    createdAt: row.created_at,
  }
}

function versionOf(row: VersionRow): StoredVersion {
  return {
    workspace: row.workspace,
    dataset: row.dataset,
    version: row.version,
    digest: row.digest,
    definition: DatasetDefinition.parse(row.definition),
    chunks: row.chunks,
    rows: row.row_count,
    newRows: row.new_rows,
    replacedRows: row.replaced_rows,
    newBytes: row.new_bytes,
    quarantinedRows: row.quarantined_rows,
    from: row.from_time,
    to: row.to_time,
    parent: row.parent,
    source: row.source,
    batchDigest: row.batch_digest,
    createdBy: { kind: row.actor_kind, id: row.actor_id },
    createdAt: row.created_at,
  }
}

export async function allDatasets(db: Queryable, workspace: string): Promise<StoredDataset[]> {
  const { rows } = await sql<DatasetRow>`
    select name, definition, latest_version, created_at from dataset where workspace = ${workspace} order by name`.execute(
    db,
  )
  return rows.map(datasetOf)
}

export async function findDataset(db: Queryable, workspace: string, name: string): Promise<StoredDataset | undefined> {
  const { rows } = await sql<DatasetRow>`
    select name, definition, latest_version, created_at from dataset where workspace = ${workspace} and name = ${name}`.execute(
    db,
  )
  return rows[0] && datasetOf(rows[0])
}

/** The same, held until the transaction ends: batches of one dataset go one after the other. */
export async function lockDataset(tx: Tx, workspace: string, name: string): Promise<StoredDataset | undefined> {
  const { rows } = await sql<DatasetRow>`
    select name, definition, latest_version, created_at from dataset where workspace = ${workspace} and name = ${name} for update`.execute(
    tx,
  )
  return rows[0] && datasetOf(rows[0])
}

export async function saveDefinition(tx: Tx, workspace: string, definition: DatasetDefinition): Promise<void> {
  await sql`
    insert into dataset (workspace, name, definition) values (${workspace}, ${definition.name}, ${JSON.stringify(definition)}::json)
    on conflict (workspace, name) do update set definition = excluded.definition`.execute(tx)
}

export async function findVersion(
  db: Queryable,
  workspace: string,
  dataset: string,
  version: number,
): Promise<StoredVersion | undefined> {
  const { rows } = await sql<VersionRow>`
    select * from dataset_version where workspace = ${workspace} and dataset = ${dataset} and version = ${version}`.execute(
    db,
  )
  return rows[0] && versionOf(rows[0])
}

/** The latest version of every dataset of the workspace. */
export async function latestVersions(db: Queryable, workspace: string): Promise<Map<string, StoredVersion>> {
  const { rows } = await sql<VersionRow>`
    select v.* from dataset_version v join dataset d
      on d.workspace = v.workspace and d.name = v.dataset and d.latest_version = v.version
    where v.workspace = ${workspace}`.execute(db)
  return new Map(rows.map((row) => [row.dataset, versionOf(row)]))
}

export async function versionsOf(
  db: Queryable,
  workspace: string,
  dataset: string,
  page: { offset: number; limit: number },
): Promise<StoredVersion[]> {
  const { rows } = await sql<VersionRow>`
    select * from dataset_version where workspace = ${workspace} and dataset = ${dataset}
    order by version desc limit ${page.limit} offset ${page.offset}`.execute(db)
  return rows.map(versionOf)
}

/** Stores the next version and makes it the latest. */
export async function insertVersion(tx: Tx, version: Omit<StoredVersion, 'createdAt'>): Promise<StoredVersion> {
  const v = version
  const { rows } = await sql<VersionRow>`
    insert into dataset_version (workspace, dataset, version, digest, definition, chunks, row_count, new_rows, replaced_rows, new_bytes,
      quarantined_rows, from_time, to_time, parent, source, batch_digest, actor_kind, actor_id)
    values (${v.workspace}, ${v.dataset}, ${v.version}, ${v.digest}, ${JSON.stringify(v.definition)}::json, ${JSON.stringify(v.chunks)}::jsonb,
      ${v.rows}, ${v.newRows}, ${v.replacedRows}, ${v.newBytes}, ${v.quarantinedRows}, ${v.from}, ${v.to}, ${v.parent}, ${v.source},
      ${v.batchDigest}, ${v.createdBy.kind}, ${v.createdBy.id})
    returning *`.execute(tx)
  await sql`update dataset set latest_version = ${v.version} where workspace = ${v.workspace} and name = ${v.dataset}`.execute(
    tx,
  )
  if (!rows[0]) throw new Error('An insert returned no row.')
  return versionOf(rows[0])
}

export async function findProfile(
  db: Queryable,
  workspace: string,
  dataset: string,
  version: number,
): Promise<DatasetProfile | undefined> {
  const { rows } = await sql<{ profile: DatasetProfile }>`
    select profile from dataset_profile where workspace = ${workspace} and dataset = ${dataset} and version = ${version}`.execute(
    db,
  )
  return rows[0]?.profile
}

export async function saveProfile(
  db: Queryable,
  workspace: string,
  dataset: string,
  version: number,
  profile: DatasetProfile,
): Promise<void> {
  await sql`insert into dataset_profile (workspace, dataset, version, profile)
    values (${workspace}, ${dataset}, ${version}, ${JSON.stringify(profile)}::jsonb) on conflict do nothing`.execute(db)
}

/** What the gate kept out of a batch. `content` names the row as it was sent. */
export interface KeptOut extends Refusal {
  readonly content: string
  readonly row: Readonly<Record<string, unknown>>
}

/** Keeps rows out of the dataset. @returns those that were not kept out before. */
export async function insertQuarantined(
  tx: Tx,
  place: { workspace: string; dataset: string; version: number; source: string },
  rows: readonly KeptOut[],
): Promise<QuarantineSummary[]> {
  if (rows.length === 0) return []
  const fresh = await sql<{ rule: string; reason: string }>`
    insert into dataset_quarantine (workspace, dataset, content, rule, column_name, reason, row, version, source)
    select ${place.workspace}, ${place.dataset}, r->>'content', r->>'rule', r->>'column', r->>'reason', r->'row', ${place.version}, ${place.source}
    from jsonb_array_elements(${JSON.stringify(rows)}::jsonb) r
    on conflict (workspace, dataset, content) do nothing
    returning rule, reason`.execute(tx)
  return summarizeRefusals(fresh.rows)
}

/** Rows by rule, with the first reason of each. */
export function summarizeRefusals(refusals: readonly { rule: string; reason: string }[]): QuarantineSummary[] {
  const byRule = Map.groupBy(refusals, (refusal) => refusal.rule)
  return [...byRule].map(([rule, group]) => ({ rule, rows: group.length, reason: summaryOf(group) }))
}

function summaryOf(group: readonly { reason: string }[]): string {
  const first = group[0]?.reason ?? ''
  const others = new Set(group.map((row) => row.reason)).size - 1
  return others > 0 ? `${first} (and ${others} other reasons of this kind)` : first
}

export async function quarantineCounts(db: Queryable, workspace: string): Promise<Map<string, number>> {
  const { rows } = await sql<{ dataset: string; rows: number }>`
    select dataset, count(*) as rows from dataset_quarantine where workspace = ${workspace} and state = 'quarantined' group by 1`.execute(
    db,
  )
  return new Map(rows.map((row) => [row.dataset, row.rows]))
}

export interface QuarantineQuestion {
  readonly rule: string | undefined
  readonly state: QuarantinedRow['state']
  readonly offset: number
  readonly limit: number
}

interface QuarantineRow {
  id: number
  rule: string
  column_name: string | null
  reason: string
  row: Record<string, JsonValue>
  version: number
  source: string
  state: QuarantinedRow['state']
  created_at: Date
}

export async function quarantinedRows(
  db: Queryable,
  workspace: string,
  dataset: string,
  question: QuarantineQuestion,
): Promise<{ rows: QuarantinedRow[]; total: number; summary: QuarantineSummary[] }> {
  const where = sql`workspace = ${workspace} and dataset = ${dataset} and state = ${question.state}
    and (${question.rule ?? null}::text is null or rule = ${question.rule ?? null}::text)`
  const { rows } = await sql<QuarantineRow>`
    select * from dataset_quarantine where ${where} order by id limit ${question.limit} offset ${question.offset}`.execute(
    db,
  )
  const summary = await sql<QuarantineSummary>`
    select rule, count(*) as rows, min(reason) as reason from dataset_quarantine where ${where} group by rule order by rule`.execute(
    db,
  )
  return {
    rows: rows.map(({ column_name, created_at, id, rule, reason, row, version, source, state }) => ({
      id,
      rule,
      column: column_name,
      reason,
      row,
      version,
      source,
      state,
      createdAt: created_at.toISOString(),
    })),
    total: summary.rows.reduce((sum, each) => sum + each.rows, 0),
    summary: summary.rows,
  }
}

/** Settles rows that still wait. @returns the rows as they were sent, of those that did. */
export async function settleQuarantined(
  tx: Tx,
  workspace: string,
  dataset: string,
  ids: readonly number[],
  state: 'released' | 'discarded',
  reason: string,
): Promise<{ id: number; row: Record<string, JsonValue> }[]> {
  const { rows } = await sql<{ id: number; row: Record<string, JsonValue> }>`
    update dataset_quarantine set state = ${state}, decision_reason = ${reason}
    where workspace = ${workspace} and dataset = ${dataset} and state = 'quarantined' and id = any (${[...ids]}::bigint[])
    returning id, row`.execute(tx)
  return rows
}
