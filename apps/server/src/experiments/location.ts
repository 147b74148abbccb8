import { isAbsolute, join } from 'node:path'
import { ARTIFACT_SCHEME, artifactPath, invalid, invalidValue, MlflowError, pathOfUri } from '@tidemark/mlflow-protocol'

/** MLflow's default of MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH. */
const MAX_LENGTH = 2048

/** Schemes by which an address names a host that a server would have to connect to; MLflow 3.17 refuses them as locations too. */
const HOST_ADDRESSED: ReadonlySet<string> = new Set([
  'ftp',
  'sftp',
  'hdfs',
  'viewfs',
  'http',
  'https',
  'mlflow-artifacts',
  'r2',
  'b2',
  'abfss',
])

/** Folders of the own tree that experiments and workspaces are given by number and name. */
const RESERVED = /^(\d+|workspaces)(\/|$)/

/**
 * Where an experiment keeps its artifacts, as given by who makes it. Below `mlflow-artifacts:/` this server keeps them, outside of the folders that
 * it numbers itself. An object store, a `file:` address or a path is noted for the client, which writes and reads there itself; the server
 * never opens it. A relative path begins, as at MLflow's server, in `workingFolder`.
 * @throws MlflowError for addresses that name a host, and for what climbs, at any depth of encoding.
 */
export function locationOf(given: string, workingFolder: string): string {
  if (given.length > MAX_LENGTH) {
    throw invalid(
      `Invalid artifact path length. The length of the artifact path cannot be greater than ${MAX_LENGTH} characters. To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.`,
    )
  }
  if (/[#;]/.test(given)) throw invalid("'artifact_location' URL can't include fragments or params.")
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(given) ?? []
  if (scheme === undefined) return isAbsolute(given) ? safe(given, given) : safe(given, join(workingFolder, given))
  const kind = scheme.toLowerCase()
  if (kind === 'runs') throw invalid(`Artifact location cannot be a runs:/ URI. Given: '${given}'`)
  if (given.startsWith(ARTIFACT_SCHEME) && !rest.startsWith('//')) return ownLocation(given)
  if (HOST_ADDRESSED.has(kind)) {
    throw invalid(
      `'artifact_location' cannot use the '${kind}' scheme: the '${kind}' scheme addresses a host other than the tracking server's configured artifact storage, so the server would connect to the host named in the URI. Leave artifact_location out, give mlflow-artifacts:/ and a folder, or an object store.`,
    )
  }
  return safe(rest, given)
}

function ownLocation(location: string): string {
  const path = pathOfUri(location)
  if (path === null || location.includes('?') || RESERVED.test(path)) {
    throw invalidValue(
      'artifact_location',
      location,
      'This server numbers the folders of its experiments itself: leave artifact_location out, or give mlflow-artifacts:/ and a folder name that is not a number',
    )
  }
  return `${ARTIFACT_SCHEME}${artifactPath(path)}`
}

/** The location, unless its path is one that no artifact may have: the same rule as for the own tree. */
function safe(path: string, location: string): string {
  if (path.includes('?') || path.includes('\\')) throw invalid('Invalid query string')
  artifactPath(path.replace(/^\/+/, ''))
  // Folders of runs are put behind it with a slash.
  return location.replace(/(?<=[^/:])\/+$/, '')
}

/** The folder of the own tree that an address names. @throws MlflowError NOT_IMPLEMENTED for artifacts that lie elsewhere. */
export function ownFolder(uri: string): string {
  const folder = pathOfUri(uri)
  if (folder !== null) return folder
  throw new MlflowError(
    'NOT_IMPLEMENTED',
    `These artifacts lie at '${uri}', which this server never opens. MLflow's client reads and writes there itself.`,
  )
}
