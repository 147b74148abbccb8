import { type Queryable, sql, type Tx } from '../platform/index.ts'
import { countDropped, countExperimentDropped } from './runCountStore.ts'

// What was deleted softly, and its deletion for good. Folders of files are addresses without their scheme; "0" is the character after "/".

/** What may be deleted for good, and where its files lie. */
export interface Doomed {
  readonly id: string
  readonly folder: string
}

/** A run among them, by its number. */
export interface DoomedRun extends Doomed {
  readonly no: number
}

export interface Files {
  readonly files: number
  readonly bytes: number
}

/** Which of what was deleted: until an instant (milliseconds since 1970), of one experiment when that is given. */
export interface Which {
  readonly untilMs: number
  readonly experiment: number | null
}

// `mlflow-artifacts:/1/RUN/artifacts` keeps its files below `1/RUN`.
const FOLDER = sql.raw(`regexp_replace(regexp_replace(artifact_uri, '^mlflow-artifacts:/', ''), '/artifacts$', '')`)
/** Clients expect the default experiment to be there. */
const DEFAULT = 0

/** Experiments that are due, the oldest first. */
export async function dueExperiments(
  db: Queryable,
  workspace: string,
  { untilMs, experiment }: Which,
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from experiment where workspace = ${workspace} and lifecycle = 'deleted' and deleted_ms <= ${untilMs} and id <> ${DEFAULT}
      and (${experiment}::bigint is null or id = ${experiment}) order by id`.execute(db)
  return rows.map(({ id }) => id)
}

/** A batch of runs that are due, by number after `after`; with `all` those of an experiment whatever their own life. They stay locked. */
export async function dueRuns(
  tx: Tx,
  workspace: string,
  which: Which & { readonly all: boolean },
  after: number,
  limit: number,
): Promise<DoomedRun[]> {
  const { rows } = await sql<DoomedRun>`
    select no, id, ${FOLDER} as folder from run
    where workspace = ${workspace} and no > ${after} and (${which.experiment}::bigint is null or experiment = ${which.experiment})
      and (${which.all} or (lifecycle = 'deleted' and deleted_ms <= ${which.untilMs}))
    order by no limit ${limit} for update`.execute(tx)
  return rows
}

/** The same of logged models, by id. */
export async function dueLoggedModels(
  tx: Tx,
  workspace: string,
  which: Which & { readonly all: boolean },
  after: string,
  limit: number,
): Promise<Doomed[]> {
  const { rows } = await sql<Doomed>`
    select id, ${FOLDER} as folder from logged_model
    where workspace = ${workspace} and id > ${after} and (${which.experiment}::bigint is null or experiment = ${which.experiment})
      and (${which.all} or (lifecycle = 'deleted' and deleted_ms <= ${which.untilMs}))
    order by id limit ${limit} for update`.execute(tx)
  return rows
}

/** The stage of life of a run, locked, with what its deletion needs; null when there is none. */
export async function lockRun(
  tx: Tx,
  workspace: string,
  id: string,
): Promise<(DoomedRun & { readonly lifecycle: 'active' | 'deleted' }) | null> {
  const { rows } = await sql<DoomedRun & { lifecycle: 'active' | 'deleted' }>`
    select no, id, ${FOLDER} as folder, lifecycle from run where workspace = ${workspace} and id = ${id} for update`.execute(
    tx,
  )
  return rows[0] ?? null
}

export async function lockExperiment(
  tx: Tx,
  workspace: string,
  id: number,
): Promise<{ readonly lifecycle: 'active' | 'deleted' } | null> {
  const { rows } = await sql<{ lifecycle: 'active' | 'deleted' }>`
    select lifecycle from experiment where workspace = ${workspace} and id = ${id} for update`.execute(tx)
  return rows[0] ?? null
}

/** Logged models that come from runs, by their runs. */
export async function modelsOfRuns(
  db: Queryable,
  workspace: string,
  runs: readonly string[],
): Promise<{ readonly id: string; readonly run: string }[]> {
  const { rows } = await sql<{ id: string; run: string }>`
    select id, source_run as run from logged_model where workspace = ${workspace} and source_run = any (${runs}::text[])`.execute(
    db,
  )
  return rows
}

/** Deletes runs with everything that was logged to them. @returns the files that went with them. */
export async function dropRuns(tx: Tx, workspace: string, runs: readonly DoomedRun[]): Promise<Files> {
  const numbers = runs.map(({ no }) => no)
  for (const table of ['run_tag', 'run_parameter', 'latest_metric', 'metric_log', 'metric_chunk'])
    await sql`delete from ${sql.raw(table)} where run = any (${numbers}::bigint[])`.execute(tx)
  const ids = runs.map(({ id }) => id)
  for (const table of ['run_input', 'run_model'])
    await sql`delete from ${sql.raw(table)} where workspace = ${workspace} and run = any (${ids}::text[])`.execute(tx)
  await sql`
    with gone as (delete from run where no = any (${numbers}::bigint[]) returning no, workspace, experiment, lifecycle)
    ${countDropped(sql`gone`)}`.execute(tx)
  return dropFiles(
    tx,
    workspace,
    runs.map(({ folder }) => folder),
  )
}

export async function dropLoggedModels(tx: Tx, workspace: string, models: readonly Doomed[]): Promise<Files> {
  const ids = models.map(({ id }) => id)
  for (const table of ['logged_model_tag', 'logged_model_parameter', 'logged_model_metric'])
    await sql`delete from ${sql.raw(table)} where workspace = ${workspace} and model = any (${ids}::text[])`.execute(tx)
  await sql`delete from logged_model where workspace = ${workspace} and id = any (${ids}::text[])`.execute(tx)
  return dropFiles(
    tx,
    workspace,
    models.map(({ folder }) => folder),
  )
}

/** Deletes an experiment that holds nothing any more, and frees its name. @returns null, and nothing is done, when it holds something. */
export async function dropExperiment(tx: Tx, workspace: string, id: number): Promise<Files | null> {
  const { rows } = await sql`
    select 1 from run where workspace = ${workspace} and experiment = ${id}
    union all select 1 from logged_model where workspace = ${workspace} and experiment = ${id} limit 1`.execute(tx)
  if (rows.length > 0) return null
  for (const table of ['run_dataset', 'experiment_tag'])
    await sql`delete from ${sql.raw(table)} where workspace = ${workspace} and experiment = ${id}`.execute(tx)
  await countExperimentDropped(tx, workspace, id)
  const dropped = await sql<{ location: string }>`
    delete from experiment where workspace = ${workspace} and id = ${id} returning artifact_location as location`.execute(
    tx,
  )
  // A folder with a name of its own may be another experiment's, too.
  const own = dropped.rows[0]?.location === `mlflow-artifacts:/${id}`
  return own ? dropFiles(tx, workspace, [String(id)]) : { files: 0, bytes: 0 }
}

/** Takes names away below folders, and the promise that nothing changes there. */
async function dropFiles(tx: Tx, workspace: string, folders: readonly string[]): Promise<Files> {
  const below = sql`
    using unnest(${folders}::text[]) d (folder) where t.workspace = ${workspace}
      and t.path > (d.folder || '/') collate "C" and t.path < (d.folder || '0') collate "C"`
  await sql`delete from frozen_folder t ${below}`.execute(tx)
  const { rows } = await sql<Files>`
    with dropped as (delete from artifact t ${below} returning t.bytes)
    select count(*) as files, coalesce(sum(bytes), 0)::bigint as bytes from dropped`.execute(tx)
  return rows[0] ?? { files: 0, bytes: 0 }
}

/** Lets folders change again whose last version is gone. */
export async function thaw(tx: Tx, workspace: string, folders: readonly string[]): Promise<void> {
  await sql`delete from frozen_folder where workspace = ${workspace} and path = any (${folders}::text[])`.execute(tx)
}

export interface Due extends Files {
  readonly experiments: number
  readonly runs: number
  readonly loggedModels: number
}

/** What a deletion would take, without what versions come from (`held`). */
export async function countDue(
  db: Queryable,
  workspace: string,
  { untilMs, experiment }: Which,
  held: { readonly runs: readonly string[]; readonly models: readonly string[] },
): Promise<Due> {
  const { rows } = await sql<Due>`
    with gone as materialized (
      select id from experiment where workspace = ${workspace} and lifecycle = 'deleted' and deleted_ms <= ${untilMs} and id <> ${DEFAULT}
        and (${experiment}::bigint is null or id = ${experiment})
    ), held_model as materialized (
      select id, source_run, experiment from logged_model where workspace = ${workspace} and id = any (${held.models}::text[])
    ), held_run as materialized (
      select id, experiment from run where workspace = ${workspace}
        and (id = any (${held.runs}::text[]) or id in (select source_run from held_model))
    ), due_run as materialized (
      select ${FOLDER} as folder from run where workspace = ${workspace} and (${experiment}::bigint is null or experiment = ${experiment})
        and (experiment in (select id from gone) or (lifecycle = 'deleted' and deleted_ms <= ${untilMs}))
        and id not in (select id from held_run)
    ), due_model as materialized (
      select ${FOLDER} as folder from logged_model where workspace = ${workspace} and (${experiment}::bigint is null or experiment = ${experiment})
        and (experiment in (select id from gone) or (lifecycle = 'deleted' and deleted_ms <= ${untilMs}))
        and id not in (select id from held_model)
    ), file as (
      select a.bytes from (select folder from due_run union all select folder from due_model) d
      join artifact a on a.workspace = ${workspace} and a.path > (d.folder || '/') collate "C" and a.path < (d.folder || '0') collate "C"
    )
    select (select count(*) from gone where id not in (select experiment from held_run union select experiment from held_model)) as experiments,
      (select count(*) from due_run) as runs, (select count(*) from due_model) as "loggedModels",
      (select count(*) from file) as files, (select coalesce(sum(bytes), 0)::bigint from file) as bytes`.execute(db)
  return rows[0] ?? { experiments: 0, runs: 0, loggedModels: 0, files: 0, bytes: 0 }
}

/** Runs and logged models that would be due, were it not that versions come from them; `most` at most. */
export async function heldAmong(
  db: Queryable,
  workspace: string,
  { untilMs, experiment, all }: Which & { readonly all: boolean },
  held: { readonly runs: readonly string[]; readonly models: readonly string[] },
  most: number,
): Promise<{ readonly kind: 'run' | 'loggedModel'; readonly id: string }[]> {
  const due = sql`workspace = ${workspace} and (${experiment}::bigint is null or experiment = ${experiment})
    and (${all} or (lifecycle = 'deleted' and deleted_ms <= ${untilMs}))`
  const { rows } = await sql<{ kind: 'run' | 'loggedModel'; id: string }>`
    select 'run' as kind, id from run where ${due} and (id = any (${held.runs}::text[])
      or id in (select source_run from logged_model where workspace = ${workspace} and id = any (${held.models}::text[])))
    union all select 'loggedModel', id from logged_model where ${due} and id = any (${held.models}::text[])
    limit ${most}`.execute(db)
  return rows
}
