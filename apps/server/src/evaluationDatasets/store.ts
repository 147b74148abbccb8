import type { Clause, SortKey } from '@tidemark/mlflow-protocol'
import { all, compare, compareList, direction, type Fragment } from '../experiments/index.ts'
import { type Queryable, sql, type Tx } from '../platform/index.ts'
import { isObject, type Json, type JsonObject, readJson, writeJson } from './json.ts'
import type { EvaluationDataset, EvaluationRecord } from './types.ts'

interface DatasetRow {
  id: string
  name: string
  digest: string
  tags: string
  schema: string | null
  profile: string | null
  created_ms: number
  updated_ms: number
  created_by: string | null
  updated_by: string | null
}

const DATASET = sql.raw(
  'd.id, d.name, d.digest, d.tags, d.schema, d.profile, d.created_ms, d.updated_ms, d.created_by, d.updated_by',
)

function datasetOf(row: DatasetRow): EvaluationDataset {
  return {
    id: row.id,
    name: row.name,
    digest: row.digest,
    tags: JSON.parse(row.tags) as Record<string, string>,
    schema: row.schema,
    profile: row.profile,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    createdBy: row.created_by,
    updatedBy: row.updated_by,
  }
}

/** Adds a dataset, or writes what became of it. */
export async function saveDataset(tx: Tx, workspace: string, dataset: EvaluationDataset): Promise<void> {
  const { id, name, digest, schema, profile, createdMs, updatedMs, createdBy, updatedBy } = dataset
  await sql`
    insert into evaluation_dataset (workspace, id, name, digest, tags, schema, profile, created_ms, updated_ms, created_by, updated_by)
    values (${workspace}, ${id}, ${name}, ${digest}, ${JSON.stringify(dataset.tags)}, ${schema}, ${profile}, ${createdMs}, ${updatedMs},
      ${createdBy}, ${updatedBy})
    on conflict (id) do update set digest = excluded.digest, tags = excluded.tags, schema = excluded.schema, profile = excluded.profile,
      updated_ms = excluded.updated_ms, updated_by = excluded.updated_by`.execute(tx)
}

export async function datasetById(db: Queryable, workspace: string, id: string): Promise<EvaluationDataset | null> {
  const { rows } =
    await sql<DatasetRow>`select ${DATASET} from evaluation_dataset d where d.workspace = ${workspace} and d.id = ${id}`.execute(
      db,
    )
  return rows[0] ? datasetOf(rows[0]) : null
}

/** The same, locked: changes of one dataset come one after the other. */
export async function lockDataset(tx: Tx, workspace: string, id: string): Promise<EvaluationDataset | null> {
  const { rows } = await sql<DatasetRow>`
    select ${DATASET} from evaluation_dataset d where d.workspace = ${workspace} and d.id = ${id} for update`.execute(
    tx,
  )
  return rows[0] ? datasetOf(rows[0]) : null
}

export async function deleteDataset(tx: Queryable, workspace: string, id: string): Promise<void> {
  await sql`delete from evaluation_dataset where workspace = ${workspace} and id = ${id}`.execute(tx)
}

const COLUMNS: Readonly<Record<string, Fragment>> = {
  name: sql.raw('d.name'),
  created_time: sql.raw('d.created_ms'),
  last_update_time: sql.raw('d.updated_ms'),
  created_by: sql.raw('d.created_by'),
  last_updated_by: sql.raw('d.updated_by'),
}

function condition(clause: Clause): Fragment {
  if (clause.kind === 'presence') throw new Error('Evaluation datasets are not asked for presence.')
  const column = clause.of === 'tag' ? sql`(d.tags::json ->> ${clause.key})` : COLUMNS[clause.key]
  if (!column) throw new Error(`Evaluation datasets have no attribute ${clause.key}.`)
  return clause.kind === 'list' ? compareList(column, clause) : compare(column, clause)
}

/** Datasets that hold all clauses, of any of the experiments where some are named; the newest first unless sorted. */
export async function searchDatasets(
  db: Queryable,
  workspace: string,
  question: {
    readonly experiments: readonly string[]
    readonly clauses: readonly Clause[]
    readonly sort: readonly SortKey[]
    readonly offset: number
    readonly limit: number
  },
): Promise<EvaluationDataset[]> {
  const keys = question.sort.map((key) => sql`${COLUMNS[key.key] ?? sql`1`} ${direction(key)}`)
  const order = sql.join([...(keys.length > 0 ? keys : [sql`d.created_ms desc`]), sql`d.id desc`])
  const { rows } = await sql<DatasetRow>`
    select ${DATASET} from evaluation_dataset d
    where d.workspace = ${workspace} and ${all(question.clauses.map(condition))}
      ${
        question.experiments.length === 0
          ? sql``
          : sql`and exists (select 1 from evaluation_dataset_experiment e
              where e.dataset = d.id and e.experiment = any (${question.experiments}::text[]))`
      }
    order by ${order} limit ${question.limit} offset ${question.offset}`.execute(db)
  return rows.map(datasetOf)
}

export async function addToExperiments(tx: Tx, dataset: string, experiments: readonly string[]): Promise<void> {
  await sql`
    insert into evaluation_dataset_experiment (dataset, experiment)
    select ${dataset}, e from unnest(${experiments}::text[]) with ordinality as u (e, n) order by n
    on conflict do nothing`.execute(tx)
}

/** @returns how many it was taken from. */
export async function removeFromExperiments(tx: Tx, dataset: string, experiments: readonly string[]): Promise<number> {
  const { rows } = await sql`
    delete from evaluation_dataset_experiment where dataset = ${dataset} and experiment = any (${experiments}::text[])
    returning experiment`.execute(tx)
  return rows.length
}

export async function experimentsOf(db: Queryable, workspace: string, dataset: string): Promise<string[]> {
  const { rows } = await sql<{ experiment: string }>`
    select e.experiment from evaluation_dataset_experiment e join evaluation_dataset d on d.id = e.dataset
    where d.workspace = ${workspace} and d.id = ${dataset} order by e.position`.execute(db)
  return rows.map((row) => row.experiment)
}

interface RecordRow {
  id: string
  position: number
  input_hash: string
  inputs: string
  outputs: string | null
  expectations: string | null
  tags: string
  source: string | null
  created_ms: number
  updated_ms: number
  created_by: string | null
  updated_by: string | null
}

const object = (text: string): JsonObject => {
  const value = readJson(text, 'stored')
  return isObject(value) ? value : {}
}

function recordOf(row: RecordRow): EvaluationRecord {
  return {
    id: row.id,
    inputHash: row.input_hash,
    inputs: object(row.inputs),
    outputs: row.outputs === null ? null : readJson(row.outputs, 'stored'),
    expectations: row.expectations === null ? null : object(row.expectations),
    tags: object(row.tags),
    source: row.source === null ? null : object(row.source),
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    createdBy: row.created_by,
    updatedBy: row.updated_by,
  }
}

export async function recordsByInputs(tx: Tx, dataset: string, hashes: readonly string[]): Promise<EvaluationRecord[]> {
  const { rows } = await sql<RecordRow>`
    select * from evaluation_record where dataset = ${dataset} and input_hash = any (${hashes}::text[])`.execute(tx)
  return rows.map(recordOf)
}

/** Records after a position, in the order in which they came. */
export async function recordsAfter(
  db: Queryable,
  workspace: string,
  dataset: string,
  after: number,
  limit: number,
): Promise<{ readonly record: EvaluationRecord; readonly position: number }[]> {
  const { rows } = await sql<RecordRow>`
    select r.* from evaluation_record r join evaluation_dataset d on d.id = r.dataset
    where d.workspace = ${workspace} and r.dataset = ${dataset} and r.position > ${after} order by r.position limit ${limit}`.execute(
    db,
  )
  return rows.map((row) => ({ record: recordOf(row), position: row.position }))
}

/** Adds records, or writes what became of those that are there. */
export async function saveRecords(tx: Tx, dataset: string, records: readonly EvaluationRecord[]): Promise<void> {
  const texts = (of: (record: EvaluationRecord) => Json | null) =>
    records.map((record) => {
      const value = of(record)
      return value === null ? null : writeJson(value)
    })
  await sql`
    insert into evaluation_record (dataset, id, input_hash, inputs, outputs, expectations, tags, source, created_ms, updated_ms, created_by,
      updated_by)
    select ${dataset}, r.id, r.hash, r.inputs, r.outputs, r.expectations, r.tags, r.source, r.created_ms, r.updated_ms, r.created_by, r.updated_by
    from unnest(${records.map((r) => r.id)}::text[], ${records.map((r) => r.inputHash)}::text[], ${texts((r) => r.inputs)}::text[],
      ${texts((r) => r.outputs)}::text[], ${texts((r) => r.expectations)}::text[], ${texts((r) => r.tags)}::text[],
      ${texts((r) => r.source)}::text[], ${records.map((r) => r.createdMs)}::bigint[], ${records.map((r) => r.updatedMs)}::bigint[],
      ${records.map((r) => r.createdBy)}::text[], ${records.map((r) => r.updatedBy)}::text[]) with ordinality
      as r (id, hash, inputs, outputs, expectations, tags, source, created_ms, updated_ms, created_by, updated_by, n)
    order by r.n
    on conflict (dataset, input_hash) do update set outputs = excluded.outputs, expectations = excluded.expectations,
      tags = excluded.tags, updated_ms = excluded.updated_ms, updated_by = excluded.updated_by`.execute(tx)
}

export async function countRecords(db: Queryable, dataset: string): Promise<number> {
  const { rows } = await sql<{
    n: number
  }>`select count(*) as n from evaluation_record where dataset = ${dataset}`.execute(db)
  return rows[0]?.n ?? 0
}

/** @returns how many were there. */
export async function deleteRecords(tx: Tx, dataset: string, ids: readonly string[]): Promise<number> {
  const { rows } = await sql`
    delete from evaluation_record where dataset = ${dataset} and id = any (${ids}::text[]) returning id`.execute(tx)
  return rows.length
}
