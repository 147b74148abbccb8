import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'

export interface NewLabel {
  readonly entity: string
  readonly value: number
  readonly knownAt: Date
}

/** The newest value of each of these things that has one. */
export async function latestValues(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  entities: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ entity: string; value: number }>`
    select distinct on (entity) entity, value from monitoring_label
    where workspace = ${workspace} and endpoint = ${endpoint} and entity = any (${[...entities]}::text[])
    order by entity, sequence desc`.execute(tx)
  return new Map(rows.map((row) => [row.entity, row.value]))
}

/** Adds labels in their order; earlier ones of the same thing stay as history. */
export async function insertLabels(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  labels: readonly NewLabel[],
  recordedAt: Date,
  actor: string,
): Promise<void> {
  if (labels.length === 0) return
  await sql`
    insert into monitoring_label (workspace, endpoint, entity, value, known_at, recorded_at, actor)
    select ${workspace}, ${endpoint}, entity, value, known_at, ${recordedAt}::timestamptz, ${actor}
    from unnest(${labels.map((l) => l.entity)}::text[], ${labels.map((l) => l.value)}::float8[],
      ${labels.map((l) => l.knownAt)}::timestamptz[]) with ordinality as given (entity, value, known_at, place)
    order by place`.execute(tx)
}

export interface LabelRow {
  readonly value: number
  readonly known_at: Date
  readonly recorded_at: Date
  readonly actor: string
}

/** Every value ever given for a thing, oldest first. */
export async function labelHistory(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  entity: string,
): Promise<LabelRow[]> {
  const { rows } = await sql<LabelRow>`
    select value, known_at, recorded_at, actor from monitoring_label
    where workspace = ${workspace} and endpoint = ${endpoint} and entity = ${entity} order by sequence`.execute(db)
  return rows
}
