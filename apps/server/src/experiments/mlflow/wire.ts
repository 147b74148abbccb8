import {
  unlessEmpty,
  type WireExperiment,
  type WireFile,
  type WireLoggedModel,
  type WireMetric,
  type WireRun,
  type WireRunInfo,
  wireDouble,
} from '@tidemark/mlflow-protocol'
import type {
  DatasetInput,
  Experiment,
  FolderEntry,
  LoggedModel,
  MetricPoint,
  Run,
  RunInfo,
  RunModel,
} from '../types.ts'

export function wireExperiment(experiment: Experiment, workspace: string): WireExperiment {
  return {
    experiment_id: String(experiment.id),
    name: experiment.name,
    artifact_location: experiment.artifactLocation,
    lifecycle_stage: experiment.lifecycle,
    last_update_time: experiment.updatedMs,
    creation_time: experiment.createdMs,
    ...unlessEmpty('tags', experiment.tags),
    workspace,
  }
}

export function wireRunInfo(run: RunInfo): WireRunInfo {
  return {
    run_uuid: run.id,
    experiment_id: String(run.experiment),
    run_name: run.name,
    user_id: run.user,
    status: run.status,
    start_time: run.startMs,
    ...(run.endMs === null ? {} : { end_time: run.endMs }),
    artifact_uri: run.artifactUri,
    lifecycle_stage: run.lifecycle,
    run_id: run.id,
  }
}

export function wireMetric(metric: MetricPoint): WireMetric {
  return { key: metric.key, value: wireDouble(metric.value), timestamp: metric.atMs, step: metric.step }
}

/** A run as get and search give it; a newly created one comes without outputs. */
export function wireRun(run: Run, outputs: 'with outputs' | 'without outputs' = 'with outputs'): WireRun {
  return {
    info: wireRunInfo(run),
    data: {
      ...unlessEmpty('metrics', run.metrics.map(wireMetric)),
      ...unlessEmpty('params', run.parameters),
      ...unlessEmpty('tags', run.tags),
    },
    inputs: wireInputs(run.inputs, run.models),
    ...(outputs === 'without outputs' ? {} : { outputs: wireOutputs(run.models) }),
  }
}

export function wireInputs(inputs: readonly DatasetInput[], models: readonly RunModel[]): WireRun['inputs'] {
  return {
    ...unlessEmpty(
      'dataset_inputs',
      inputs.map((input) => ({
        ...unlessEmpty('tags', input.tags),
        dataset: {
          name: input.name,
          digest: input.digest,
          source_type: input.sourceType,
          source: input.source,
          ...(input.schema === null ? {} : { schema: input.schema }),
          ...(input.profile === null ? {} : { profile: input.profile }),
        },
      })),
    ),
    ...unlessEmpty(
      'model_inputs',
      models.filter(({ role }) => role === 'input').map(({ model }) => ({ model_id: model })),
    ),
  }
}

export function wireOutputs(models: readonly RunModel[]): NonNullable<WireRun['outputs']> {
  return unlessEmpty(
    'model_outputs',
    models.filter(({ role }) => role === 'output').map(({ model, step }) => ({ model_id: model, step })),
  )
}

export function wireLoggedModel(model: LoggedModel): WireLoggedModel {
  return {
    info: {
      model_id: model.id,
      experiment_id: String(model.experiment),
      name: model.name,
      creation_timestamp_ms: model.createdMs,
      last_updated_timestamp_ms: model.updatedMs,
      artifact_uri: model.artifactUri,
      status: model.status,
      model_type: model.modelType,
      source_run_id: model.sourceRun,
      ...unlessEmpty('tags', model.tags),
    },
    data: {
      ...unlessEmpty('params', model.parameters),
      ...unlessEmpty(
        'metrics',
        model.metrics.map((metric) => ({
          ...wireMetric(metric),
          model_id: model.id,
          run_id: metric.run,
          ...(metric.datasetName ? { dataset_name: metric.datasetName, dataset_digest: metric.datasetDigest } : {}),
        })),
      ),
    },
  }
}

/** Entries of a folder, with paths below `prefix`. */
export function wireFiles(entries: readonly FolderEntry[], prefix: string): WireFile[] {
  return entries.map((entry) => {
    const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    if (entry.kind === 'folder') return { path, is_dir: true }
    // As protobuf does with a zero, an empty file comes without its size.
    return { path, is_dir: false, ...(entry.bytes === 0 ? {} : { file_size: entry.bytes }) }
  })
}
