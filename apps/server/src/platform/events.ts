import { createHash } from 'node:crypto'
import { EVENT_TYPES, type EventRecord, type EventType, uuidv7 } from '@tidemark/contracts'
import type { z } from 'zod'
import type { Actor } from './actor.ts'
import type { BlobColumns } from './blobColumns.ts'
import { type Queryable, sql, type Tx } from './db.ts'
import type { Jobs } from './jobs.ts'
import type { Migration } from './migrations.ts'

export const eventMigrations: readonly Migration[] = [
  {
    id: '0001-events',
    sql: `
      create table event (
        position bigint primary key,
        id uuid not null unique,
        workspace text not null,
        type text not null,
        schema_version int not null,
        subject text not null,
        actor_kind text not null,
        actor_id text not null,
        causes uuid[] not null,
        correlation uuid not null,
        payload jsonb not null,
        -- The exact bytes that were hashed: jsonb does not keep them.
        canonical bytea not null,
        hash bytea not null,
        occurred_at timestamptz not null,
        recorded_at timestamptz not null
      );
      create index event_subject on event (workspace, subject, position);
      create index event_type on event (workspace, type, position);
      create index event_causes on event using gin (causes);
      create index event_correlation on event (correlation);
      -- One row: the end of the chain. Locking it gives each event a position in commit order, without gaps.
      create table event_head (one boolean primary key default true check (one), position bigint not null, hash bytea not null);
      insert into event_head (position, hash) values (0, ''::bytea);
    `,
  },
]

const HISTORY = { not: 'tells what was, also of what is deleted since' }

export const eventBlobColumns: BlobColumns = {
  'event.canonical': HISTORY,
  'event.hash': { not: 'is a link of the chain' },
  'event.payload': HISTORY,
  'event_head.hash': { not: 'is a link of the chain' },
}

/** A reaction: what a module does after an event of another. Runs at least once; must be safe to run twice. */
export interface Reaction {
  readonly name: string
  readonly event: EventType
  readonly run: (event: EventRecord, actor: Actor) => Promise<void>
  /** Asked in the event's transaction: whether there is anybody to react. No job is made when there is not. */
  readonly when?: (tx: Tx, workspace: string) => Promise<boolean>
}

interface EventRow {
  position: number
  id: string
  workspace: string
  type: string
  schema_version: number
  subject: string
  actor_kind: 'person' | 'service' | 'system'
  actor_id: string
  causes: string[]
  correlation: string
  payload: Record<string, unknown>
  hash: Buffer
  occurred_at: Date
  recorded_at: Date
}

/** JSON with sorted keys and no spaces (the part of RFC 8785 that our payloads use): the same value gives the same bytes. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  const fields = Object.entries(value).filter(([, item]) => item !== undefined)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`
}

/** The append-only record of every change: audit trail, lineage, live feed and trigger in one table. */
export class Events {
  private readonly jobs: Jobs
  private readonly reactions = new Map<string, Reaction[]>()

  constructor(jobs: Jobs) {
    this.jobs = jobs
  }

  /** Wires one reaction; only `reactions.ts` calls it. */
  on(reaction: Reaction): void {
    const list = this.reactions.get(reaction.event.type) ?? []
    this.reactions.set(reaction.event.type, [...list, reaction])
  }

  reaction(type: string, name: string): Reaction | undefined {
    return this.reactions.get(type)?.find((reaction) => reaction.name === name)
  }

  /**
   * Appends an event in the caller's transaction and queues its reactions in the same one. Call it last in the transaction: from here to the
   * commit no other event can be appended, which is what gives positions their commit order.
   */
  async append<P extends z.ZodType>(
    tx: Tx,
    actor: Actor,
    type: EventType<P>,
    payload: z.input<P>,
    occurredAt: Date = new Date(),
  ): Promise<string> {
    const parsed = type.payload.parse(payload)
    const id = uuidv7()
    const correlation = actor.correlation ?? id
    const recordedAt = new Date()
    const subject = type.subject(parsed)
    const canonical = Buffer.from(
      canonicalJson({
        actor: actor.ref,
        causes: actor.causes,
        correlation,
        id,
        occurredAt: occurredAt.toISOString(),
        payload: parsed,
        recordedAt: recordedAt.toISOString(),
        schemaVersion: type.schemaVersion,
        subject,
        type: type.type,
        workspace: actor.workspace,
      }),
    )
    const head = await sql<{
      position: number
      hash: Buffer
    }>`select position, hash from event_head for update`.execute(tx)
    const last = head.rows[0]
    if (!last) throw new Error('The event chain has no head: the database was not migrated.')
    const position = last.position + 1
    const hash = chainHash(last.hash, canonical)
    await sql`
      insert into event (position, id, workspace, type, schema_version, subject, actor_kind, actor_id, causes, correlation, payload, canonical, hash,
        occurred_at, recorded_at)
      values (${position}, ${id}, ${actor.workspace}, ${type.type}, ${type.schemaVersion}, ${subject}, ${actor.kind}, ${actor.id},
        ${actor.causes}::uuid[], ${correlation}, ${JSON.stringify(parsed)}::jsonb, ${canonical}, ${hash}, ${occurredAt}, ${recordedAt})
    `.execute(tx)
    await sql`update event_head set position = ${position}, hash = ${hash}`.execute(tx)
    for (const reaction of this.reactions.get(type.type) ?? []) {
      if (reaction.when && !(await reaction.when(tx, actor.workspace))) continue
      await this.jobs.add(
        tx,
        'reaction',
        { event: id, type: type.type, reaction: reaction.name, workspace: actor.workspace },
        { key: `${id}:${reaction.name}` },
      )
    }
    await sql`select pg_notify('tidemark_event', ${`${position} ${actor.workspace}`})`.execute(tx)
    return id
  }
}

/** The hash of an event in the chain: SHA-256 of the previous hash and the event's canonical bytes. */
export function chainHash(previous: Buffer, canonical: Buffer): Buffer {
  return createHash('sha256').update(previous).update(canonical).digest()
}

const TYPES = new Map<string, EventType>(EVENT_TYPES.map((type) => [type.type, type]))

function recordOf(row: EventRow): EventRecord {
  return {
    id: row.id,
    position: row.position,
    workspace: row.workspace,
    type: row.type,
    schemaVersion: row.schema_version,
    subject: row.subject,
    actor: { kind: row.actor_kind, id: row.actor_id },
    causes: row.causes,
    correlation: row.correlation,
    payload: row.payload,
    sentence: TYPES.get(row.type)?.sentence(row.payload) ?? row.type,
    occurredAt: row.occurred_at.toISOString(),
    recordedAt: row.recorded_at.toISOString(),
    hash: row.hash.toString('hex'),
  }
}

const COLUMNS = sql.raw(
  'position, id, workspace, type, schema_version, subject, actor_kind, actor_id, causes, correlation, payload, hash, occurred_at, recorded_at',
)

export interface EventQuestion {
  readonly after?: number | undefined
  readonly before?: number | undefined
  readonly type?: string | undefined
  readonly subject?: string | undefined
  readonly limit: number
}

/** Events of a workspace: oldest first after a position, else newest first. */
export async function listEvents(db: Queryable, workspace: string, question: EventQuestion): Promise<EventRecord[]> {
  const { after, before, type, subject, limit } = question
  const { rows } = await sql<EventRow>`
    select ${COLUMNS} from event
    where workspace = ${workspace}
      ${after === undefined ? sql`` : sql`and position > ${after}`}
      ${before === undefined ? sql`` : sql`and position < ${before}`}
      ${type === undefined ? sql`` : type.endsWith('.') ? sql`and starts_with(type, ${type})` : sql`and type = ${type}`}
      ${subject === undefined ? sql`` : sql`and subject = ${subject}`}
    order by position ${after === undefined ? sql`desc` : sql`asc`}
    limit ${limit}
  `.execute(db)
  return rows.map(recordOf)
}

export async function findEvent(db: Queryable, workspace: string, id: string): Promise<EventRecord | undefined> {
  const { rows } =
    await sql<EventRow>`select ${COLUMNS} from event where workspace = ${workspace} and id = ${id}`.execute(db)
  return rows[0] && recordOf(rows[0])
}

/** The event and everything that led to it, newest first: one recursive query over the causes. */
export async function causesOf(db: Queryable, workspace: string, id: string): Promise<EventRecord[]> {
  const { rows } = await sql<EventRow>`
    with recursive chain as (
      select id, causes from event where workspace = ${workspace} and id = ${id}
      union
      select e.id, e.causes from event e join chain c on e.id = any (c.causes) where e.workspace = ${workspace}
    )
    select ${COLUMNS} from event where id in (select id from chain) order by position desc
  `.execute(db)
  return rows.map(recordOf)
}

/** Puts back the head of an empty chain: after a reset the next event is the first again. */
export async function beginChain(tx: Tx): Promise<void> {
  await sql`insert into event_head (position, hash) values (0, ''::bytea)`.execute(tx)
}

/** The position of the newest event, in commit order; 0 before the first. */
export async function lastPosition(db: Queryable): Promise<number> {
  const { rows } = await sql<{ position: number }>`select position from event_head`.execute(db)
  return rows[0]?.position ?? 0
}

/**
 * Recomputes the hash chain.
 * @returns the first position whose bytes do not match its hash, or null when nothing was edited.
 */
export async function firstBrokenPosition(db: Queryable): Promise<number | null> {
  let previous: Buffer = Buffer.alloc(0)
  for (let from = 0; ; ) {
    const { rows } = await sql<{ position: number; canonical: Buffer; hash: Buffer }>`
      select position, canonical, hash from event where position > ${from} order by position limit 1000`.execute(db)
    if (rows.length === 0) return null
    for (const row of rows) {
      if (row.position !== from + 1 || !chainHash(previous, row.canonical).equals(row.hash)) return from + 1
      previous = row.hash
      from = row.position
    }
  }
}
