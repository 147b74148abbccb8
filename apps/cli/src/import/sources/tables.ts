import { cliError } from '../../errors.ts'

export type Value = string | number | null

/** A connection to an MLflow's database that only reads. */
export interface Tables {
  readonly name: string
  /** `sql` with `?` for each value; a list of texts is written `in (?)` and given as an array. */
  rows(sql: string, ...values: readonly (string | number | readonly string[])[]): Promise<Value[][]>
  /** Column names of a table; none when there is no such table. */
  columns(table: string): Promise<ReadonlySet<string>>
  close(): Promise<void>
}

/** Tables of MLflow 3.0 and later; earlier ones lack them. */
const NEEDED = [
  'experiments',
  'runs',
  'metrics',
  'params',
  'tags',
  'inputs',
  'logged_models',
  'registered_model_aliases',
]

/** @throws WRONG_SOURCE for a database that is none of MLflow's, or of one before 3.0 */
export async function checkSchema(tables: Tables): Promise<void> {
  const missing: string[] = []
  for (const table of NEEDED) if ((await tables.columns(table)).size === 0) missing.push(table)
  if (missing.includes('experiments') || missing.includes('runs')) {
    throw cliError('WRONG_SOURCE', tables.name, 'it holds no tables of MLflow')
  }
  if (missing.length > 0) {
    throw cliError(
      'WRONG_SOURCE',
      tables.name,
      `it was written by an MLflow before 3.0 (no table ${missing.join(', ')}). Bring it up to date first: mlflow db upgrade, by MLflow 3.17.2, on a copy`,
    )
  }
}
