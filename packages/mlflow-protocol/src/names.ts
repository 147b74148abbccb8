import { invalid, invalidValue } from './errors.ts'
import { pythonText } from './python.ts'

/** Limits of MLflow 3.17 (`mlflow/utils/validation.py`): counts per request and lengths in characters. */
export const LIMITS = {
  parametersPerBatch: 100,
  tagsPerBatch: 100,
  metricsPerBatch: 1000,
  entitiesPerBatch: 1000,
  key: 250,
  parameterValue: 6000,
  tagValue: 8000,
  experimentName: 500,
  experimentTagValue: 20_000,
  registryTagValue: 100_000,
  alias: 255,
  datasetName: 500,
  datasetDigest: 36,
  datasetSource: 65_535,
  datasetSchema: 1_048_575,
  datasetProfile: 16_777_215,
  inputTagKey: 255,
  inputTagValue: 500,
} as const

const NAME = /^[/\p{L}\p{N}_.\- :]*$/u

/** Python's `posixpath.normpath`. */
export function normalPath(path: string): string {
  if (path === '') return '.'
  const root = path.startsWith('//') && !path.startsWith('///') ? '//' : path.startsWith('/') ? '/' : ''
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (root === '') parts.push('..')
  }
  return root + parts.join('/') || '.'
}

function checkPathLike(name: string, path: string): void {
  const normal = normalPath(name)
  if (normal !== name || normal === '.' || normal.startsWith('..') || normal.startsWith('/')) {
    throw invalidValue(
      path,
      name,
      `Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to ${pythonText(normal)}`,
    )
  }
}

/** Refuses a key of a metric, parameter or tag that has other characters, or that would read as another path. */
export function checkKey(name: string, path: string): void {
  if (!NAME.test(name)) {
    throw invalidValue(
      path,
      name,
      'Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).',
    )
  }
  checkPathLike(name, path)
}

/** Refuses text longer than a limit; counted in code points, as Python does. */
export function checkLength(what: string, limit: number, value: string | undefined): void {
  if (value === undefined || value.length <= limit) return
  if ([...value].length > limit) throw invalid(`'${what}' exceeds the maximum length of ${limit} characters`)
}

/** Text cut to a limit, as MLflow's server cuts values that are too long unless told otherwise; counted in code points. */
export function cutTo(limit: number, value: string): string {
  return value.length <= limit ? value : [...value].slice(0, limit).join('')
}

/** @throws MlflowError for a batch of more than `limit`. */
export function checkBatch(what: string, limit: number, count: number): void {
  if (count <= limit) return
  throw invalid(
    `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again.`,
  )
}

export function checkExperimentName(name: string): void {
  if (name === '') throw invalid("Invalid experiment name: ''")
  checkLength('name', LIMITS.experimentName, name)
}

/** An experiment id on the wire is the text of an integer. */
export function experimentNumber(id: string): number {
  if (!/^\s*[+-]?\d{1,15}\s*$/.test(id)) {
    throw invalid(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`)
  }
  return Number(id)
}

export function checkModelName(name: string, path = 'name'): void {
  if (name.trim() === '') throw invalid(`Missing value for required parameter '${path}'.`)
  if (/[/:]/.test(name)) throw invalid(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`)
  checkPathLike(name, 'name')
}

/** The name of a model that is to be made: `%6d` would be taken for the model `m` by whoever decodes once too often (CVE-2024-3099). */
export function checkNewModelName(name: string, path = 'name'): void {
  checkModelName(name, path)
  if (/%[0-9a-f]{2}/i.test(name)) {
    throw invalid(`Invalid model name '${name}'. Names cannot contain URL-encoded characters.`)
  }
}

export function checkLoggedModelName(name: string): void {
  if (name === '' || /[/:.%"']/.test(name)) {
    throw invalid(
      `Invalid model name (${pythonText(name)}) provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`,
    )
  }
}

export function checkAlias(alias: string): void {
  if (!/^[\p{L}\p{N}_-]*$/u.test(alias)) {
    throw invalid(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`,
    )
  }
  checkLength('Registered model alias name', LIMITS.alias, alias)
}

/** What may be set; "latest" and "v1" may be asked for, never set. */
export function checkAliasIsFree(alias: string): void {
  checkAlias(alias)
  if (alias.toLowerCase() === 'latest') throw invalid("'latest' alias name (case insensitive) is reserved.")
  if (/^[vV]\d+$/.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`)
}

export function versionNumber(version: string): number {
  if (!/^\s*[+-]?\d{1,9}\s*$/.test(version)) throw invalid(`Parameter 'version' must be an integer, got '${version}'.`)
  return Number(version)
}
