import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import { all, compare, compareList, direction, type Fragment } from './conditions.ts'
import { countExperimentMoved } from './runCountStore.ts'
import type { Experiment, KeyValue, Lifecycle } from './types.ts'

interface Row {
  id: number
  name: string
  artifact_location: string
  lifecycle: Lifecycle
  created_ms: number
  updated_ms: number
  tags: KeyValue[]
}

const COLUMNS = sql.raw(`e.id, e.name, e.artifact_location, e.lifecycle, e.created_ms, e.updated_ms,
  (select coalesce(json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key), '[]') from experiment_tag t
   where t.workspace = e.workspace and t.experiment = e.id) as tags`)

function experimentOf(row: Row): Experiment {
  return {
    id: row.id,
    name: row.name,
    artifactLocation: row.artifact_location,
    lifecycle: row.lifecycle,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    tags: row.tags,
  }
}

export async function experimentById(db: Queryable, workspace: string, id: number): Promise<Experiment | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from experiment e where e.workspace = ${workspace} and e.id = ${id}`.execute(db)
  return rows[0] ? experimentOf(rows[0]) : null
}

export async function experimentByName(db: Queryable, workspace: string, name: string): Promise<Experiment | null> {
  const { rows } =
    await sql<Row>`select ${COLUMNS} from experiment e where e.workspace = ${workspace} and e.name = ${name}`.execute(
      db,
    )
  return rows[0] ? experimentOf(rows[0]) : null
}

/** Puts back the experiment that is always there. */
export async function addDefault(tx: Tx, nowMs: number): Promise<void> {
  await sql`
    insert into experiment (workspace, id, name, artifact_location, created_ms, updated_ms)
    values ('default', 0, 'Default', 'mlflow-artifacts:/0', ${nowMs}, ${nowMs})`.execute(tx)
}

/** Adds an experiment; null when its name is taken, also by a deleted one. Without a location it gets `mlflow-artifacts:/<id>`. */
export async function addExperiment(
  tx: Tx,
  workspace: string,
  experiment: { name: string; artifactLocation: string | null; nowMs: number; tags: readonly KeyValue[] },
): Promise<number | null> {
  const { name, artifactLocation, nowMs, tags } = experiment
  // Shared: only an import, which takes a number that it finds free, must not do so while this one is on its way.
  await sql`select pg_advisory_xact_lock_shared(hashtextextended('experiment_id', 0))`.execute(tx)
  const { rows } = await sql<{ id: number }>`
    with next as (select nextval('experiment_id') as id)
    insert into experiment (workspace, id, name, artifact_location, created_ms, updated_ms)
    select ${workspace}, id, ${name}, coalesce(${artifactLocation}::text, 'mlflow-artifacts:/' || id), ${nowMs}, ${nowMs} from next
    on conflict (workspace, name) do nothing
    returning id`.execute(tx)
  const id = rows[0]?.id
  if (id === undefined) return null
  for (const tag of tags) await setExperimentTag(tx, workspace, id, tag)
  return id
}

/** Removes an experiment that has neither a run, a logged model nor a tag. */
export async function removeUnused(tx: Tx, workspace: string, name: string): Promise<void> {
  await sql`
    delete from experiment e where e.workspace = ${workspace} and e.name = ${name}
      and not exists (select 1 from run r where r.workspace = e.workspace and r.experiment = e.id)
      and not exists (select 1 from logged_model m where m.workspace = e.workspace and m.experiment = e.id)
      and not exists (select 1 from experiment_tag t where t.workspace = e.workspace and t.experiment = e.id)`.execute(
    tx,
  )
}

/** False when another experiment has the name. */
export async function renameExperiment(
  tx: Tx,
  workspace: string,
  id: number,
  name: string,
  nowMs: number,
): Promise<boolean> {
  const { rows } = await sql`
    update experiment set name = ${name}, updated_ms = ${nowMs}
    where workspace = ${workspace} and id = ${id}
      and not exists (select 1 from experiment o where o.workspace = ${workspace} and o.name = ${name} and o.id <> ${id})
    returning id`.execute(tx)
  return rows.length === 1
}

/** Moves an experiment, and with it all its runs, to another stage of life. */
export async function moveExperiment(
  tx: Tx,
  workspace: string,
  id: number,
  lifecycle: Lifecycle,
  nowMs: number,
): Promise<void> {
  await sql`
    with moved as (
      update experiment set lifecycle = ${lifecycle}, updated_ms = ${nowMs}, deleted_ms = case when ${lifecycle} = 'deleted' then ${nowMs}::bigint end
      where workspace = ${workspace} and id = ${id} returning id
    )
    update run set lifecycle = ${lifecycle}, deleted_ms = case when ${lifecycle} = 'deleted' then coalesce(deleted_ms, ${nowMs}::bigint) end
    where workspace = ${workspace} and experiment in (select id from moved)`.execute(tx)
  await countExperimentMoved(tx, workspace, id, lifecycle)
}

export async function setExperimentTag(tx: Queryable, workspace: string, id: number, tag: KeyValue): Promise<void> {
  await sql`
    insert into experiment_tag (workspace, experiment, key, value) values (${workspace}, ${id}, ${tag.key}, ${tag.value})
    on conflict (workspace, experiment, key) do update set value = excluded.value`.execute(tx)
}

export async function removeExperimentTag(tx: Queryable, workspace: string, id: number, key: string): Promise<boolean> {
  const { rows } = await sql`
    delete from experiment_tag where workspace = ${workspace} and experiment = ${id} and key = ${key} returning key`.execute(
    tx,
  )
  return rows.length > 0
}

const ATTRIBUTES: Readonly<Record<string, Fragment>> = {
  name: sql.raw('e.name'),
  experiment_id: sql.raw('e.id::text'),
  creation_time: sql.raw('e.created_ms'),
  last_update_time: sql.raw('e.updated_ms'),
}

function condition(clause: Clause): Fragment {
  if (clause.of === 'tag') {
    const value = sql.raw('t.value')
    const found = (test: Fragment) => sql<boolean>`exists (
      select 1 from experiment_tag t where t.workspace = e.workspace and t.experiment = e.id and t.key = ${clause.key} and ${test})`
    if (clause.kind === 'presence') {
      return clause.present ? found(sql`true`) : sql`not ${found(sql`true`)}`
    }
    return found(clause.kind === 'list' ? compareList(value, clause) : compare(value, clause))
  }
  const column = ATTRIBUTES[clause.key]
  if (!column || clause.kind === 'presence') throw new Error(`Experiments have no attribute ${clause.key}.`)
  return clause.kind === 'list' ? compareList(column, clause) : compare(column, clause)
}

/** A page of experiments that hold all clauses; by default the newest change first. */
export async function searchExperiments(
  db: Queryable,
  workspace: string,
  question: {
    stages: readonly Lifecycle[]
    clauses: readonly Clause[]
    sort: readonly SortKey[]
    offset: number
    limit: number
  },
): Promise<Experiment[]> {
  const sort = question.sort.map((key) => {
    const column = key.key === 'experiment_id' ? sql.raw('e.id') : ATTRIBUTES[key.key]
    if (!column) throw new Error(`Experiments are not sorted by ${key.key}.`)
    return sql`${column} ${direction(key)}`
  })
  const byDefault = [sql`e.created_ms desc`, sql`e.id desc`]
  const { rows } = await sql<Row>`
    select ${COLUMNS} from experiment e
    where e.workspace = ${workspace} and e.lifecycle = any (${question.stages}::text[]) and ${all(question.clauses.map(condition))}
    order by ${sql.join([...sort, ...byDefault])} limit ${question.limit} offset ${question.offset}`.execute(db)
  return rows.map(experimentOf)
}
