import pg from 'pg'

// Runs are written by the database itself, into each server's own tables, from one formula: both sides hold the same values. A hash whose
// results are the same in PostgreSQL 15 and 18 stands for chance.
const CHANCE = (what: string) => `((hashint8extended(${what}, 42) & 4294967295)::float8 / 4294967296)`
const START = 1_700_000_000_000

/** How many runs with how many metrics and parameters each an experiment gets. */
export interface Size {
  readonly runs: number
  readonly metrics: number
  readonly parameters: number
}

async function execute(database: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  try {
    await client.query('begin')
    for (const statement of statements) await client.query(statement)
    await client.query('commit')
    await client.query('vacuum analyze')
  } finally {
    await client.end()
  }
}

/** Fills an experiment of a Tidemark. Run names are `run-1` and so on, metrics `m0`…, parameters `p0`… with ten values each. */
export function populateOurs(database: string, experiment: string, { runs, metrics, parameters }: Size): Promise<void> {
  const e = Number(experiment)
  const keys = `(select no, substr(key, 2)::int as j, left(key, 1) as kind from run_key where workspace = 'default' and key ~ '^[mp][0-9]+$') k`
  return execute(database, [
    `insert into run_key (workspace, key) select 'default', 'm' || j from generate_series(0, ${metrics - 1}) j on conflict do nothing`,
    `insert into run_key (workspace, key) select 'default', 'p' || j from generate_series(0, ${parameters - 1}) j on conflict do nothing`,
    `insert into run_key (workspace, key) values ('default', 'mlflow.runName'), ('default', 'mlflow.user') on conflict do nothing`,
    `insert into run (workspace, id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri)
     select 'default', md5('${e}/' || i), ${e}, 'run-' || i, 'bench', 'FINISHED', ${START} + i * 1000::bigint, ${START} + i * 1000::bigint + 500,
       'mlflow-artifacts:/${e}/' || md5('${e}/' || i) || '/artifacts' from generate_series(1, ${runs}) i order by i`,
    `create temp table made on commit drop as select no, substr(name, 5)::bigint as i, start_ms from run where experiment = ${e} order by no`,
    `insert into latest_metric (run, experiment, key, at_ms, step, value)
     select m.no, ${e}, k.no, m.start_ms, 0, ${CHANCE('m.i * 1000 + k.j')} from made m cross join ${keys}
     where k.kind = 'm' and k.j < ${metrics} order by m.no, k.no`,
    `insert into metric_log (run, points)
     select m.run, '\\x00'::bytea || string_agg(int4send(m.key) || int8send(m.step) || int8send(m.at_ms) || float8send(m.value), ''::bytea)
     from latest_metric m where m.experiment = ${e} group by m.run order by m.run`,
    `insert into run_parameter (run, key, value)
     select m.no, k.no, floor(10 * ${CHANCE('-(m.i * 1000 + k.j)')})::int::text from made m cross join ${keys}
     where k.kind = 'p' and k.j < ${parameters} order by m.no, k.no`,
    `insert into run_tag (run, key, value)
     select m.no, k.no, case k.key when 'mlflow.user' then 'bench' else 'run-' || m.i end from made m
     cross join (select no, key from run_key where workspace = 'default' and key in ('mlflow.user', 'mlflow.runName')) k order by m.no, k.no`,
  ])
}

/** Fills an experiment of a stock MLflow with the same. */
export function populateStock(
  database: string,
  experiment: string,
  { runs, metrics, parameters }: Size,
): Promise<void> {
  const e = Number(experiment)
  const metricColumns = '(key, value, timestamp, run_uuid, step, is_nan)'
  const metricRows = `select 'm' || j, ${CHANCE('i * 1000 + j')}, ${START} + i * 1000::bigint, md5('${e}/' || i), 0, false
    from generate_series(1, ${runs}) i cross join generate_series(0, ${metrics - 1}) j`
  return execute(database, [
    `insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version,
       lifecycle_stage, artifact_uri, experiment_id)
     select md5('${e}/' || i), 'run-' || i, 'UNKNOWN', '', '', 'bench', 'FINISHED', ${START} + i * 1000::bigint, ${START} + i * 1000::bigint + 500,
       '', 'active', 'mlflow-artifacts:/${e}/' || md5('${e}/' || i) || '/artifacts', ${e} from generate_series(1, ${runs}) i`,
    `insert into metrics ${metricColumns} ${metricRows}`,
    `insert into latest_metrics ${metricColumns} ${metricRows}`,
    `insert into params (key, value, run_uuid)
     select 'p' || j, floor(10 * ${CHANCE('-(i * 1000 + j)')})::int::text, md5('${e}/' || i)
     from generate_series(1, ${runs}) i cross join generate_series(0, ${parameters - 1}) j`,
    `insert into tags (key, value, run_uuid)
     select t.key, case t.key when 'mlflow.user' then 'bench' else 'run-' || i end, md5('${e}/' || i)
     from generate_series(1, ${runs}) i cross join (values ('mlflow.user'), ('mlflow.runName')) t (key)`,
  ])
}
