import type { Series } from '@tidemark/mlflow-protocol/checksum'
import type {
  LeftOut,
  Lifecycle,
  LoggedModelStatus,
  Source,
  SourceExperiment,
  SourceLoggedModel,
  SourceRun,
} from '../source.ts'
import { EXACT } from './exact.ts'
import { leftOutOf } from './left-out.ts'
import { registeredModels } from './registry.ts'
import { grouped, milliseconds, pairsOf, text, textOrNull } from './rows.ts'
import { checkSchema, type Tables, type Value } from './tables.ts'

/** Runs and logged models read in one question. */
const PAGE = 500
/** Points sent in one request, about: a run with more has a bundle of its own. */
const POINTS_PER_BUNDLE = 100_000

const LOGGED_MODEL_STATUS: readonly LoggedModelStatus[] = [
  'LOGGED_MODEL_STATUS_UNSPECIFIED',
  'LOGGED_MODEL_PENDING',
  'LOGGED_MODEL_READY',
  'LOGGED_MODEL_UPLOAD_FAILED',
]

/**
 * Reads an MLflow by its database: SQLite or PostgreSQL, schema of MLflow 3.0 to 3.17.
 * @param workspace of that MLflow, where its tables have them
 * @throws WRONG_SOURCE
 */
export async function databaseSource(tables: Tables, workspace: string): Promise<Source> {
  await checkSchema(tables)
  const hasWorkspaces = (await tables.columns('experiments')).has('workspace')

  async function* runs(experiment: string): AsyncGenerator<readonly SourceRun[]> {
    for (let after = ''; ; ) {
      const rows = await tables.rows(
        `select run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri from runs
         where experiment_id = ? and run_uuid > ? order by run_uuid limit ${PAGE}`,
        Number(experiment),
        after,
      )
      if (rows.length === 0) return
      const ids = rows.map(([id]) => text(id))
      after = ids.at(-1) ?? ''
      yield await describeRuns(tables, experiment, ids, rows)
      if (rows.length < PAGE) return
    }
  }

  return {
    name: hasWorkspaces && workspace !== 'default' ? `${tables.name} (workspace ${workspace})` : tables.name,

    async experiments(): Promise<SourceExperiment[]> {
      const rows = await tables.rows(
        `select experiment_id, name, lifecycle_stage, creation_time, last_update_time from experiments
         ${hasWorkspaces ? 'where workspace = ?' : ''} order by experiment_id`,
        ...(hasWorkspaces ? [workspace] : []),
      )
      const tags = grouped(await tables.rows('select experiment_id, key, value from experiment_tags'))
      return rows.map(([id, name, lifecycle, created, updated]) => ({
        id: text(id),
        name: text(name),
        lifecycle: lifecycle as Lifecycle,
        createdMs: milliseconds(created),
        updatedMs: milliseconds(updated ?? created),
        tags: pairsOf(tags.get(text(id))),
      }))
    },

    runs,

    async *histories(given) {
      const counts = await tables.rows(
        'select run_uuid, count(*) from metrics where run_uuid in (?) group by run_uuid',
        given.map((run) => run.id),
      )
      const points = new Map(counts.map(([run, count]) => [text(run), Number(count)]))
      for (const bundle of bundles(
        given.map((run) => run.id),
        points,
      )) {
        const rows = await tables.rows(
          `select run_uuid, key, timestamp, step, value, is_nan from metrics
           where run_uuid in (?) and step ${EXACT} and timestamp ${EXACT}`,
          bundle,
        )
        yield seriesOf(bundle, rows)
      }
    },

    async *loggedModels(experiment) {
      for (let after = ''; ; ) {
        const rows = await tables.rows(
          `select model_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type,
             source_run_id from logged_models where experiment_id = ? and model_id > ? order by model_id limit ${PAGE}`,
          Number(experiment),
          after,
        )
        if (rows.length === 0) return
        after = text(rows.at(-1)?.[0])
        yield await describeLoggedModels(tables, experiment, rows)
      }
    },

    models: () => registeredModels(tables, workspace),
    leftOut: (): Promise<LeftOut[]> => leftOutOf(tables, workspace),
    close: () => tables.close(),
  }
}

async function describeRuns(
  tables: Tables,
  experiment: string,
  ids: readonly string[],
  rows: readonly Value[][],
): Promise<SourceRun[]> {
  const parameters = grouped(await tables.rows('select run_uuid, key, value from params where run_uuid in (?)', ids))
  const tags = grouped(await tables.rows('select run_uuid, key, value from tags where run_uuid in (?)', ids))
  const inputs = grouped(
    await tables.rows(
      `select i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile
       from inputs i join datasets d on d.dataset_uuid = i.source_id
       where i.source_type = 'DATASET' and i.destination_type = 'RUN' and i.destination_id in (?)`,
      ids,
    ),
  )
  const inputIds = [...inputs.values()].flat().map(([input]) => text(input))
  const inputTags = grouped(
    inputIds.length === 0
      ? []
      : await tables.rows('select input_uuid, name, value from input_tags where input_uuid in (?)', inputIds),
  )
  const models = grouped(
    await tables.rows(
      `select source_id, destination_type, destination_id, ${(await tables.columns('inputs')).has('step') ? 'step' : '0'} from inputs
       where source_type in ('RUN_INPUT', 'RUN_OUTPUT') and destination_type in ('MODEL_INPUT', 'MODEL_OUTPUT') and source_id in (?)`,
      ids,
    ),
  )
  return rows.map((row) => {
    const id = text(row[0])
    const tagList = pairsOf(tags.get(id))
    return {
      id,
      experiment,
      name: text(row[1]) || (tagList.find((tag) => tag.key === 'mlflow.runName')?.value ?? ''),
      user: text(row[2]),
      status: text(row[3]) as SourceRun['status'],
      startMs: milliseconds(row[4]),
      endMs: row[5] === null || row[5] === undefined ? null : Number(row[5]),
      lifecycle: row[6] as Lifecycle,
      artifactUri: text(row[7]),
      parameters: pairsOf(parameters.get(id)),
      tags: tagList,
      inputs: (inputs.get(id) ?? []).map(([input, name, digest, sourceType, source, schema, profile]) => ({
        name: text(name),
        digest: text(digest),
        sourceType: text(sourceType),
        source: text(source),
        schema: textOrNull(schema),
        profile: textOrNull(profile),
        tags: pairsOf(inputTags.get(text(input))),
      })),
      models: (models.get(id) ?? []).map(([role, model, step]) => ({
        role: role === 'MODEL_INPUT' ? ('input' as const) : ('output' as const),
        model: text(model),
        step: Number(step),
      })),
      // The points themselves are as quick to read as anything that would tell of them.
      stamp: null,
      metricKeys: [],
    }
  })
}

async function describeLoggedModels(
  tables: Tables,
  experiment: string,
  rows: readonly Value[][],
): Promise<SourceLoggedModel[]> {
  const ids = rows.map(([id]) => text(id))
  const tags = grouped(
    await tables.rows('select model_id, tag_key, tag_value from logged_model_tags where model_id in (?)', ids),
  )
  const parameters = grouped(
    await tables.rows('select model_id, param_key, param_value from logged_model_params where model_id in (?)', ids),
  )
  const metrics = grouped(
    await tables.rows(
      `select model_id, metric_name, metric_value, metric_timestamp_ms, metric_step, run_id, dataset_name, dataset_digest
       from logged_model_metrics where model_id in (?) and metric_step ${EXACT} and metric_timestamp_ms ${EXACT}`,
      ids,
    ),
  )
  return rows.map(([id, name, uri, created, updated, status, lifecycle, modelType, run]) => ({
    id: text(id),
    experiment,
    name: text(name),
    artifactUri: text(uri),
    createdMs: milliseconds(created),
    updatedMs: milliseconds(updated),
    status: LOGGED_MODEL_STATUS[Number(status)] ?? 'LOGGED_MODEL_STATUS_UNSPECIFIED',
    lifecycle: lifecycle as Lifecycle,
    modelType: text(modelType),
    sourceRun: text(run),
    tags: pairsOf(tags.get(text(id))),
    parameters: pairsOf(parameters.get(text(id))),
    metrics: (metrics.get(text(id)) ?? []).map(([key, value, at, step, of, datasetName, datasetDigest]) => ({
      key: text(key),
      value: value === null || value === undefined ? Number.NaN : Number(value),
      atMs: Number(at),
      step: Number(step),
      run: text(of),
      datasetName: text(datasetName),
      datasetDigest: text(datasetDigest),
    })),
  }))
}

/** Runs put together so that each bundle has about as many points as one request may have. */
function* bundles(ids: readonly string[], points: ReadonlyMap<string, number>): Generator<string[]> {
  let bundle: string[] = []
  let total = 0
  for (const id of ids) {
    const count = points.get(id) ?? 0
    if (bundle.length > 0 && total + count > POINTS_PER_BUNDLE) {
      yield bundle
      bundle = []
      total = 0
    }
    bundle.push(id)
    total += count
  }
  if (bundle.length > 0) yield bundle
}

type Columns = { key: string; at: number[]; step: number[]; value: number[] }

function seriesOf(ids: readonly string[], rows: readonly Value[][]): Map<string, Series[]> {
  const runs = new Map<string, Map<string, Columns>>(ids.map((id) => [id, new Map()]))
  for (const [run, key, at, step, value, isNan] of rows) {
    const keys = runs.get(run as string)
    let series = keys?.get(key as string)
    if (!series) {
      series = { key: key as string, at: [], step: [], value: [] }
      keys?.set(series.key, series)
    }
    series.at.push(at as number)
    series.step.push(step as number)
    series.value.push(isNan ? Number.NaN : (value as number))
  }
  return new Map([...runs].map(([run, keys]) => [run, [...keys.values()]]))
}
