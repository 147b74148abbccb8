import { ARTIFACT_SCHEME, artifactPath } from '@tidemark/mlflow-protocol'

/** What a version is made from. `refused` says why in MLflow's words. */
export type Source =
  | { readonly kind: 'run'; readonly run: string; readonly path: string }
  | { readonly kind: 'loggedModel'; readonly id: string }
  | { readonly kind: 'version'; readonly model: string; readonly ref: { version: number } | { alias: string } }
  | { readonly kind: 'artifact'; readonly path: string; readonly within: 'run' | 'loggedModel' }
  /** In an object store of the caller's: noted, never opened. Such a version has no files here and cannot be served. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'prompt' }
  | { readonly kind: 'refused'; readonly reason: string }

const OBJECT_STORES: readonly string[] = [
  's3',
  'gs',
  'wasb',
  'wasbs',
  'abfs',
  'abfss',
  'dbfs',
  'hdfs',
  'viewfs',
  'b2',
  'r2',
]
const PROMPT_PLACEHOLDERS: readonly string[] = ['dummy-source', 'prompt-template']

/**
 * Reads the source of a new model version (MLflow's rules since 3.1). What this server holds may become one only together with the run or
 * logged model that it belongs to. An object store's address is kept as a note. Nothing is ever read from another place, neither from this
 * machine's disk nor from an address.
 */
export function readSource(source: string, run: string, loggedModel: string, isPrompt: boolean): Source {
  if (isPrompt) {
    if (PROMPT_PLACEHOLDERS.includes(source)) return { kind: 'prompt' }
    return refused(`Invalid prompt source: '${source}'. Prompt sources must use an MLflow placeholder.`)
  }
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(source)
  const scheme = match?.[1]
  const rest = match?.[2] ?? ''
  if (scheme === undefined || scheme === 'file') return refused(localPath(source))
  if (OBJECT_STORES.includes(scheme)) return isPlain(rest) ? { kind: 'elsewhere' } : refused(notAbsolute(source))
  if (scheme !== 'runs' && scheme !== 'models' && scheme !== 'mlflow-artifacts') {
    return refused(
      `Invalid model version source: '${source}'. A version is made from artifacts that this server holds ('runs:/', 'models:/' or 'mlflow-artifacts:/'): an address of another host ('${scheme}:') is never opened. Log the model here first.`,
    )
  }
  if (!rest.startsWith('/') || rest.startsWith('//')) return refused(notAbsolute(source))
  let path: string
  try {
    path = artifactPath(rest.slice(1))
  } catch {
    return refused(notAbsolute(source))
  }
  if (/[?]/.test(path)) return refused(notAbsolute(source))
  switch (scheme) {
    case 'runs':
      return runSource(source, path, run, loggedModel)
    case 'models':
      return modelSource(source, path, loggedModel)
    case 'mlflow-artifacts':
      if (loggedModel !== '') return { kind: 'artifact', path, within: 'loggedModel' }
      return run === '' ? refused(notWithin(source, 'run_id')) : { kind: 'artifact', path, within: 'run' }
  }
}

/** An address below a bucket without parts that climb, at any depth of encoding. */
function isPlain(rest: string): boolean {
  try {
    artifactPath(rest.replace(/^\/+/, ''))
    return !/[?]/.test(rest)
  } catch {
    return false
  }
}

function runSource(source: string, path: string, run: string, loggedModel: string): Source {
  if (loggedModel !== '') return refused(notWithin(source, 'model_id'))
  const slash = path.indexOf('/')
  const id = slash < 0 ? path : path.slice(0, slash)
  if (run === '' || id !== run) return refused(notWithin(source, 'run_id'))
  return { kind: 'run', run, path: slash < 0 ? '' : path.slice(slash + 1) }
}

function modelSource(source: string, path: string, loggedModel: string): Source {
  if (/^m-[0-9a-f]{32}$/.test(path)) {
    return path === loggedModel ? { kind: 'loggedModel', id: path } : refused(notWithin(source, 'model_id'))
  }
  const alias = /^([^/@]+)@([^/@]+)$/.exec(path)
  if (alias?.[1] && alias[2]) return { kind: 'version', model: alias[1], ref: { alias: alias[2] } }
  const numbered = /^([^/@]+)\/([1-9]\d{0,8})$/.exec(path)
  if (numbered?.[1]) return { kind: 'version', model: numbered[1], ref: { version: Number(numbered[2]) } }
  return refused(notWithin(source, 'model_id'))
}

/** True when an address lies in or at a root address of this server. */
export function isWithin(path: string, rootUri: string): boolean {
  const root = rootUri.slice(ARTIFACT_SCHEME.length)
  return path === root || path.startsWith(`${root}/`)
}

function refused(reason: string): Source {
  return { kind: 'refused', reason }
}

/** MLflow's words for a source outside of the run or logged model that the request names. */
export function notWithin(source: string, parameter: 'run_id' | 'model_id'): string {
  return `Invalid model version source: '${source}'. The ${parameter} request parameter must identify the resource that contains the source.`
}

function notAbsolute(source: string): string {
  return `Invalid model version source: '${source}'. If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.`
}

function localPath(source: string): string {
  return `Invalid model version source: '${source}'. To use a local path as a model version source, the run_id request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the run_id.`
}
