import { type ActorRef, ErasureReport, type ErasureView } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../../../platform/index.ts'
import { lowestIdAt } from '../store.ts'
import type { EraseStored } from './erasure.ts'

export interface StoredErasure {
  readonly workspace: string
  readonly id: string
  readonly endpoint: string | null
  readonly kind: 'entity' | 'caller'
  /** null once it is done. */
  readonly key: string | null
  readonly reason: string
  readonly state: ErasureView['state']
  /** Segments that may still hold something, as `gateway/number`. */
  readonly waiting: readonly string[]
  readonly report: ErasureReport
  readonly actorKind: ActorRef['kind']
  readonly actorId: string
  readonly requestedAt: Date
  readonly finishedAt: Date | null
}

const COLUMNS =
  sql.raw(`workspace, id, endpoint, kind, key, reason, state, waiting, report, actor_kind as "actorKind", actor_id as "actorId",
  requested_at as "requestedAt", finished_at as "finishedAt"`)

type Row = Omit<StoredErasure, 'report'> & { report: unknown }
const erasureOf = (row: Row): StoredErasure => ({ ...row, report: ErasureReport.parse(row.report) })

export async function insertErasure(tx: Tx, e: StoredErasure): Promise<void> {
  await sql`
    insert into prediction_erasure (workspace, id, endpoint, kind, key, reason, state, waiting, report, actor_kind, actor_id, requested_at)
    values (${e.workspace}, ${e.id}::uuid, ${e.endpoint}, ${e.kind}, ${e.key}, ${e.reason}, ${e.state}, ${[...e.waiting]}::text[],
      ${JSON.stringify(e.report)}::jsonb, ${e.actorKind}, ${e.actorId}, ${e.requestedAt})`.execute(tx)
}

export async function erasureById(db: Queryable, workspace: string, id: string): Promise<StoredErasure | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from prediction_erasure where workspace = ${workspace} and id = ${id}::uuid`.execute(
      db,
    )
  return rows[0] ? erasureOf(rows[0]) : null
}

/** Erasures of a workspace, newest first. */
export async function erasuresOf(db: Queryable, workspace: string): Promise<StoredErasure[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from prediction_erasure where workspace = ${workspace} order by requested_at desc limit 1000`.execute(
    db,
  )
  return rows.map(erasureOf)
}

/** Erasures of all workspaces that are under way, oldest first. */
export async function runningErasures(db: Queryable): Promise<StoredErasure[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from prediction_erasure where state = 'running' order by requested_at`.execute(db)
  return rows.map(erasureOf)
}

export async function lockErasure(tx: Tx, { workspace, id }: StoredErasure): Promise<StoredErasure | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from prediction_erasure where workspace = ${workspace} and id = ${id}::uuid for update`.execute(
    tx,
  )
  return rows[0] ? erasureOf(rows[0]) : null
}

export async function saveErasure(tx: Tx, e: StoredErasure): Promise<void> {
  await sql`
    update prediction_erasure set key = ${e.key}, state = ${e.state}, waiting = ${[...e.waiting]}::text[],
      report = ${JSON.stringify(e.report)}::jsonb, finished_at = ${e.finishedAt}
    where workspace = ${e.workspace} and id = ${e.id}::uuid`.execute(tx)
}

/** Adds to the numbers of an erasure. */
export async function addToReport(
  db: Queryable,
  { workspace, id }: StoredErasure,
  { predictions, rows, files }: Omit<ErasureReport, 'stored'>,
): Promise<void> {
  await sql`
    update prediction_erasure set report = report || jsonb_build_object(
      'predictions', (report->>'predictions')::int + ${predictions}::int, 'rows', (report->>'rows')::int + ${rows}::int,
      'files', (report->>'files')::int + ${files}::int)
    where workspace = ${workspace} and id = ${id}::uuid`.execute(db)
}

/**
 * Erases what monitoring stored about a thing. Labels, first predictions and quarantined values go. What only counts (the things of a window, losses
 * that decisions were made of) stays, under a name that nobody can lead back. A caller's name is stored nowhere here.
 */
export const eraseMonitored: EraseStored = async (tx, { workspace, endpoint, kind, keys, until }) => {
  if (kind === 'caller') return {}
  const mine = (column: string) => sql`workspace = ${workspace} and ${sql.ref(column)} = any (${[...keys]}::text[])
    and (${endpoint}::text is null or endpoint = ${endpoint})`
  const nameless = sql`'erased:' || gen_random_uuid()`
  const count = async (statement: ReturnType<typeof sql>) => Number((await statement.execute(tx)).numAffectedRows ?? 0)
  return {
    labels: await count(sql`
      delete from monitoring_label where ${mine('entity')} and recorded_at <= ${new Date(until)}`),
    firstPredictions: await count(sql`
      delete from monitoring_first_prediction where ${mine('entity')} and prediction < ${lowestIdAt(until + 1)}::uuid`),
    quarantined: await count(sql`delete from monitoring_quarantine where ${mine('entity')}`),
    losses: await count(sql`update monitoring_realised_loss set entity = ${nameless} where ${mine('entity')}`),
    windowThings: await count(sql`
      update monitoring_unit u set entity = ${nameless} from monitoring_window w
      where u.workspace = ${workspace} and u.entity = any (${[...keys]}::text[]) and w.workspace = u.workspace and w.id = u.window_id
        and (${endpoint}::text is null or w.endpoint = ${endpoint})`),
  }
}
