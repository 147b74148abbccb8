import { type Queryable, sql } from './db.ts'

/**
 * What a column has to do with blobs. `is`: it holds one digest, and keeps that blob alive. `holds`: digests stand anywhere in it (JSON), and
 * each keeps its blob alive. Else the reason why what looks like a digest there keeps nothing.
 */
export type BlobColumn = 'is' | 'holds' | { readonly not: string }

/** What each column that could name blobs means, as `table.column`. Every module declares its own beside its tables. */
export type BlobColumns = Readonly<Record<string, BlobColumn>>

/** Reasons that many columns share. */
export const NO_DIGESTS: BlobColumn = { not: 'holds no digests' }
export const OF_OTHERS: BlobColumn = { not: 'names what another column owns' }

/** The tables that keep blobs, as one relation of `workspace` and `digest`; both may come more than once. */
export function owners(columns: BlobColumns) {
  const parts = Object.entries(columns).flatMap(([name, meaning]) => {
    const [table = '', column = ''] = name.split('.')
    const value = sql.ref(column)
    const from = sql.table(table)
    if (meaning === 'is') return [sql`select workspace, ${value} as digest from ${from} where ${value} is not null`]
    if (meaning !== 'holds') return []
    return [
      sql`select workspace, m.found[1] as digest from ${from}, regexp_matches(${value}::text, 'sha256:[0-9a-f]{64}', 'g') m (found)`,
    ]
  })
  return sql`(${sql.join(parts, sql` union all `)})`
}

// By name, or because JSON may hold anything.
const SUSPECT = '(digest|blob|lock|patch|sha|hash|canonical)'

/** Columns of the database that may name blobs, and of which no module says what they mean. */
export async function undeclaredColumns(db: Queryable, columns: BlobColumns): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.table_name || '.' || c.column_name as name from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'public' and t.table_type = 'BASE TABLE'
      and (c.data_type in ('json', 'jsonb') or (c.column_name ~ ${SUSPECT} and c.data_type in ('text', 'bytea', 'ARRAY')))
    order by 1`.execute(db)
  return rows.map(({ name }) => name).filter((name) => !Object.hasOwn(columns, name))
}

/** Declared columns that the database does not have. */
export async function missingColumns(db: Queryable, columns: BlobColumns): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'`.execute(
    db,
  )
  const known = new Set(rows.map(({ name }) => name))
  return Object.keys(columns).filter((name) => !known.has(name))
}
