import type { LossName } from '@tidemark/contracts'
import { sql, type Tx } from '../../platform/index.ts'
import type { EndpointKey } from '../types.ts'

/** What a version first said about a thing. */
export interface FirstPrediction {
  readonly version: number
  readonly entity: string
  readonly prediction: string
  readonly row: number
  readonly eventTime: Date
  /** A number, or the name of a class. */
  readonly value: number | string
  readonly window: string
}

/** Stores first predictions; one that is known stays. Things whose label came earlier are joined now. */
export async function joinFirstPredictions(
  tx: Tx,
  key: EndpointKey,
  loss: LossName,
  first: readonly FirstPrediction[],
): Promise<void> {
  if (first.length === 0) return
  const { rows } = await sql<{ entity: string }>`
    insert into monitoring_first_prediction (workspace, endpoint, version, entity, prediction, row_index, event_time, value, text, window_id)
    select ${key.workspace}, ${key.endpoint}, * from unnest(${first.map((f) => f.version)}::int[], ${first.map((f) => f.entity)}::text[],
      ${first.map((f) => f.prediction)}::uuid[], ${first.map((f) => f.row)}::int[], ${first.map((f) => f.eventTime)}::timestamptz[],
      ${first.map(({ value }) => (typeof value === 'number' ? value : null))}::float8[],
      ${first.map(({ value }) => (typeof value === 'string' ? value : null))}::text[], ${first.map((f) => f.window)}::uuid[])
    on conflict do nothing returning entity`.execute(tx)
  if (rows.length > 0) await joinLosses(tx, key, loss, [...new Set(rows.map((row) => row.entity))])
}

/**
 * Joins first predictions with first labels, once: a correction that comes later does not change what evidence was made of. Called by
 * whichever of the two arrives last, under the endpoint's lock. Of two texts the loss is 0 when they are equal and 1 when not, whatever loss the
 * policy names for numbers; a text and a number are not compared.
 */
export async function joinLosses(
  tx: Tx,
  { workspace, endpoint }: EndpointKey,
  loss: LossName,
  entities: readonly string[],
): Promise<void> {
  const difference = sql`f.value - l.value`
  await sql`
    insert into monitoring_realised_loss (workspace, endpoint, version, entity, loss, event_time, known_at, window_id)
    select f.workspace, f.endpoint, f.version, f.entity,
      case when f.text is not null then (f.text <> l.text)::int
        else ${loss === 'squared_error' ? sql`power(${difference}, 2)` : sql`abs(${difference})`} end, f.event_time, l.known_at, f.window_id
    from monitoring_first_prediction f
    cross join lateral (
      select value, text, known_at, sequence from monitoring_label
      where workspace = f.workspace and endpoint = f.endpoint and entity = f.entity order by sequence limit 1
    ) l
    where f.workspace = ${workspace} and f.endpoint = ${endpoint} and f.entity = any (${[...entities]}::text[])
      and (f.text is null) = (l.text is null)
    order by l.sequence, f.version
    on conflict do nothing`.execute(tx)
}
