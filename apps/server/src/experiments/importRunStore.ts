import type { RunContent, Series } from '@tidemark/mlflow-protocol/checksum'
import type pg from 'pg'
import { type Queryable, runPrepared, type Statement, sql, type Tx } from '../platform/index.ts'
import { addPoints, type RunPoints, removeRepeats, seriesOf } from './importPoints.ts'
import { deletedNow } from './importStore.ts'
import type { KeyNumbers } from './keys.ts'
import { unpackedRun } from './packedRun.ts'
import { type NumberedPoint, unpackPoints } from './points.ts'
import { countMoved } from './runCountStore.ts'
import { runsByNumber } from './runStore.ts'
import type { DatasetInput, KeyValue, RunInfo, RunModel } from './types.ts'

/** A run as it comes in from elsewhere: all of it at once, or a further part of its history. */
export interface WholeRun extends RunInfo {
  readonly parameters: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
  readonly inputs: readonly DatasetInput[]
  readonly models: readonly RunModel[]
  readonly metrics: readonly Series[]
  /** A history that is too long for one request comes in parts. */
  readonly part: 'whole' | 'more follows' | 'last'
}

/** Which of these runs are here, and in which experiment. */
export async function runsHere(
  tx: Queryable,
  workspace: string,
  ids: readonly string[],
): Promise<Map<string, { experiment: number }>> {
  const { rows } = await sql<{ id: string; experiment: number }>`
    select id, experiment from run where workspace = ${workspace} and id = any (${ids}::text[])`.execute(tx)
  return new Map(rows.map(({ id, experiment }) => [id, { experiment }]))
}

/** Writes runs with all they have. One that is here takes the description of its source and gains what it lacks; nothing of it is removed. */
export async function putRuns(tx: Tx, keys: KeyNumbers, workspace: string, runs: readonly WholeRun[]): Promise<void> {
  const names = new Set(runs.flatMap((run) => [...run.parameters, ...run.tags, ...run.metrics].map(({ key }) => key)))
  const known = await keys.ensure(workspace, [...names])
  const { numbers, before } = await putInfos(tx, workspace, runs)
  const numberOf = (run: WholeRun) => numbers.get(run.id) ?? Number.NaN
  await putTexts(tx, 'run_parameter', runs, (run) => run.parameters, numberOf, known)
  await putTexts(tx, 'run_tag', runs, (run) => run.tags, numberOf, known)
  await putInputs(tx, workspace, runs)
  const points = runs.map((run): RunPoints => {
    const no = numberOf(run)
    return {
      run: no,
      experiment: run.experiment,
      series: run.metrics,
      // A part of a long history is not compared with all that came before it: readers leave out what is there twice.
      mayBeHere: before.has(no) && run.part === 'whole',
    }
  })
  await addPoints(
    tx,
    points.filter(({ series }) => series.length > 0),
    known,
  )
  for (const run of runs) if (run.part === 'last') await removeRepeats(tx, numberOf(run))
}

/** @returns the number of each run, and the numbers of those that were here before */
async function putInfos(
  tx: Tx,
  workspace: string,
  runs: readonly WholeRun[],
): Promise<{ numbers: Map<string, number>; before: Set<number> }> {
  const of = <T>(pick: (run: WholeRun) => T) => runs.map(pick)
  // Those that are here keep their stage of life until the statement that counts the change.
  await sql`select no from run where workspace = ${workspace} and id = any (${of((r) => r.id)}::text[]) order by no for update`.execute(
    tx,
  )
  const { rows } = await sql<{ id: string; no: number; before: boolean }>`
    with given as (
      select * from unnest(${of((r) => r.id)}::text[], ${of((r) => r.experiment)}::bigint[], ${of((r) => r.name)}::text[],
        ${of((r) => r.user)}::text[], ${of((r) => r.status)}::text[], ${of((r) => r.startMs)}::bigint[], ${of((r) => r.endMs)}::bigint[],
        ${of((r) => r.artifactUri)}::text[], ${of((r) => r.lifecycle)}::text[])
        r (id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri, lifecycle)
    ), written as (
      insert into run (workspace, id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri, lifecycle, deleted_ms)
      select ${workspace}, g.*, ${deletedNow} from given g
      on conflict (workspace, id) do update set name = excluded.name, user_id = excluded.user_id, status = excluded.status,
        start_ms = excluded.start_ms, end_ms = excluded.end_ms, lifecycle = excluded.lifecycle,
        deleted_ms = case when excluded.lifecycle = 'deleted' then coalesce(run.deleted_ms, excluded.deleted_ms) end
      returning id, no
    ), was as materialized (
      select r.no, r.workspace, r.experiment, r.lifecycle, g.lifecycle as to from given g
      join run r on r.workspace = ${workspace} and r.id = g.id where r.lifecycle <> g.lifecycle
    ), counted as (${countMoved(sql`was`, sql`was.to`)})
    -- The statement sees the table as it was before it.
    select w.id, w.no, exists (select 1 from run r where r.workspace = ${workspace} and r.id = w.id) as before from written w`.execute(
    tx,
  )
  return {
    numbers: new Map(rows.map(({ id, no }) => [id, no])),
    before: new Set(rows.filter((row) => row.before).map(({ no }) => no)),
  }
}

async function putTexts(
  tx: Tx,
  table: 'run_parameter' | 'run_tag',
  runs: readonly WholeRun[],
  pick: (run: WholeRun) => readonly KeyValue[],
  numberOf: (run: WholeRun) => number,
  known: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = runs.flatMap((run) =>
    pick(run).map(({ key, value }) => ({ run: numberOf(run), key: known.get(key), value })),
  )
  if (rows.length === 0) return
  await sql`
    insert into ${sql.table(table)} (run, key, value)
    select * from unnest(${rows.map((row) => row.run)}::bigint[], ${rows.map((row) => row.key)}::int[], ${rows.map((row) => row.value)}::text[])
    on conflict (run, key) do update set value = excluded.value`.execute(tx)
}

async function putInputs(tx: Tx, workspace: string, runs: readonly WholeRun[]): Promise<void> {
  const inputs = runs.flatMap((run) => run.inputs.map((input) => ({ run, input })))
  if (inputs.length > 0) {
    const of = <T>(pick: (row: (typeof inputs)[number]) => T) => inputs.map(pick)
    await sql`
      insert into run_dataset (workspace, experiment, name, digest, source_type, source, schema, profile)
      select ${workspace}, d.* from unnest(${of((r) => r.run.experiment)}::bigint[], ${of((r) => r.input.name)}::text[],
        ${of((r) => r.input.digest)}::text[], ${of((r) => r.input.sourceType)}::text[], ${of((r) => r.input.source)}::text[],
        ${of((r) => r.input.schema)}::text[], ${of((r) => r.input.profile)}::text[]) d
      on conflict do nothing`.execute(tx)
    await sql`
      insert into run_input (workspace, run, experiment, name, digest, tags)
      select ${workspace}, i.run, i.experiment, i.name, i.digest, i.tags::jsonb
      from unnest(${of((r) => r.run.id)}::text[], ${of((r) => r.run.experiment)}::bigint[], ${of((r) => r.input.name)}::text[],
        ${of((r) => r.input.digest)}::text[], ${of((r) => JSON.stringify(r.input.tags))}::text[]) i (run, experiment, name, digest, tags)
      on conflict (workspace, run, name, digest) do update set tags = excluded.tags`.execute(tx)
  }
  const models = runs.flatMap((run) => run.models.map((model) => ({ run: run.id, ...model })))
  if (models.length === 0) return
  await sql`
    insert into run_model (workspace, run, role, model, step)
    select ${workspace}, m.* from unnest(${models.map((m) => m.run)}::text[], ${models.map((m) => m.role)}::text[],
      ${models.map((m) => m.model)}::text[], ${models.map((m) => m.step)}::bigint[]) m
    on conflict (workspace, run, role, model) do update set step = excluded.step`.execute(tx)
}

const HISTORIES: Statement = {
  name: 'whole-histories',
  text: `
    select run, points from metric_chunk where run = any ($1::bigint[])
    union all
    select run, points from metric_log where run = any ($1::bigint[])`,
}

/** Runs as they stand here, deleted ones too, each with every point ever logged. */
export async function wholeRuns(
  pool: pg.Pool,
  keys: KeyNumbers,
  workspace: string,
  ids: readonly string[],
): Promise<RunContent[]> {
  const { rows } = await pool.query<{ no: number; id: string }>(
    'select no, id from run where workspace = $1 and id = any ($2::text[])',
    [workspace, ids],
  )
  const numbers = rows.map(({ no }) => no)
  const runs = await runsByNumber(pool, keys, workspace, numbers, null)
  const histories = await historiesOf(pool, numbers)
  const used = new Set<number>()
  for (const points of histories.values()) for (const { key } of points) used.add(key)
  await keys.load(used)
  const numberOf = new Map(rows.map(({ no, id }) => [id, no]))
  return runs.map((run) => ({
    ...unpackedRun(run, keys),
    metrics: seriesOf(histories.get(numberOf.get(run.id) ?? Number.NaN) ?? [], keys),
  }))
}

async function historiesOf(pool: pg.Pool, runs: readonly number[]): Promise<Map<number, NumberedPoint[]>> {
  const rows = await runPrepared<{ run: number; points: Buffer }>(pool, HISTORIES, [runs])
  const histories = new Map<number, NumberedPoint[]>()
  for (const { run, points } of rows) {
    const into = histories.get(run) ?? []
    histories.set(run, into)
    unpackPoints(points, into)
  }
  return histories
}
