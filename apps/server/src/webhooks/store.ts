import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { Delivery, DeliveryState, Topic, Webhook } from './types.ts'

interface WebhookRow {
  workspace: string
  id: string
  name: string
  description: string
  url: string
  events: Topic[]
  active: boolean
  secret: Buffer | null
  created_ms: number
  updated_ms: number
}

const COLUMNS = sql.raw(
  'w.workspace, w.id, w.name, w.description, w.url, w.events, w.active, w.secret, w.created_ms, w.updated_ms',
)

function webhookOf(row: WebhookRow): Webhook {
  return {
    id: row.id,
    workspace: row.workspace,
    name: row.name,
    description: row.description,
    url: row.url,
    topics: row.events,
    active: row.active,
    secret: row.secret,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  }
}

export async function saveWebhook(tx: Tx, webhook: Webhook): Promise<void> {
  const { workspace, id, name, description, url, topics, active, secret, createdMs, updatedMs } = webhook
  await sql`
    insert into webhook (workspace, id, name, description, url, events, active, secret, created_ms, updated_ms)
    values (${workspace}, ${id}, ${name}, ${description}, ${url}, ${topics}::text[], ${active}, ${secret}, ${createdMs}, ${updatedMs})
    on conflict (id) do update set name = excluded.name, description = excluded.description, url = excluded.url,
      events = excluded.events, active = excluded.active, secret = excluded.secret, updated_ms = excluded.updated_ms`.execute(
    tx,
  )
}

export async function webhookById(db: Queryable, workspace: string, id: string): Promise<Webhook | null> {
  const { rows } =
    await sql<WebhookRow>`select ${COLUMNS} from webhook w where w.workspace = ${workspace} and w.id = ${id}`.execute(
      db,
    )
  return rows[0] ? webhookOf(rows[0]) : null
}

/** The newest first. */
export async function listWebhooks(
  db: Queryable,
  workspace: string,
  offset: number,
  limit: number,
): Promise<Webhook[]> {
  const { rows } = await sql<WebhookRow>`
    select ${COLUMNS} from webhook w where w.workspace = ${workspace}
    order by w.created_ms desc, w.id limit ${limit} offset ${offset}`.execute(db)
  return rows.map(webhookOf)
}

/** Deletes a webhook with the log of its deliveries. */
export async function deleteWebhook(tx: Tx, workspace: string, id: string): Promise<void> {
  await sql`delete from webhook where workspace = ${workspace} and id = ${id}`.execute(tx)
}

export async function hasActiveWebhook(db: Queryable, workspace: string): Promise<boolean> {
  const { rows } = await sql`select 1 from webhook where workspace = ${workspace} and active limit 1`.execute(db)
  return rows.length > 0
}

export async function activeWebhooksFor(db: Queryable, workspace: string, topic: Topic): Promise<Webhook[]> {
  const { rows } = await sql<WebhookRow>`
    select ${COLUMNS} from webhook w where w.workspace = ${workspace} and w.active and ${topic} = any (w.events)`.execute(
    db,
  )
  return rows.map(webhookOf)
}

/** False when this webhook was told of this event before. */
export async function addDelivery(
  tx: Tx,
  delivery: { id: string; webhook: string; cause: string; topic: Topic; body: string; at: Date },
): Promise<boolean> {
  const { rows } = await sql`
    insert into webhook_delivery (id, webhook, cause, event, body, state, created_at)
    values (${delivery.id}, ${delivery.webhook}, ${delivery.cause}, ${delivery.topic}, ${delivery.body}, 'waiting', ${delivery.at})
    on conflict (webhook, cause) do nothing returning id`.execute(tx)
  return rows.length === 1
}

/** A delivery that is still to be made, with its webhook. */
export interface OpenDelivery {
  readonly id: string
  readonly event: string
  readonly body: string
  readonly attempts: number
  readonly webhook: Webhook
}

/** Counts an attempt of a delivery and gives what is to be sent; null when there is nothing to do any more. */
export async function beginAttempt(tx: Tx, id: string): Promise<OpenDelivery | null> {
  const { rows } = await sql<WebhookRow & { event: string; body: string; attempts: number }>`
    update webhook_delivery d set attempts = d.attempts + 1 from webhook w
    where d.id = ${id} and d.state = 'waiting' and w.id = d.webhook
    returning ${COLUMNS}, d.event, d.body, d.attempts`.execute(tx)
  const row = rows[0]
  return row ? { id, event: row.event, body: row.body, attempts: row.attempts, webhook: webhookOf(row) } : null
}

/** The webhook that a waiting delivery is for; null when it waits no more. */
export async function webhookOfDelivery(db: Queryable, id: string): Promise<string | null> {
  const { rows } = await sql<{ webhook: string }>`
    select webhook from webhook_delivery where id = ${id} and state = 'waiting'`.execute(db)
  return rows[0]?.webhook ?? null
}

/** Writes how an attempt ended; `waiting` when there will be another. */
export async function endAttempt(
  tx: Tx,
  id: string,
  end: { state: DeliveryState; status: number | null; problem: string | null; response: string | null; at: Date },
): Promise<void> {
  await sql`
    update webhook_delivery set state = ${end.state}, status = ${end.status}, problem = ${end.problem}, response = ${end.response},
      finished_at = ${end.state === 'waiting' ? null : end.at}
    where id = ${id}`.execute(tx)
}

/** Drops finished deliveries of a webhook that are older than `before`, or beyond the newest `most`. */
export async function forgetDeliveries(tx: Tx, webhook: string, before: Date, most: number): Promise<void> {
  await sql`
    delete from webhook_delivery where webhook = ${webhook} and state <> 'waiting' and created_at <= greatest(${before}::timestamptz,
      (select created_at from webhook_delivery where webhook = ${webhook} order by created_at desc, id offset ${most} limit 1))`.execute(
    tx,
  )
}

interface DeliveryRow {
  id: string
  event: string
  state: DeliveryState
  attempts: number
  status: number | null
  problem: string | null
  response: string | null
  created_at: Date
  finished_at: Date | null
}

/** Deliveries of a webhook, the newest first. */
export async function deliveriesOf(db: Queryable, webhook: string, limit: number): Promise<Delivery[]> {
  const { rows } = await sql<DeliveryRow>`
    select id, event, state, attempts, status, problem, response, created_at, finished_at from webhook_delivery
    where webhook = ${webhook} order by created_at desc, id limit ${limit}`.execute(db)
  return rows.map((row) => ({
    id: row.id,
    event: row.event,
    state: row.state,
    attempts: row.attempts,
    status: row.status,
    problem: row.problem,
    response: row.response,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  }))
}
