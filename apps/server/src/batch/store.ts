import type { FileFormat } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { BatchInput, BatchState, StoredBatch } from './types.ts'

type Row = Omit<StoredBatch, 'input'> & {
  dataset: string | null
  datasetVersion: number | null
  fileDigest: string | null
  fileFormat: FileFormat | null
}

const COLUMNS =
  sql.raw(`workspace, id, model, version, dataset, dataset_version as "datasetVersion", file_digest as "fileDigest",
  file_format as "fileFormat", out, state, problem, rows, rows_done as "rowsDone", out_version as "outVersion", actor_kind as "actorKind",
  actor_id as "actorId", requested_at as "requestedAt", started_at as "startedAt", finished_at as "finishedAt"`)

function batchOf({ dataset, datasetVersion, fileDigest, fileFormat, ...row }: Row): StoredBatch {
  const input: BatchInput =
    dataset === null
      ? { kind: 'file', digest: fileDigest ?? '', format: fileFormat ?? 'parquet' }
      : { kind: 'dataset', dataset, version: datasetVersion ?? 0 }
  return { ...row, input }
}

export async function insertBatch(tx: Tx, b: StoredBatch): Promise<void> {
  const { input } = b
  const dataset = input.kind === 'dataset' ? input : null
  const file = input.kind === 'file' ? input : null
  await sql`
    insert into batch_prediction (workspace, id, model, version, dataset, dataset_version, file_digest, file_format, out, state, actor_kind,
      actor_id, requested_at)
    values (${b.workspace}, ${b.id}::uuid, ${b.model}, ${b.version}, ${dataset?.dataset ?? null}, ${dataset?.version ?? null},
      ${file?.digest ?? null}, ${file?.format ?? null}, ${b.out}, ${b.state}, ${b.actorKind}, ${b.actorId}, ${b.requestedAt})`.execute(
    tx,
  )
}

export async function batchById(db: Queryable, workspace: string, id: string): Promise<StoredBatch | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from batch_prediction where workspace = ${workspace} and id = ${id}::uuid`.execute(
      db,
    )
  return rows[0] ? batchOf(rows[0]) : null
}

/** Batch predictions of a workspace, newest first. */
export async function batchesOf(db: Queryable, workspace: string, limit: number): Promise<StoredBatch[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from batch_prediction where workspace = ${workspace} order by requested_at desc limit ${limit}`.execute(
    db,
  )
  return rows.map(batchOf)
}

/**
 * The oldest that is not at its end, also of a server that was killed, be it while it stored; counts the start. Said twice that it has no end: one that is cancelled
 * while this waits for its row stays so.
 */
export async function takeNext(db: Queryable, now: Date): Promise<(StoredBatch & { readonly starts: number }) | null> {
  const { rows } = await sql<Row & { starts: number }>`
    update batch_prediction b set state = 'running', starts = starts + 1, started_at = coalesce(started_at, ${now})
    where (workspace, id) = (select workspace, id from batch_prediction where finished_at is null order by requested_at, id limit 1)
      and finished_at is null
    returning ${COLUMNS}, starts`.execute(db)
  const row = rows[0]
  return row ? { ...batchOf(row), starts: row.starts } : null
}

/** Notes how far it is; one that was cancelled meanwhile stays so. @returns whether it still runs */
export async function saveProgress(
  db: Queryable,
  { workspace, id }: StoredBatch,
  rows: number,
  rowsDone: number,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update batch_prediction set rows = ${rows}, rows_done = ${rowsDone}
    where workspace = ${workspace} and id = ${id}::uuid and state = 'running'`.execute(db)
  return Number(numAffectedRows ?? 0) > 0
}

/** Moves it on; false when it has ended meanwhile. */
export async function saveState(
  db: Queryable,
  { workspace, id }: StoredBatch,
  state: BatchState,
  end: { readonly problem?: string; readonly outVersion?: number; readonly finishedAt: Date } | null,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update batch_prediction set state = ${state}, problem = ${end?.problem ?? null}, out_version = ${end?.outVersion ?? null},
      finished_at = ${end?.finishedAt ?? null}
    where workspace = ${workspace} and id = ${id}::uuid and finished_at is null`.execute(db)
  return Number(numAffectedRows ?? 0) > 0
}

export async function unfinished(db: Queryable): Promise<number> {
  const { rows } = await sql<{
    n: number
  }>`select count(*) as n from batch_prediction where finished_at is null`.execute(db)
  return rows[0]?.n ?? 0
}
