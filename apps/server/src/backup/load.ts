import { finished } from 'node:stream/promises'
import type { Client } from 'pg'
import { columnList, constraintsOf, indexesOf, quoted, type Table, tablesOf } from './catalog.ts'
import { CopyIn } from './copy.ts'
import { EXACT, JOB_COLUMNS } from './dump.ts'
import { BackupDamaged } from './errors.ts'
import type { Manifest, Part } from './manifest.ts'
import { readPart } from './parts.ts'

/**
 * Fills a database that has the schema of the backup, in one transaction. Keys and indexes are put back at the end: built at once they cost half
 * of it, and foreign keys are checked then. Only a superuser could switch those off, and neither our role nor that of a hosted server is one.
 */
export async function loadDatabase(client: Client, folder: string, manifest: Manifest): Promise<void> {
  for (const setting of [...EXACT, "set maintenance_work_mem to '256MB'"]) await client.query(setting)
  await client.query('begin')
  const present = new Map((await tablesOf(client)).map((table) => [table.name, table]))
  const foreign = await constraintsOf(client, ['f'])
  const keys = await constraintsOf(client, ['p', 'u'])
  const indexes = await indexesOf(client)
  for (const { drop } of [...foreign, ...keys, ...indexes]) await client.query(drop)
  // What the migrations themselves put in is in the backup too.
  await client.query(`truncate ${[...present.keys()].map(quoted).join(', ')}`)
  for (const name of present.keys()) await client.query(`alter table ${quoted(name)} disable trigger user`)

  for (const { name, columns, rows, part } of manifest.tables) {
    requireColumns(present.get(name), name, columns)
    const taken = await copyIn(client, `${quoted(name)} (${columnList(columns)})`, folder, part)
    if (taken !== rows) throw BackupDamaged(part.file, `holds ${taken} rows instead of ${rows}`)
  }
  for (const { name, lastValue, called } of manifest.sequences) {
    await client.query('select setval($1::regclass, $2::bigint, $3)', [quoted(name), lastValue, called])
  }
  for (const { add } of [...keys, ...indexes, ...foreign]) await client.query(add)
  for (const name of present.keys()) await client.query(`alter table ${quoted(name)} enable trigger user`)
  await loadJobs(client, folder, manifest)
  await client.query('commit')
  // Without statistics the first searches would plan for empty tables.
  await client.query('analyze')
}

/** @throws BackupDamaged when the migrations that the backup names did not make the table that it holds. */
function requireColumns(table: Table | undefined, name: string, columns: readonly string[]): void {
  const unknown = columns.find((column) => !table?.columns.includes(column))
  if (!table || unknown !== undefined)
    throw BackupDamaged(
      'manifest.json',
      `names ${table ? `a column ${name}.${unknown}` : `a table ${name}`} that its migrations do not make`,
    )
}

async function copyIn(client: Client, into: string, folder: string, part: Part): Promise<number> {
  const target = new CopyIn(client, into)
  const taken = finished(target)
  await Promise.all([readPart(folder, part, target), taken])
  return target.rows
}

/** Queues the jobs anew. One that was under way is queued again, as after a crash; one that was given up stays so. */
async function loadJobs(client: Client, folder: string, { jobs }: Manifest): Promise<void> {
  await client.query(`
    create temporary table restored_job (
      position bigint generated always as identity, job bigint, task text, payload json, queue text, run_at timestamptz,
      max_attempts int, key text, priority int, attempts int, last_error text) on commit drop`)
  const taken = await copyIn(client, `restored_job (${JOB_COLUMNS.join(', ')})`, folder, jobs.part)
  if (taken !== jobs.count) throw BackupDamaged(jobs.part.file, `holds ${taken} jobs instead of ${jobs.count}`)
  await client.query(`
    update restored_job r set job = added.id from (
      select position, (graphile_worker.add_job(task, payload, queue, run_at, max_attempts, key, priority)).id as id
      from (select * from restored_job order by position) o
    ) added where added.position = r.position`)
  await client.query(`
    update graphile_worker._private_jobs j set attempts = r.attempts, last_error = r.last_error
    from restored_job r where r.job = j.id and r.attempts > 0`)
}
