import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { cliError } from '../../errors.ts'
import type { Tables, Value } from './tables.ts'

/**
 * Opens the database file of an MLflow for reading alone; a server may go on writing it.
 * @param address `sqlite:/path`, or with the slashes of SQLAlchemy: `sqlite:///relative`, `sqlite:////absolute`
 * @throws WRONG_SOURCE
 */
export function openSqlite(address: string): Tables {
  const file = address.replace(/^sqlite:/, '').replace(/^\/\/\/(?=.)/, '')
  if (!existsSync(file)) throw cliError('WRONG_SOURCE', address, 'there is no such file')
  let database: DatabaseSync
  try {
    database = new DatabaseSync(file, { readOnly: true })
    database.exec('pragma busy_timeout = 10000')
    database.prepare('select count(*) from sqlite_master').get()
  } catch (error) {
    throw cliError('WRONG_SOURCE', address, error instanceof Error ? error.message : String(error))
  }
  return {
    name: address,
    async rows(sql, ...values) {
      const lists = sql.replaceAll('in (?)', 'in (select value from json_each(?))')
      const statement = database.prepare(lists)
      statement.setReturnArrays(true)
      const given = values.map((value) => (typeof value === 'object' ? JSON.stringify(value) : value))
      return statement.all(...given) as unknown as Value[][]
    },
    async columns(table) {
      const rows = database.prepare('select name from pragma_table_info(?)').all(table)
      return new Set(rows.map((row) => String(row.name)))
    },
    close: async () => database.close(),
  }
}
