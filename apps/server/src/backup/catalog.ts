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

/** Foreign keys, as statements that take them away and that put them back. */
export async function foreignKeysOf(client: Client): Promise<{ drop: string; add: string }[]> {
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(
    `select c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
     from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.contype = 'f' and c.relnamespace = 'public'::regnamespace and k.conparentid = 0 order by 1, 2`,
  )
  return rows.map(({ table, name, definition }) => ({
    drop: `alter table ${quoted(table)} drop constraint ${quoted(name)}`,
    add: `alter table ${quoted(table)} add constraint ${quoted(name)} ${definition}`,
  }))
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
