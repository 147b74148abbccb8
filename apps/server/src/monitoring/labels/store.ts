import { type Queryable, sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'

/** A true value: a number, or the name of a class. */
export type LabelValue = number | string

export interface KnownLabel {
  readonly value: LabelValue
  readonly knownAt: Date
}

export interface NewLabel extends KnownLabel {
  readonly entity: string
}

interface ValueRow {
  readonly entity: string
  readonly value: number | null
  readonly text: string | null
  readonly known_at: Date
}

const labelOf = ({ value, text }: Pick<ValueRow, 'value' | 'text'>): LabelValue => value ?? text ?? ''

/** Every value of these things, in the order in which they came. */
export async function valuesOf(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  entities: readonly string[],
): Promise<Map<string, KnownLabel[]>> {
  const { rows } = await sql<ValueRow>`
    select entity, value, text, known_at from monitoring_label
    where workspace = ${workspace} and endpoint = ${endpoint} and entity = any (${[...entities]}::text[])
    order by entity, sequence`.execute(tx)
  const values = new Map<string, KnownLabel[]>()
  for (const row of rows) {
    const history = values.get(row.entity) ?? []
    history.push({ value: labelOf(row), knownAt: row.known_at })
    values.set(row.entity, history)
  }
  return values
}

/** The value that holds for each of these things that has one: the one that became known last. */
export async function currentValues(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  entities: readonly string[],
): Promise<Map<string, LabelValue>> {
  if (entities.length === 0) return new Map()
  const { rows } = await sql<ValueRow>`
    select distinct on (entity) entity, value, text, known_at from monitoring_label
    where workspace = ${workspace} and endpoint = ${endpoint} and entity = any (${[...entities]}::text[])
    order by entity, known_at desc, sequence desc`.execute(db)
  return new Map(rows.map((row) => [row.entity, labelOf(row)]))
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
  const numbers = labels.map(({ value }) => (typeof value === 'number' ? value : null))
  const texts = labels.map(({ value }) => (typeof value === 'string' ? value : null))
  await sql`
    insert into monitoring_label (workspace, endpoint, entity, value, text, known_at, recorded_at, actor)
    select ${workspace}, ${endpoint}, entity, value, text, known_at, ${recordedAt}::timestamptz, ${actor}
    from unnest(${labels.map((l) => l.entity)}::text[], ${numbers}::float8[], ${texts}::text[],
      ${labels.map((l) => l.knownAt)}::timestamptz[]) with ordinality as given (entity, value, text, known_at, place)
    order by place`.execute(tx)
}

export interface LabelRow extends KnownLabel {
  readonly recordedAt: Date
  readonly actor: string
}

/** Every value ever given for a thing, oldest first. */
export async function labelHistory(
  db: Queryable,
  { workspace, endpoint }: EndpointKey,
  entity: string,
): Promise<LabelRow[]> {
  const { rows } = await sql<ValueRow & { recorded_at: Date; actor: string }>`
    select entity, value, text, known_at, recorded_at, actor from monitoring_label
    where workspace = ${workspace} and endpoint = ${endpoint} and entity = ${entity} order by sequence`.execute(db)
  return rows.map((row) => ({
    value: labelOf(row),
    knownAt: row.known_at,
    recordedAt: row.recorded_at,
    actor: row.actor,
  }))
}
