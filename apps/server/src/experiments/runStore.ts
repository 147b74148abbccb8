import type { RunStatusName } from '@tidemark/mlflow-protocol'
import type pg from 'pg'
import { type Queryable, runPrepared, runWithin, type Statement, sql, type Tx } from '../platform/index.ts'
import type { KeyNumbers } from './keys.ts'
import { keysOf, type PackedRun, type RunInfoRow, runInfoOf, unpackedRun } from './packedRun.ts'
import { countMoved } from './runCountStore.ts'
import type { DatasetInput, KeyValue, Lifecycle, Run, RunInfo, RunModel } from './types.ts'

const RUN_INFO =
  'r.no, r.id, r.experiment, r.name, r.user_id, r.status, r.start_ms, r.end_ms, r.artifact_uri, r.lifecycle'

// Packed by the database, as packedRun.ts reads it: JSON costs it three times as much to write, and us to read.
const packedTexts = (table: string, alias: string, more: string) => `
  (select string_agg(int4send(${alias}.key) || int4send(octet_length(${alias}.value)) || textsend(${alias}.value), ''::bytea)
   from ${table} ${alias} where ${alias}.run = r.no ${more})`

/** Everything that lists show of a run in one row, so that a page of runs is one round trip. `of` limits each list to some keys. */
function runColumns(of: { metrics: string; parameters: string; tags: string } | null): string {
  return `${RUN_INFO},
  (select string_agg(int4send(m.key) || float8send(m.value) || int8send(m.at_ms) || int8send(m.step), ''::bytea)
   from latest_metric m where m.run = r.no ${of?.metrics ?? ''}) as metrics,
  ${packedTexts('run_parameter', 'p', of?.parameters ?? '')} as parameters,
  ${packedTexts('run_tag', 't', of?.tags ?? '')} as tags,
  ${
    of
      ? 'null as inputs, null as models'
      : `(select json_agg(json_build_object('name', d.name, 'digest', d.digest, 'sourceType', d.source_type, 'source', d.source,
     'schema', d.schema, 'profile', d.profile, 'tags', i.tags))
   from run_input i join run_dataset d using (workspace, experiment, name, digest)
   where i.workspace = r.workspace and i.run = r.id) as inputs,
  (select json_agg(json_build_object('role', o.role, 'model', o.model, 'step', o.step) order by o.position)
   from run_model o where o.workspace = r.workspace and o.run = r.id) as models`
  }`
}

const RUN_BY_ID: Statement = {
  name: 'run-by-id',
  text: `select ${runColumns(null)} from run r where r.workspace = $1 and r.id = $2`,
}
const RUNS_BY_NUMBER: Statement = {
  name: 'runs-by-number',
  text: `
    select ${runColumns(null)} from unnest($1::bigint[]) with ordinality g (no, place) join run r on r.no = g.no order by g.place`,
}
const RUNS_PROJECTED: Statement = {
  name: 'runs-projected',
  text: `
    select ${runColumns({ metrics: 'and m.key = any ($2::int[])', parameters: 'and p.key = any ($3::int[])', tags: 'and t.key = any ($4::int[])' })}
    from unnest($1::bigint[]) with ordinality g (no, place) join run r on r.no = g.no order by g.place`,
}

/** Names of the values that a list shows; each list alone. */
export interface Columns {
  readonly metrics: readonly string[]
  readonly parameters: readonly string[]
  readonly tags: readonly string[]
}

async function withNames(runs: readonly PackedRun[], keys: KeyNumbers): Promise<readonly PackedRun[]> {
  await keys.load(keysOf(runs))
  return runs
}

export async function runInfo(on: Queryable, workspace: string, id: string): Promise<RunInfo | null> {
  const { rows } =
    await sql<RunInfoRow>`select ${sql.raw(RUN_INFO)} from run r where r.workspace = ${workspace} and r.id = ${id}`.execute(
      on,
    )
  return rows[0] ? runInfoOf(rows[0]) : null
}

/** One run with all that was logged to it. @param on a pool to read it alone, or a transaction */
export async function runById(
  on: pg.Pool | Queryable,
  keys: KeyNumbers,
  workspace: string,
  id: string,
): Promise<Run | null> {
  const values = [workspace, id]
  const rows = await ('totalCount' in on
    ? runPrepared<PackedRun>(on, RUN_BY_ID, values)
    : runWithin<PackedRun>(on, RUN_BY_ID, values))
  const [run] = await withNames(rows, keys)
  return run ? unpackedRun(run, keys) : null
}

/** Runs by their numbers, in the order given, the names of their keys loaded; with `columns` only those values, and neither inputs nor models. */
export async function runsByNumber(
  pool: pg.Pool,
  keys: KeyNumbers,
  workspace: string,
  numbers: readonly number[],
  columns: Columns | null,
): Promise<readonly PackedRun[]> {
  if (numbers.length === 0) return []
  if (!columns) return withNames(await runPrepared<PackedRun>(pool, RUNS_BY_NUMBER, [numbers]), keys)
  const { metrics, parameters, tags } = columns
  const known = await keys.find(workspace, [...metrics, ...parameters, ...tags])
  const of = (names: readonly string[]) => names.flatMap((name) => known.get(name) ?? [])
  const values = [numbers, of(metrics), of(parameters), of(tags)]
  return withNames(await runPrepared<PackedRun>(pool, RUNS_PROJECTED, values), keys)
}

const ADD_RUN: Statement = {
  name: 'add-run',
  text: `
    with within as (select id, artifact_location from experiment where workspace = $1 and id = $3 and lifecycle = 'active'),
    added as (
      insert into run (workspace, id, experiment, name, user_id, status, start_ms, artifact_uri)
      select $1, $2, id, $4, $5, $6, $7, artifact_location || '/' || $2 || '/artifacts' from within returning no, artifact_uri
    ), tags as (
      insert into run_tag (run, key, value) select a.no, t.key, t.value from added a, unnest($8::int[], $9::text[]) t (key, value)
    )
    select artifact_uri from added`,
}

/** Adds a run to an active experiment. @returns where its artifacts belong; null when there is no such active experiment. */
export async function addRun(
  pool: pg.Pool,
  keys: KeyNumbers,
  workspace: string,
  run: Pick<RunInfo, 'id' | 'experiment' | 'name' | 'user' | 'status' | 'startMs'>,
  tags: readonly KeyValue[],
): Promise<string | null> {
  const numbers = await keys.ensure(
    workspace,
    tags.map((tag) => tag.key),
  )
  const rows = await runPrepared<{ artifact_uri: string }>(pool, ADD_RUN, [
    workspace,
    run.id,
    run.experiment,
    run.name,
    run.user,
    run.status,
    run.startMs,
    tags.map((tag) => numbers.get(tag.key)),
    tags.map((tag) => tag.value),
  ])
  return rows[0]?.artifact_uri ?? null
}

const UPDATE_RUN: Statement = {
  name: 'update-run',
  text: `
    with r as (
      update run set status = coalesce($3::text, status), end_ms = coalesce($4::bigint, end_ms), name = coalesce($5::text, name)
      where workspace = $1 and id = $2 and lifecycle = 'active'
      returning *
    ), named as (
      insert into run_tag (run, key, value) select r.no, $6::int, r.name from r where $5::text is not null
      on conflict (run, key) do update set value = excluded.value
    )
    select ${RUN_INFO} from r`,
}

/** Changes what is given of an active run. @returns the run after it with its number, or null when there is no such active run. */
export async function updateRun(
  pool: pg.Pool,
  keys: KeyNumbers,
  workspace: string,
  id: string,
  change: { status?: RunStatusName | undefined; endMs?: number | undefined; name?: string | undefined },
): Promise<(RunInfo & { no: number }) | null> {
  const nameKey =
    change.name === undefined ? null : (await keys.ensure(workspace, ['mlflow.runName'])).get('mlflow.runName')
  const values = [workspace, id, change.status ?? null, change.endMs ?? null, change.name ?? null, nameKey ?? null]
  const [row] = await runPrepared<RunInfoRow>(pool, UPDATE_RUN, values)
  return row ? { ...runInfoOf(row), no: row.no } : null
}

export async function moveRun(
  tx: Queryable,
  workspace: string,
  id: string,
  lifecycle: Lifecycle,
  nowMs: number,
): Promise<boolean> {
  const { rows } = await sql`
    with was as materialized (
      select no, workspace, experiment, lifecycle from run where workspace = ${workspace} and id = ${id} for update
    ), moved as (
      update run set lifecycle = ${lifecycle}, deleted_ms = case when ${lifecycle} = 'deleted' then coalesce(deleted_ms, ${nowMs}::bigint) end
      from was where run.no = was.no returning run.id
    ), counted as (${countMoved(sql`was`, sql`${lifecycle}::text`)})
    select id from moved`.execute(tx)
  return rows.length > 0
}

export async function removeTag(tx: Queryable, workspace: string, id: string, key: string): Promise<boolean> {
  const { rows } = await sql`
    delete from run_tag t using run r, run_key k
    where r.workspace = ${workspace} and r.id = ${id} and k.workspace = ${workspace} and k.key = ${key} and t.run = r.no and t.key = k.no
    returning t.key`.execute(tx)
  return rows.length > 0
}

/** Adds data sets and the run's use of them; what is there already stays as it is. */
export async function addInputs(
  tx: Tx,
  workspace: string,
  run: RunInfo,
  inputs: readonly DatasetInput[],
  models: readonly RunModel[],
): Promise<void> {
  for (const input of inputs) {
    await sql`
      with known as (
        insert into run_dataset (workspace, experiment, name, digest, source_type, source, schema, profile)
        values (${workspace}, ${run.experiment}, ${input.name}, ${input.digest}, ${input.sourceType}, ${input.source}, ${input.schema}, ${input.profile})
        on conflict do nothing
      )
      insert into run_input (workspace, run, experiment, name, digest, tags)
      values (${workspace}, ${run.id}, ${run.experiment}, ${input.name}, ${input.digest}, ${JSON.stringify(input.tags)}::jsonb)
      on conflict do nothing`.execute(tx)
  }
  for (const model of models) {
    await sql`
      insert into run_model (workspace, run, role, model, step) values (${workspace}, ${run.id}, ${model.role}, ${model.model}, ${model.step})
      on conflict (workspace, run, role, model) do update set step = excluded.step`.execute(tx)
  }
}
