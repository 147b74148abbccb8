import { checkBatch, checkKey, checkLength, invalid, invalidValue, LIMITS } from '@tidemark/mlflow-protocol'
import type { DatasetInput, KeyValue, LoggedMetric } from './types.ts'

// What may be logged: MLflow's limits, in its words.

const LARGEST_DOUBLE = Number.MAX_VALUE

export function checkExperimentTag(tag: KeyValue): void {
  checkKey(tag.key, 'key')
  checkLength('key', LIMITS.key, tag.key)
  checkLength('value', LIMITS.experimentTagValue, tag.value)
}

export function checkTag(tag: KeyValue, at: string): void {
  checkKey(tag.key, `${at}key`)
  checkLength(`${at}key`, LIMITS.key, tag.key)
  checkLength(`${at}value`, LIMITS.tagValue, tag.value)
}

export function checkParameter(parameter: KeyValue, at: string): void {
  checkKey(parameter.key, `${at}key`)
  checkLength('Param key', LIMITS.key, parameter.key)
  checkLength('Param value', LIMITS.parameterValue, parameter.value)
}

export function checkMetric(metric: LoggedMetric, at: string): void {
  checkKey(metric.key, `${at}name`)
  if (metric.atMs < 0) {
    throw invalidValue(
      `${at}timestamp`,
      metric.atMs,
      `metric '${metric.key}' (value=${metric.value}). Timestamp must be a nonnegative long (64-bit integer) `,
    )
  }
  checkLength('Metric name', LIMITS.key, metric.key)
}

export function checkWholeBatch(
  id: string,
  batch: { metrics: readonly LoggedMetric[]; parameters: readonly KeyValue[]; tags: readonly KeyValue[] },
): void {
  if (!/^[a-zA-Z0-9][\w-]{0,255}$/.test(id)) throw invalidValue('run_id', id)
  const { metrics, parameters, tags } = batch
  // Names repeat in a batch of a training curve: each is looked at once.
  const seen = new Set<string>()
  for (const [index, metric] of metrics.entries()) {
    if (metric.atMs >= 0 && seen.has(metric.key)) continue
    checkMetric(metric, `metrics[${index}].`)
    seen.add(metric.key)
  }
  for (const [index, parameter] of parameters.entries()) checkParameter(parameter, `params[${index}].`)
  for (const [index, tag] of tags.entries()) checkTag(tag, `tags[${index}].`)
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
}

export function checkDataset(dataset: DatasetInput): void {
  checkLength('name', LIMITS.datasetName, dataset.name)
  checkLength('digest', LIMITS.datasetDigest, dataset.digest)
  checkLength('source', LIMITS.datasetSource, dataset.source)
  checkLength('schema', LIMITS.datasetSchema, dataset.schema ?? undefined)
  checkLength('profile', LIMITS.datasetProfile, dataset.profile ?? undefined)
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
    throw invalid(`Model json is missing mandatory fields: {${absent.map((field) => `'${field}'`).join(', ')}}`)
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
