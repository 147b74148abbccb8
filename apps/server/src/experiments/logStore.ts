import type pg from 'pg'
import { type Queryable, runPrepared, runWithin, type Statement, sql } from '../platform/index.ts'
import type { KeyNumbers } from './keys.ts'
import { byStep, type NumberedPoint, packPoints } from './points.ts'
import type { KeyValue, Lifecycle, LoggedMetric, MetricPoint } from './types.ts'

/** A parameter that was asked to change: what it is, what it should have become. */
export interface ParameterClash {
  readonly key: string
  readonly old_value: string
  readonly new_value: string
}

export interface LogOutcome {
  /** null: there is no such run. Nothing was written unless it is active and no parameter clashes. */
  readonly lifecycle: Lifecycle | null
  readonly clashes: readonly ParameterClash[]
  /** The run's number, where it was found. */
  readonly no: number | null
}

/** Metrics for one run, as they were logged. */
export interface RunMetrics {
  readonly workspace: string
  readonly run: string
  readonly metrics: readonly MetricPoint[]
}

// Later by step, then time, then value; a NaN counts as 0 there, as in MLflow.
export const UPSERT_LATEST = `
  on conflict (run, key) do update set at_ms = excluded.at_ms, step = excluded.step, value = excluded.value
  where (excluded.step, excluded.at_ms, coalesce(nullif(excluded.value, 'NaN'), 0)) >
    (latest_metric.step, latest_metric.at_ms, coalesce(nullif(latest_metric.value, 'NaN'), 0))`

const LOG_METRICS: Statement = {
  name: 'log-metrics',
  text: `
    with given as (
      select * from unnest($1::text[], $2::text[], $3::bytea[]) with ordinality g (workspace, id, points, place)
    ), target as (
      select g.place, g.points, r.no, r.experiment, r.lifecycle from given g join run r on r.workspace = g.workspace and r.id = g.id
    ), log as (
      insert into metric_log (run, points) select no, points from target where lifecycle = 'active' order by place
    ), latest as (
      insert into latest_metric (run, experiment, key, at_ms, step, value)
      select t.no, t.experiment, m.key, m.at_ms, m.step, m.value
      from unnest($4::int[], $5::int[], $6::bigint[], $7::bigint[], $8::float8[]) m (place, key, at_ms, step, value)
      join target t on t.place = m.place where t.lifecycle = 'active'
      order by t.no, m.key ${UPSERT_LATEST}
    )
    select place, lifecycle, no from target`,
}

/**
 * Metrics of several runs, each named once: their history, their latest values and the check of the runs, in one round trip and one commit.
 * @returns what became of each, in the order given; a run that is not there or deleted changes nothing for the others.
 */
export async function logMetrics(
  pool: pg.Pool,
  keys: KeyNumbers,
  runs: readonly RunMetrics[],
): Promise<Pick<LogOutcome, 'lifecycle' | 'no'>[]> {
  const packed: Buffer[] = []
  const latest: (NumberedPoint & { place: number })[] = []
  for (const [index, { workspace, metrics }] of runs.entries()) {
    const points = await numbered(keys, workspace, metrics)
    packed.push(packPoints(points))
    for (const point of latestOf(points)) latest.push({ ...point, place: index + 1 })
  }
  const rows = await runPrepared<{ place: number; lifecycle: Lifecycle; no: number }>(pool, LOG_METRICS, [
    runs.map((run) => run.workspace),
    runs.map((run) => run.run),
    packed,
    latest.map((point) => point.place),
    latest.map((point) => point.key),
    latest.map((point) => point.atMs),
    latest.map((point) => point.step),
    latest.map((point) => point.value),
  ])
  const byPlace = new Map(rows.map((row) => [row.place, row]))
  return runs.map((_, index) => {
    const row = byPlace.get(index + 1)
    return { lifecycle: row?.lifecycle ?? null, no: row?.no ?? null }
  })
}

const LOG_BATCH: Statement = {
  name: 'log-batch',
  text: `
    with target as (select no, experiment, lifecycle from run where workspace = $1 and id = $2),
    given as (select * from unnest($3::int[], $4::text[]) g (key, value)),
    known as (
      select g.key, p.value as old_value, g.value as new_value from target t, given g
      join run_parameter p on p.key = g.key where p.run = t.no
    ),
    open as (
      select no, experiment from target where lifecycle = 'active' and not exists (select 1 from known where old_value <> new_value)
    ),
    parameters as (
      insert into run_parameter (run, key, value) select o.no, g.key, g.value from given g, open o order by g.key
      on conflict do nothing returning 1
    ), log as (
      insert into metric_log (run, points) select o.no, $5::bytea from open o where $5::bytea is not null
    ), latest as (
      insert into latest_metric (run, experiment, key, at_ms, step, value)
      select o.no, o.experiment, m.key, m.at_ms, m.step, m.value
      from unnest($6::int[], $7::bigint[], $8::bigint[], $9::float8[]) m (key, at_ms, step, value), open o
      order by m.key ${UPSERT_LATEST}
    ), tags as (
      insert into run_tag (run, key, value)
      select o.no, t.key, t.value from unnest($10::int[], $11::text[]) t (key, value), open o order by t.key
      on conflict (run, key) do update set value = excluded.value
    ), named as (
      update run set name = $12::text from open o where run.no = o.no and $12::text is not null
    )
    select (select lifecycle from target) as lifecycle, (select no from target) as no,
      (select json_agg(json_build_array(key, old_value, new_value)) from known where old_value <> new_value) as clashes,
      (select count(*) from parameters) as written,
      (select count(*) from known where old_value = new_value) as same`,
}

interface BatchRow {
  lifecycle: Lifecycle | null
  no: number | null
  clashes: [key: number, old: string, asked: string][] | null
  written: number
  same: number
}

/** What is logged in one call. */
export interface Batch {
  readonly metrics: readonly MetricPoint[]
  readonly parameters: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
}

/**
 * A batch, all of it or nothing, in one round trip. Parameters never change: a clash refuses the batch.
 * @param on a pool to run it alone, or a transaction
 */
export async function logBatch(
  on: pg.Pool | Queryable,
  keys: KeyNumbers,
  workspace: string,
  run: string,
  batch: Batch,
): Promise<LogOutcome> {
  const points = await numbered(keys, workspace, batch.metrics)
  const latest = latestOf(points)
  const tags = lastOfEachKey(batch.tags)
  const names = [...batch.parameters, ...tags].map((item) => item.key)
  const numbers = names.length > 0 ? await keys.ensure(workspace, names) : new Map<string, number>()
  const values = [
    workspace,
    run,
    batch.parameters.map((parameter) => numbers.get(parameter.key)),
    batch.parameters.map((parameter) => parameter.value),
    points.length > 0 ? packPoints(points) : null,
    latest.map((point) => point.key),
    latest.map((point) => point.atMs),
    latest.map((point) => point.step),
    latest.map((point) => point.value),
    tags.map((tag) => numbers.get(tag.key)),
    tags.map((tag) => tag.value),
    batch.tags.findLast((tag) => tag.key === 'mlflow.runName')?.value ?? null,
  ]
  const rows = await (isPool(on)
    ? runPrepared<BatchRow>(on, LOG_BATCH, values)
    : runWithin<BatchRow>(on, LOG_BATCH, values))
  const row = rows[0]
  const clashes = row?.clashes ?? []
  await keys.load(clashes.map(([key]) => key))
  const outcome = {
    lifecycle: row?.lifecycle ?? null,
    no: row?.no ?? null,
    clashes: clashes.map(([key, old, asked]) => ({ key: keys.name(key), old_value: old, new_value: asked })),
  }
  const unseen = batch.parameters.length - (row?.written ?? 0) - (row?.same ?? 0)
  // Somebody logged one of the parameters between our look and our write: look again, now that it can be seen.
  if (outcome.lifecycle === 'active' && outcome.clashes.length === 0 && unseen > 0) {
    return logBatch(on, keys, workspace, run, batch)
  }
  return outcome
}

function isPool(on: pg.Pool | Queryable): on is pg.Pool {
  return 'totalCount' in on
}

/** Metrics that speak for a logged model too. @returns the first model that is not there; then nothing was written. */
export async function logModelMetrics(
  on: Queryable,
  workspace: string,
  run: string,
  metrics: readonly LoggedMetric[],
): Promise<string | null> {
  const given = metrics.filter((metric) => metric.model !== null)
  const models = [...new Set(given.map((metric) => metric.model))]
  const { rows: missing } = await sql<{ id: string }>`
    select g.id from unnest(${models}::text[]) g (id)
    where not exists (select 1 from logged_model m where m.workspace = ${workspace} and m.id = g.id)`.execute(on)
  if (missing[0]) return missing[0].id
  await sql`
    insert into logged_model_metric (workspace, model, key, at_ms, step, value, run, dataset_name, dataset_digest)
    select ${workspace}, m.model, m.key, m.at_ms, m.step, m.value, ${run}, m.dataset_name, m.dataset_digest
    from unnest(${given.map((m) => m.model)}::text[], ${given.map((m) => m.key)}::text[], ${given.map((m) => m.atMs)}::bigint[],
      ${given.map((m) => m.step)}::bigint[], ${given.map((m) => m.value)}::float8[], ${given.map((m) => m.datasetName ?? '')}::text[],
      ${given.map((m) => m.datasetDigest ?? '')}::text[]) m (model, key, at_ms, step, value, dataset_name, dataset_digest)
    on conflict do nothing`.execute(on)
  return null
}

async function numbered(
  keys: KeyNumbers,
  workspace: string,
  metrics: readonly MetricPoint[],
): Promise<NumberedPoint[]> {
  if (metrics.length === 0) return []
  const names = new Set(metrics.map((metric) => metric.key))
  const numbers = await keys.ensure(workspace, [...names])
  return metrics.map(({ key, value, atMs, step }) => ({ key: numbers.get(key) as number, value, atMs, step }))
}

/** The last value of each tag. In the order of their keys everywhere, so that two batches of a run never wait for each other in a ring. */
function lastOfEachKey(tags: readonly KeyValue[]): KeyValue[] {
  return [...new Map(tags.map((tag) => [tag.key, tag])).values()]
}

/** The latest value of each key. */
function latestOf(points: readonly NumberedPoint[]): NumberedPoint[] {
  const latest = new Map<number, NumberedPoint>()
  for (const point of points) {
    const other = latest.get(point.key)
    if (!other || byStep(point, other) > 0) latest.set(point.key, point)
  }
  return [...latest.values()]
}
