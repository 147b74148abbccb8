import { type Queryable, sql, type Tx } from '../platform/index.ts'
import type { CacheHit, CacheParts, StepStatus, StoredStep } from './types.ts'

interface StepRow {
  run: string
  step: string
  status: StepStatus
  lease_until: Date | null
  cache_key: string | null
  cache_parts: CacheParts | null
  cache_reason: string | null
  inputs: StoredStep['inputs']
  outputs: StoredStep['outputs']
  step_values: StoredStep['values']
  started_at: Date | null
  ended_at: Date | null
}

function stepOf(row: StepRow): StoredStep {
  return {
    step: row.step,
    status: row.status,
    leaseUntil: row.lease_until,
    cacheKey: row.cache_key,
    cacheParts: row.cache_parts,
    cacheReason: row.cache_reason,
    inputs: row.inputs,
    outputs: row.outputs,
    values: row.step_values,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }
}

/** Steps of several runs, each in the order of the definition. */
export async function stepsOfRuns(
  db: Queryable,
  workspace: string,
  runs: readonly string[],
): Promise<Map<string, StoredStep[]>> {
  const { rows } = await sql<StepRow>`
    select * from pipeline_step where workspace = ${workspace} and run = any (${[...runs]}::uuid[]) order by position`.execute(
    db,
  )
  return new Map([...Map.groupBy(rows, (row) => row.run)].map(([run, steps]) => [run, steps.map(stepOf)]))
}

export async function stepsOf(db: Queryable, workspace: string, run: string): Promise<StoredStep[]> {
  return (await stepsOfRuns(db, workspace, [run])).get(run) ?? []
}

export async function saveStep(tx: Tx, workspace: string, run: string, step: StoredStep): Promise<void> {
  await sql`
    update pipeline_step set status = ${JSON.stringify(step.status)}::jsonb, lease_until = ${step.leaseUntil}, cache_key = ${step.cacheKey},
      cache_parts = ${step.cacheParts === null ? null : JSON.stringify(step.cacheParts)}::jsonb, cache_reason = ${step.cacheReason},
      inputs = ${JSON.stringify(step.inputs)}::jsonb, outputs = ${JSON.stringify(step.outputs)}::jsonb,
      step_values = ${step.values === null ? null : JSON.stringify(step.values)}::jsonb, started_at = ${step.startedAt}, ended_at = ${step.endedAt}
    where workspace = ${workspace} and run = ${run} and step = ${step.step}`.execute(tx)
}

/**
 * Writes how an attempt ended, if it is still the one that is waited for.
 * @returns false when the step went on without it.
 */
export async function saveOutcome(
  tx: Tx,
  place: { workspace: string; run: string; step: string; owner: string; attempt: number },
  status: Extract<StepStatus, { kind: 'attempted' }>,
): Promise<boolean> {
  const { rows } = await sql`
    update pipeline_step set status = ${JSON.stringify(status)}::jsonb, lease_until = null
    where workspace = ${place.workspace} and run = ${place.run} and step = ${place.step} and status->>'kind' = 'running'
      and status->>'owner' = ${place.owner} and (status->>'failures')::int + (status->>'losses')::int + 1 = ${place.attempt}
    returning step`.execute(tx)
  return rows.length > 0
}

/** Says that this server's attempts are alive. */
export async function renewLeases(db: Queryable, owner: string, until: Date): Promise<void> {
  await sql`update pipeline_step set lease_until = ${until} where status->>'kind' = 'running' and status->>'owner' = ${owner}`.execute(
    db,
  )
}

/** Ends the leases of servers before this one: one server works on a database at a time. */
export async function endForeignLeases(db: Queryable, owner: string): Promise<void> {
  await sql`update pipeline_step set lease_until = null where status->>'kind' = 'running' and status->>'owner' <> ${owner}`.execute(
    db,
  )
}

// --- the cache

/** The result of a step with that content, by whichever run it was made; null when there is none. */
export async function findResult(db: Queryable, workspace: string, key: string): Promise<CacheHit | null> {
  const { rows } = await sql<{ run: string; outputs: CacheHit['outputs']; step_values: CacheHit['values'] }>`
    select run, outputs, step_values from step_result where workspace = ${workspace} and cache_key = ${key}`.execute(db)
  return rows[0] ? { fromRun: rows[0].run, outputs: rows[0].outputs, values: rows[0].step_values } : null
}

/** Keeps a step's result for later runs; the first of that content stays. */
export async function saveResult(tx: Tx, workspace: string, run: string, step: StoredStep): Promise<void> {
  await sql`
    insert into step_result (workspace, cache_key, run, step, outputs, step_values)
    values (${workspace}, ${step.cacheKey}, ${run}, ${step.step}, ${JSON.stringify(step.outputs)}::jsonb, ${JSON.stringify(step.values ?? {})}::jsonb)
    on conflict (workspace, cache_key) do nothing`.execute(tx)
}

/** What decided the last result of a step of this name, in another run of the pipeline. */
export async function lastParts(
  db: Queryable,
  workspace: string,
  pipeline: string,
  step: string,
  exceptRun: string,
): Promise<{ run: string; parts: CacheParts } | null> {
  const { rows } = await sql<{ run: string; parts: CacheParts }>`
    select s.run, s.cache_parts as parts from pipeline_step s join pipeline_run r on r.workspace = s.workspace and r.run = s.run
    where s.workspace = ${workspace} and r.pipeline = ${pipeline} and s.step = ${step} and s.run <> ${exceptRun} and s.cache_parts is not null
    order by r.started_at desc limit 1`.execute(db)
  return rows[0] ?? null
}
