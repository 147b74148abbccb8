import { type ActorRef, PipelineDefinition } from '@tidemark/contracts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { DatasetPin, RunStatus, StoredRun, StoredVersion } from './types.ts'

// --- pipelines and their versions

interface VersionRow {
  pipeline: string
  version: number
  digest: string
  definition: unknown
  files: StoredVersion['files']
  lock_digest: string
  git_commit: string | null
  git_patch: string | null
  actor_kind: ActorRef['kind']
  actor_id: string
  created_at: Date
}

function versionOf(row: VersionRow): StoredVersion {
  return {
    pipeline: row.pipeline,
    version: row.version,
    digest: row.digest,
    definition: PipelineDefinition.parse(row.definition),
    files: row.files,
    lockDigest: row.lock_digest,
    gitCommit: row.git_commit,
    gitPatch: row.git_patch,
    createdBy: { kind: row.actor_kind, id: row.actor_id },
    createdAt: row.created_at,
  }
}

/** Latest versions of all pipelines, with how many runs each has. */
export async function allPipelines(
  db: Queryable,
  workspace: string,
): Promise<{ version: StoredVersion; runs: number; lastRun: string | null }[]> {
  const { rows } = await sql<VersionRow & { runs: number; last_run: string | null }>`
    select v.*, (select count(*) from pipeline_run r where r.workspace = p.workspace and r.pipeline = p.name) as runs,
      (select r.run from pipeline_run r where r.workspace = p.workspace and r.pipeline = p.name order by started_at desc limit 1) as last_run
    from pipeline p join pipeline_version v on v.workspace = p.workspace and v.pipeline = p.name and v.version = p.latest_version
    where p.workspace = ${workspace} order by p.name`.execute(db)
  return rows.map((row) => ({ version: versionOf(row), runs: row.runs, lastRun: row.last_run }))
}

/** The newest definition of a pipeline; undefined when there is no such pipeline. */
export async function latestVersion(
  db: Queryable,
  workspace: string,
  name: string,
): Promise<StoredVersion | undefined> {
  const { rows } = await sql<VersionRow>`
    select v.* from pipeline p join pipeline_version v on v.workspace = p.workspace and v.pipeline = p.name and v.version = p.latest_version
    where p.workspace = ${workspace} and p.name = ${name}`.execute(db)
  return rows[0] && versionOf(rows[0])
}

/** Keeps others from adding a version of this pipeline until the transaction ends, also while it has none. */
export async function lockPipeline(tx: Tx, workspace: string, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`pipeline:${workspace}/${name}`}, 0))`.execute(tx)
}

export async function findVersion(
  db: Queryable,
  workspace: string,
  name: string,
  version: number,
): Promise<StoredVersion | undefined> {
  const { rows } = await sql<VersionRow>`
    select * from pipeline_version where workspace = ${workspace} and pipeline = ${name} and version = ${version}`.execute(
    db,
  )
  return rows[0] && versionOf(rows[0])
}

export async function insertVersion(
  tx: Tx,
  workspace: string,
  v: Omit<StoredVersion, 'createdAt'>,
): Promise<StoredVersion> {
  await sql`
    insert into pipeline (workspace, name, latest_version) values (${workspace}, ${v.pipeline}, ${v.version})
    on conflict (workspace, name) do update set latest_version = excluded.latest_version`.execute(tx)
  const { rows } = await sql<VersionRow>`
    insert into pipeline_version (workspace, pipeline, version, digest, definition, files, lock_digest, git_commit, git_patch, actor_kind, actor_id)
    values (${workspace}, ${v.pipeline}, ${v.version}, ${v.digest}, ${JSON.stringify(v.definition)}::json, ${JSON.stringify(v.files)}::jsonb,
      ${v.lockDigest}, ${v.gitCommit}, ${v.gitPatch}, ${v.createdBy.kind}, ${v.createdBy.id})
    returning *`.execute(tx)
  if (!rows[0]) throw new Error('An insert returned no row.')
  return versionOf(rows[0])
}

// --- runs

interface RunRow {
  workspace: string
  run: string
  pipeline: string
  version: number
  purpose: 'manual' | 'retraining'
  endpoint: string | null
  status: RunStatus
  parameters: StoredRun['parameters']
  datasets: DatasetPin[]
  mlflow_run: string | null
  model_version: string | null
  actor_kind: ActorRef['kind']
  actor_id: string
  started_event: string
  correlation: string
  started_at: Date
  ended_at: Date | null
}

function runOf(row: RunRow): StoredRun {
  return {
    workspace: row.workspace,
    run: row.run,
    pipeline: row.pipeline,
    version: row.version,
    purpose: row.purpose,
    endpoint: row.endpoint,
    status: row.status,
    parameters: row.parameters,
    datasets: row.datasets,
    mlflowRun: row.mlflow_run,
    modelVersion: row.model_version,
    startedBy: { kind: row.actor_kind, id: row.actor_id },
    startedEvent: row.started_event,
    correlation: row.correlation,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }
}

export async function insertRun(tx: Tx, run: StoredRun, cause: string | null, steps: readonly string[]): Promise<void> {
  const r = run
  await sql`
    insert into pipeline_run (workspace, run, pipeline, version, purpose, endpoint, state, status, parameters, datasets, mlflow_run,
      actor_kind, actor_id, cause, started_event, correlation, started_at)
    values (${r.workspace}, ${r.run}, ${r.pipeline}, ${r.version}, ${r.purpose}, ${r.endpoint}, ${r.status.kind},
      ${JSON.stringify(r.status)}::jsonb, ${JSON.stringify(r.parameters)}::jsonb, ${JSON.stringify(r.datasets)}::jsonb, ${r.mlflowRun},
      ${r.startedBy.kind}, ${r.startedBy.id}, ${cause}, ${r.startedEvent}, ${r.correlation}, ${r.startedAt})`.execute(
    tx,
  )
  for (const [position, step] of steps.entries())
    await sql`insert into pipeline_step (workspace, run, step, position, status)
      values (${r.workspace}, ${r.run}, ${step}, ${position}, '{"kind":"waiting"}')`.execute(tx)
}

/** The event that told of the run's start, known only after it was appended. */
export async function saveStartedEvent(tx: Tx, workspace: string, run: string, event: string): Promise<void> {
  await sql`update pipeline_run set started_event = ${event} where workspace = ${workspace} and run = ${run}`.execute(
    tx,
  )
}

export async function findRun(db: Queryable, workspace: string, run: string): Promise<StoredRun | undefined> {
  const { rows } =
    await sql<RunRow>`select * from pipeline_run where workspace = ${workspace} and run = ${run}`.execute(db)
  return rows[0] && runOf(rows[0])
}

/** The same, held until the transaction ends: one decision about a run at a time. */
export async function lockRun(tx: Tx, workspace: string, run: string): Promise<StoredRun | undefined> {
  const { rows } = await sql<RunRow>`
    select * from pipeline_run where workspace = ${workspace} and run = ${run} for update`.execute(tx)
  return rows[0] && runOf(rows[0])
}

/** The run that an event caused, if it has. */
export async function runCausedBy(
  db: Queryable,
  workspace: string,
  event: string,
  pipeline: string,
): Promise<StoredRun | undefined> {
  const { rows } = await sql<RunRow>`
    select * from pipeline_run where workspace = ${workspace} and cause = ${event} and pipeline = ${pipeline}`.execute(
    db,
  )
  return rows[0] && runOf(rows[0])
}

export interface RunQuestion {
  readonly pipeline: string | undefined
  readonly state: string | undefined
  readonly dataset: string | undefined
  readonly offset: number
  readonly limit: number
}

export async function runsNewestFirst(
  db: Queryable,
  workspace: string,
  question: RunQuestion,
): Promise<{ runs: StoredRun[]; total: number }> {
  const { pipeline = null, state = null, dataset = null } = question
  const where = sql`workspace = ${workspace} and (${pipeline}::text is null or pipeline = ${pipeline}::text)
    and (${state}::text is null or state = ${state}::text)
    and (${dataset}::text is null or datasets @> jsonb_build_array(jsonb_build_object('dataset', ${dataset}::text)))`
  const { rows } = await sql<RunRow>`
    select * from pipeline_run where ${where} order by started_at desc limit ${question.limit} offset ${question.offset}`.execute(
    db,
  )
  const counted = await sql<{ total: number }>`select count(*) as total from pipeline_run where ${where}`.execute(db)
  return { runs: rows.map(runOf), total: counted.rows[0]?.total ?? 0 }
}

/** Runs that have not ended, of all workspaces: what a starting server takes up again. */
export async function openRuns(db: Queryable): Promise<{ workspace: string; run: string }[]> {
  const { rows } = await sql<{ workspace: string; run: string }>`
    select workspace, run from pipeline_run where ended_at is null`.execute(db)
  return rows
}

/** The run that registered a model version `name/number`; null when none did. */
export async function runOfModelVersion(db: Queryable, workspace: string, ref: string): Promise<string | null> {
  const { rows } = await sql<{ run: string }>`
    select run from pipeline_run where workspace = ${workspace} and model_version = ${ref} order by started_at limit 1`.execute(
    db,
  )
  return rows[0]?.run ?? null
}

/** Writes where a run stands, and at its end when and with which model version. */
export async function saveRunStatus(
  tx: Tx,
  run: StoredRun,
  status: RunStatus,
  end: { at: Date; modelVersion: string | null } | null,
): Promise<void> {
  await sql`
    update pipeline_run set state = ${status.kind}, status = ${JSON.stringify(status)}::jsonb,
      ended_at = ${end?.at ?? null}, model_version = ${end?.modelVersion ?? null}
    where workspace = ${run.workspace} and run = ${run.run}`.execute(tx)
}
