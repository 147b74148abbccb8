import pg from 'pg'
import { cliError } from '../../errors.ts'
import type { Tables, Value } from './tables.ts'

// bigint arrives as text by default. Numbers beyond 2^53 are left out by the questions themselves.
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)
types.setTypeParser(pg.types.builtins.NUMERIC, Number)
types.setTypeParser(pg.types.builtins.BOOL, (text: string) => (text === 't' ? 1 : 0))

/**
 * Opens the PostgreSQL database of an MLflow in one read-only transaction: all is read as of one instant, whatever is written meanwhile.
 * @param address as MLflow takes it, with or without the driver in `postgresql+psycopg2://`
 * @throws WRONG_SOURCE
 */
export async function openPostgres(address: string): Promise<Tables> {
  const url = new URL(address.replace(/^postgres(ql)?(\+\w+)?:/, 'postgresql:'))
  const client = new pg.Client({ connectionString: url.href, application_name: 'tidemark-import' })
  const name = `postgresql://${url.host}${url.pathname}`
  // A connection that breaks between two questions is told by the next one.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('begin transaction isolation level repeatable read read only')
  } catch (error) {
    throw cliError('WRONG_SOURCE', name, error instanceof Error ? error.message : String(error))
  }
  const columns = new Map<string, ReadonlySet<string>>()
  return {
    name,
    async rows(sql, ...values) {
      let place = 0
      const text = sql.replaceAll(/in \(\?\)|\?/g, (found) => {
        place += 1
        return found === '?' ? `$${place}` : `= any ($${place}::text[])`
      })
      const { rows } = await client.query<Value[]>({ text, values: [...values], rowMode: 'array', types })
      return rows
    },
    async columns(table) {
      const known = columns.get(table)
      if (known) return known
      const { rows } = await client.query<{ column_name: string }>(
        'select column_name from information_schema.columns where table_schema = any (current_schemas(false)) and table_name = $1',
        [table],
      )
      const found = new Set(rows.map((row) => row.column_name))
      columns.set(table, found)
      return found
    },
    close: () => client.end(),
  }
}
