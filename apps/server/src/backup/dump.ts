import { Readable } from 'node:stream'
import type { Client } from 'pg'
import { columnList, migrationsOf, quoted, sequencesOf, tablesOf } from './catalog.ts'
import { CopyOut } from './copy.ts'
import type { Manifest } from './manifest.ts'
import { writePart } from './parts.ts'

/** Jobs in a form that does not depend on the queue's own tables, which change with its releases. */
export const JOB_COLUMNS = [
  'task',
  'payload',
  'queue',
  'run_at',
  'max_attempts',
  'key',
  'priority',
  'attempts',
  'last_error',
] as const

const JOBS = `(
  select t.identifier, j.payload, q.queue_name, j.run_at, j.max_attempts, j.key, j.priority, j.attempts, j.last_error
  from graphile_worker._private_jobs j
    join graphile_worker._private_tasks t on t.id = j.task_id
    left join graphile_worker._private_job_queues q on q.id = j.job_queue_id
  order by j.id)`

const BLOBS = `(select json_build_object('digest', digest, 'bytes', max(bytes)) from blob_grant group by digest order by digest)`

type Dumped = Pick<Manifest, 'postgres' | 'lastPosition' | 'migrations' | 'tables' | 'sequences' | 'jobs' | 'blobs'>

/** Text that reads back as the same value on every server: times in UTC, doubles with all their digits. */
export const EXACT = [
  "set timezone to 'UTC'",
  "set datestyle to 'ISO, YMD'",
  "set intervalstyle to 'postgres'",
  "set bytea_output to 'hex'",
  'set extra_float_digits to 1',
  "set client_encoding to 'UTF8'",
  'set standard_conforming_strings to on',
  'set statement_timeout to 0',
  'set lock_timeout to 0',
  'set idle_in_transaction_session_timeout to 0',
]

/**
 * Writes every table, the queue's jobs and the list of blobs as they were at one instant, while others go on writing. Rows stream: none is kept.
 */
export async function dumpDatabase(client: Client, folder: string): Promise<Dumped> {
  for (const setting of [...EXACT, 'set synchronize_seqscans to off']) await client.query(setting)
  await client.query('begin isolation level repeatable read, read only')
  const tables = await tablesOf(client)
  // A migration or a TRUNCATE in the middle would take rows away that the snapshot still has.
  const all = tables.map(({ name }) => quoted(name)).join(', ')
  await client.query(`lock table ${all}, schema_migration in access share mode`)

  const dumped: Manifest['tables'] = []
  for (const { name, columns } of tables) {
    const rows = new CopyOut(client, `${quoted(name)} (${columnList(columns)})`)
    const part = await writePart(folder, `table.${name}.copy.zst`, rows)
    dumped.push({ name, columns: [...columns], rows: rows.rows, part })
  }
  const jobs = new CopyOut(client, JOBS)
  const jobPart = await writePart(folder, 'jobs.copy.zst', jobs)
  // Its text is JSON without a character that COPY escapes.
  const blobs = new CopyOut(client, BLOBS)
  const blobPart = await writePart(folder, 'blobs.jsonl.zst', blobs)
  const totals = await client.query<{ bytes: string; position: string; version: string }>(
    `select (select coalesce(sum(bytes), 0) from (select max(bytes) as bytes from blob_grant group by digest) b)::text as bytes,
       (select position from event_head)::text as position, current_setting('server_version') as version`,
  )
  const { bytes, position, version } = totals.rows[0] ?? { bytes: '0', position: '0', version: '' }
  const migrations = await migrationsOf(client)
  const sequences = await sequencesOf(client)
  await client.query('commit')
  return {
    postgres: version,
    lastPosition: Number(position),
    migrations,
    tables: dumped,
    sequences,
    jobs: { count: jobs.rows, part: jobPart },
    blobs: { count: blobs.rows, bytes: Number(bytes), part: blobPart },
  }
}

/** Lines of a list, as the content of a part. */
export function lines(list: AsyncIterable<unknown> | Iterable<unknown>): Readable {
  return Readable.from(
    (async function* () {
      for await (const item of list) yield Buffer.from(`${JSON.stringify(item)}\n`)
    })(),
    { objectMode: false },
  )
}
