import {
  checkBatch,
  checkKey,
  checkLength,
  cutTo,
  invalid,
  invalidValue,
  LIMITS,
  pythonFloat,
  pythonSet,
} from '@tidemark/mlflow-protocol'
import type { DatasetInput, KeyValue, LoggedMetric } from './types.ts'

// What may be logged: MLflow's limits, in its words.

const LARGEST_DOUBLE = Number.MAX_VALUE

export function checkExperimentTag(tag: KeyValue): void {
  checkKey(tag.key, 'key')
  checkLength('key', LIMITS.key, tag.key)
  checkLength('value', LIMITS.experimentTagValue, tag.value)
}

/** @returns the tag, its value cut to the limit, as MLflow's server does unless told otherwise. */
export function checkTag(tag: KeyValue, at: string): KeyValue {
  checkKey(tag.key, `${at}key`)
  checkLength(`${at}key`, LIMITS.key, tag.key)
  return { key: tag.key, value: cutTo(LIMITS.tagValue, tag.value) }
}

/** @returns the parameter, its value cut to the limit. */
export function checkParameter(parameter: KeyValue, at: string): KeyValue {
  checkKey(parameter.key, `${at}key`)
  checkLength('Param key', LIMITS.key, parameter.key)
  return { key: parameter.key, value: cutTo(LIMITS.parameterValue, parameter.value) }
}

export function checkMetric(metric: LoggedMetric, at: string): void {
  if ((metric.datasetName === null) !== (metric.datasetDigest === null)) {
    throw invalid('Both dataset_name and dataset_digest must be provided if one is provided')
  }
  checkKey(metric.key, `${at}name`)
  if (metric.atMs < 0) {
    throw invalidValue(
      `${at}timestamp`,
      metric.atMs,
      `metric '${metric.key}' (value=${pythonFloat(metric.value)}). Timestamp must be a nonnegative long (64-bit integer) `,
    )
  }
  checkLength('Metric name', LIMITS.key, metric.key)
}

interface Batch {
  readonly metrics: readonly LoggedMetric[]
  readonly parameters: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
}

/** @returns the batch, values that are too long cut. */
export function checkWholeBatch(id: string, batch: Batch): Batch {
  if (!/^[a-zA-Z0-9][\w-]{0,255}$/.test(id)) throw invalidValue('run_id', id)
  const { metrics } = batch
  // Names repeat in a batch of a training curve: each is looked at once.
  const seen = new Set<string>()
  for (const [index, metric] of metrics.entries()) {
    if (metric.atMs >= 0 && metric.datasetName === null && metric.datasetDigest === null && seen.has(metric.key))
      continue
    checkMetric(metric, `metrics[${index}].`)
    seen.add(metric.key)
  }
  const parameters = batch.parameters.map((parameter, index) => checkParameter(parameter, `params[${index}].`))
  const tags = batch.tags.map((tag, index) => checkTag(tag, `tags[${index}].`))
  checkBatch('metrics', LIMITS.metricsPerBatch, metrics.length)
  checkBatch('params', LIMITS.parametersPerBatch, parameters.length)
  checkBatch('tags', LIMITS.tagsPerBatch, tags.length)
  checkBatch('metrics, params, and tags', LIMITS.entitiesPerBatch, metrics.length + parameters.length + tags.length)
  const keys = parameters.map((parameter) => parameter.key)
  const twice = keys.filter((key, index) => keys.indexOf(key) < index)
  if (twice.length > 0) {
    throw invalid(
      `Duplicate parameter keys have been submitted: [${twice.map((key) => `'${key}'`).join(', ')}]. Please ensure the request contains only one param value per param key.`,
    )
  }
  return { metrics, parameters, tags }
}

export function checkDataset(dataset: DatasetInput): void {
  checkLength('name', LIMITS.datasetName, dataset.name)
  checkLength('digest', LIMITS.datasetDigest, dataset.digest)
  checkLength('source', LIMITS.datasetSource, dataset.source)
  checkLength('schema', LIMITS.datasetSchema, dataset.schema ?? undefined)
  checkLength('profile', LIMITS.datasetProfile, dataset.profile ?? undefined)
  for (const tag of dataset.tags) {
    checkLength('key', LIMITS.inputTagKey, tag.key)
    checkLength('value', LIMITS.inputTagValue, tag.value)
  }
}

export function parseModelJson(text: string): unknown {
  let model: unknown
  try {
    model = JSON.parse(text)
  } catch {
    throw invalid(`Malformed model info. \n ${text} \n is not a valid JSON.`)
  }
  const fields = ['artifact_path', 'flavors', 'utc_time_created', 'run_id']
  const absent = fields.filter((field) => typeof model !== 'object' || model === null || !(field in model))
  if (absent.length > 0) {
    throw invalid(`Model json is missing mandatory fields: ${pythonSet(absent)}`)
  }
  return model
}

export function parseList(text: string | undefined): unknown[] {
  const parsed: unknown = text === undefined ? [] : JSON.parse(text)
  return Array.isArray(parsed) ? parsed : []
}

/** Infinities are stored as the greatest double, as MLflow's own store does; a NaN stays one. */
export function storedValue(value: number): number {
  return Math.abs(value) === Number.POSITIVE_INFINITY ? Math.sign(value) * LARGEST_DOUBLE : value
}
