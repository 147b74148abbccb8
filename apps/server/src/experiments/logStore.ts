import { type Queryable, sql } from '../platform/index.ts'
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
}

// Later by step, then time, then value; a NaN counts as 0 there, as in MLflow.
const LATER = sql.raw(`(excluded.step, excluded.at_ms, coalesce(nullif(excluded.value, 'NaN'), 0)) >
  (latest_metric.step, latest_metric.at_ms, coalesce(nullif(latest_metric.value, 'NaN'), 0))`)

/** One metric value: history, latest value and the check of the run in one round trip. */
export async function logMetric(
  db: Queryable,
  workspace: string,
  run: string,
  metric: MetricPoint,
): Promise<Lifecycle | null> {
  const { key, value, atMs, step } = metric
  const { rows } = await sql<{ lifecycle: Lifecycle }>`
    with target as (select lifecycle from run where workspace = ${workspace} and id = ${run}),
    history as (
      insert into metric (workspace, run, key, at_ms, step, value)
      select ${workspace}, ${run}, ${key}, ${atMs}::bigint, ${step}::bigint, ${value}::double precision from target where lifecycle = 'active'
      on conflict do nothing
    ), latest as (
      insert into latest_metric (workspace, run, key, at_ms, step, value)
      select ${workspace}, ${run}, ${key}, ${atMs}::bigint, ${step}::bigint, ${value}::double precision from target where lifecycle = 'active'
      on conflict (workspace, run, key) do update set at_ms = excluded.at_ms, step = excluded.step, value = excluded.value where ${LATER}
    )
    select lifecycle from target`.execute(db)
  return rows[0]?.lifecycle ?? null
}

/** A batch, all of it or nothing, in one round trip. Parameters never change: a clash refuses the batch. */
export async function logBatch(
  db: Queryable,
  workspace: string,
  run: string,
  batch: { metrics: readonly MetricPoint[]; parameters: readonly KeyValue[]; tags: readonly KeyValue[] },
): Promise<LogOutcome> {
  const latest = latestOf(batch.metrics)
  const runName = batch.tags.find((tag) => tag.key === 'mlflow.runName')?.value ?? null
  const parameters = columnsOf(batch.parameters)
  const tags = columnsOf(lastOfEachKey(batch.tags))
  const { rows } = await sql<{
    lifecycle: Lifecycle | null
    clashes: ParameterClash[] | null
    written: number
    same: number
  }>`
    with target as (select lifecycle from run where workspace = ${workspace} and id = ${run}),
    given as (select * from unnest(${parameters.keys}::text[], ${parameters.values}::text[]) g (key, value)),
    known as (
      select g.key, p.value as old_value, g.value as new_value from given g
      join run_parameter p on p.workspace = ${workspace} and p.run = ${run} and p.key = g.key
    ),
    open as (select 1 from target where lifecycle = 'active' and not exists (select 1 from known where old_value <> new_value)),
    parameters as (
      insert into run_parameter (workspace, run, key, value)
      select ${workspace}, ${run}, g.key, g.value from given g, open on conflict do nothing returning 1
    ), history as (
      insert into metric (workspace, run, key, at_ms, step, value)
      select ${workspace}, ${run}, m.key, m.at_ms, m.step, m.value
      from unnest(${batch.metrics.map((m) => m.key)}::text[], ${batch.metrics.map((m) => m.atMs)}::bigint[],
        ${batch.metrics.map((m) => m.step)}::bigint[], ${batch.metrics.map((m) => m.value)}::double precision[]) m (key, at_ms, step, value), open
      on conflict do nothing
    ), latest as (
      insert into latest_metric (workspace, run, key, at_ms, step, value)
      select ${workspace}, ${run}, m.key, m.at_ms, m.step, m.value
      from unnest(${latest.map((m) => m.key)}::text[], ${latest.map((m) => m.atMs)}::bigint[],
        ${latest.map((m) => m.step)}::bigint[], ${latest.map((m) => m.value)}::double precision[]) m (key, at_ms, step, value), open
      on conflict (workspace, run, key) do update set at_ms = excluded.at_ms, step = excluded.step, value = excluded.value where ${LATER}
    ), tags as (
      insert into run_tag (workspace, run, key, value)
      select ${workspace}, ${run}, t.key, t.value from unnest(${tags.keys}::text[], ${tags.values}::text[]) t (key, value), open
      on conflict (workspace, run, key) do update set value = excluded.value
    ), named as (
      update run set name = ${runName}::text from open where workspace = ${workspace} and id = ${run} and ${runName}::text is not null
    )
    select (select lifecycle from target) as lifecycle,
      (select json_agg(known) from known where old_value <> new_value) as clashes,
      (select count(*) from parameters) as written,
      (select count(*) from known where old_value = new_value) as same`.execute(db)
  const row = rows[0]
  const outcome = { lifecycle: row?.lifecycle ?? null, clashes: row?.clashes ?? [] }
  const unseen = batch.parameters.length - (row?.written ?? 0) - (row?.same ?? 0)
  // Somebody logged one of the parameters between our look and our write: look again, now that it can be seen.
  if (outcome.lifecycle === 'active' && outcome.clashes.length === 0 && unseen > 0) {
    return logBatch(db, workspace, run, batch)
  }
  return outcome
}

/** Metrics that speak for a logged model too. */
export async function logModelMetrics(
  db: Queryable,
  workspace: string,
  run: string,
  metrics: readonly LoggedMetric[],
): Promise<void> {
  for (const metric of metrics) {
    if (metric.model === null) continue
    await sql`
      insert into logged_model_metric (workspace, model, key, at_ms, step, value, run, dataset_name, dataset_digest)
      values (${workspace}, ${metric.model}, ${metric.key}, ${metric.atMs}, ${metric.step}, ${metric.value}, ${run},
        ${metric.datasetName ?? ''}, ${metric.datasetDigest ?? ''})
      on conflict do nothing`.execute(db)
  }
}

function columnsOf(list: readonly KeyValue[]): { keys: string[]; values: string[] } {
  return { keys: list.map((item) => item.key), values: list.map((item) => item.value) }
}

function lastOfEachKey(tags: readonly KeyValue[]): KeyValue[] {
  return [...new Map(tags.map((tag) => [tag.key, tag])).values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** The latest value of each key, by key: in one order everywhere, so that two batches of a run never wait for each other in a ring. */
function latestOf(metrics: readonly MetricPoint[]): MetricPoint[] {
  const latest = new Map<string, MetricPoint>()
  for (const metric of metrics) {
    const other = latest.get(metric.key)
    if (!other || isLater(metric, other)) latest.set(metric.key, metric)
  }
  return [...latest.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function isLater(a: MetricPoint, b: MetricPoint): boolean {
  if (a.step !== b.step) return a.step > b.step
  if (a.atMs !== b.atMs) return a.atMs > b.atMs
  return (Number.isNaN(a.value) ? 0 : a.value) > (Number.isNaN(b.value) ? 0 : b.value)
}

/** A metric's values in the order of time, or from an offset on. */
export async function metricHistory(
  db: Queryable,
  workspace: string,
  run: string,
  key: string,
  page: { offset: number; limit: number | null } = { offset: 0, limit: null },
): Promise<MetricPoint[]> {
  const { rows } = await sql<{ at_ms: number; step: number; value: number }>`
    select at_ms, step, value from metric where workspace = ${workspace} and run = ${run} and key = ${key}
    order by at_ms, step, value limit ${page.limit} offset ${page.offset}`.execute(db)
  return rows.map((row) => ({ key, value: row.value, atMs: row.at_ms, step: row.step }))
}

/** At most `points` values of each run, evenly over its values by step, the first and the last among them. */
export async function sampledHistory(
  db: Queryable,
  workspace: string,
  runs: readonly string[],
  key: string,
  points: number,
  steps: { from: number; to: number } | null,
): Promise<(MetricPoint & { run: string })[]> {
  const { rows } = await sql<{ run: string; at_ms: number; step: number; value: number }>`
    select run, at_ms, step, value from (
      select *, row_number() over ordered as place, count(*) over (partition by run) as total
      from metric
      where workspace = ${workspace} and run = any (${runs}::text[]) and key = ${key}
        ${steps ? sql`and step between ${steps.from} and ${steps.to}` : sql``}
      window ordered as (partition by run order by step, at_ms, value)
    ) m
    where total <= ${points} or place = total
      or (${points} > 1 and place < total and (place = 1 or (place - 1) * (${points} - 1) / (total - 1) <> (place - 2) * (${points} - 1) / (total - 1)))
    order by array_position(${runs}::text[], run), step, at_ms, value`.execute(db)
  return rows.map((row) => ({ run: row.run, key, value: row.value, atMs: row.at_ms, step: row.step }))
}
