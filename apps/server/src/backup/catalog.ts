import type { Client } from 'pg'

/** A table and what COPY reads and writes of it. */
export interface Table {
  readonly name: string
  /** Without generated columns, which PostgreSQL makes anew. */
  readonly columns: readonly string[]
}

export interface Sequence {
  readonly name: string
  readonly lastValue: string
  readonly called: boolean
}

/** Filled by the migrations themselves. */
const OWN = 'schema_migration'

/** Every table of the product, by name. */
export async function tablesOf(client: Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    `select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> $1
       and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     group by c.relname order by c.relname collate "C"`,
    [OWN],
  )
  return rows
}

export async function migrationsOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(`select id from ${OWN} order by applied_at, id`)
  return rows.map((row) => row.id)
}

/** Sequences, those of identity columns among them, with where they stand. They do not follow transactions: read them after the rows. */
export async function sequencesOf(client: Client): Promise<Sequence[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S' order by relname collate "C"`,
  )
  const sequences: Sequence[] = []
  for (const { name } of rows) {
    const found = await client.query<{ last: string; called: boolean }>(
      `select last_value::text as last, is_called as called from ${quoted(name)}`,
    )
    const { last, called } = found.rows[0] ?? { last: '1', called: false }
    sequences.push({ name, lastValue: last, called })
  }
  return sequences
}

/** Something that slows a load down or stands in its way, as statements that take it away and that put it back. */
export interface Removable {
  readonly drop: string
  readonly add: string
}

/** Constraints of these kinds: `f` foreign keys, `p` primary keys and `u` unique ones, with their indexes. */
export async function constraintsOf(client: Client, kinds: readonly ('f' | 'p' | 'u')[]): Promise<Removable[]> {
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(
    `select c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.contype::text = any ($1) and c.relnamespace = 'public'::regnamespace and k.conparentid = 0 and c.relname <> $2 order by 1, 2`,
    [kinds, OWN],
  )
  return rows.map(({ table, name, definition }) => ({
    drop: `alter table ${quoted(table)} drop constraint ${quoted(name)}`,
    add: `alter table ${quoted(table)} add constraint ${quoted(name)} ${definition}`,
  }))
}

/** Indexes that no constraint stands for. */
export async function indexesOf(client: Client): Promise<Removable[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index i join pg_class c on c.oid = i.indrelid
     where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> $1
       and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) order by 1`,
    [OWN],
  )
  return rows.map(({ name, definition }) => ({ drop: `drop index ${name}`, add: definition }))
}

/** Whether the database holds anything of ours or of somebody else's. */
export async function isEmpty(client: Client): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'graphile_worker') and c.relkind in ('r', 'p', 'S', 'v', 'm') limit 1`,
  )
  return rows.length === 0
}

/** An identifier, quoted for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function columnList(columns: readonly string[]): string {
  return columns.map(quoted).join(', ')
}
