import { readFileSync } from 'node:fs'
import type { Client } from 'pg'

/** Puts rows (a line each: the table, a tab, a JSON object) into a database whose schema was just made, instead of those that the migrations put in. */
export async function fillDatabase(client: Client, file: string): Promise<void> {
  await client.query('begin')
  const { rows: keys } = await client.query<{ table: string; name: string; definition: string }>(
    `select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
     from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace and conparentid = 0`,
  )
  for (const { table, name } of keys) await client.query(`alter table ${table} drop constraint "${name}"`)
  const { rows: tables } = await client.query<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'schema_migration'`,
  )
  await client.query(`truncate ${tables.map(({ name }) => name).join(', ')}`)
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const [, table, row] = /^([a-z_]+)\t(.*)$/s.exec(line) ?? []
    if (table === undefined || row === undefined) throw new Error(`${file} has a line that is no row: ${line}`)
    const columns = Object.keys(JSON.parse(row) as object)
      .map((column) => `"${column}"`)
      .join(', ')
    await client.query(
      `insert into "${table}" (${columns}) overriding system value select ${columns} from json_populate_record(null::"${table}", $1)`,
      [row],
    )
  }
  for (const { table, name, definition } of keys)
    await client.query(`alter table ${table} add constraint "${name}" ${definition}`)
  // What the database gives out next must not be taken.
  const { rows: serials } = await client.query<{ table: string; column: string }>(
    `select attrelid::regclass::text as table, attname as column from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'public'::regnamespace and a.attidentity <> ''`,
  )
  for (const { table, column } of serials)
    await client.query(
      `select setval(pg_get_serial_sequence($1, $2), (select coalesce(max("${column}"), 0) + 1 from ${table}), false)`,
      [table, column],
    )
  await client.query(`select setval('experiment_id', (select max(id) + 1 from experiment), false)`)
  await client.query('commit')
}
