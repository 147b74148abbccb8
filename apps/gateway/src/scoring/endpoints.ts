import { endpointKey, type ServedEndpoint, type Serving } from '../snapshot/serving.ts'
import { AmbiguousEndpoint, EndpointUnavailable, NoSuchEndpoint, NothingServed } from './errors.ts'

/** @throws NoSuchEndpoint, EndpointUnavailable; NothingServed before any snapshot came. */
export function namedEndpoint(serving: Serving, workspace: string, name: string): ServedEndpoint {
  const key = endpointKey(workspace, name)
  const endpoint = serving.endpoints.get(key)
  if (endpoint) return endpoint
  if (serving.unavailable.has(key)) throw EndpointUnavailable()
  if (serving.version < 0) throw NothingServed()
  throw NoSuchEndpoint()
}

/**
 * The endpoint that the root's `/invocations` and `/ping` mean: the configured one, else the only one.
 * @throws AmbiguousEndpoint, NoSuchEndpoint, NothingServed
 */
export function defaultEndpoint(serving: Serving, workspace: string, configured: string | undefined): ServedEndpoint {
  if (configured !== undefined) return namedEndpoint(serving, workspace, configured)
  const prefix = endpointKey(workspace, '')
  const keys = [...serving.endpoints.keys(), ...serving.unavailable].filter((key) => key.startsWith(prefix))
  const [name, ...others] = keys.map((key) => key.slice(prefix.length)).sort()
  if (name === undefined) throw NothingServed()
  if (others.length > 0) throw AmbiguousEndpoint([name, ...others])
  return namedEndpoint(serving, workspace, name)
}
