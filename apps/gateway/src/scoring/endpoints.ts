import { endpointKey, type ServedEndpoint, type Serving } from '../snapshot/serving.ts'
import { AmbiguousEndpoint, NoSuchEndpoint, NothingServed } from './errors.ts'

/** @throws NoSuchEndpoint; NothingServed before any snapshot came. */
export function namedEndpoint(serving: Serving, workspace: string, name: string): ServedEndpoint {
  const endpoint = serving.endpoints.get(endpointKey(workspace, name))
  if (endpoint) return endpoint
  if (serving.version < 0) throw NothingServed()
  throw NoSuchEndpoint()
}

/**
 * The endpoint that the root's `/invocations` and `/ping` mean: the configured one, else the only one.
 * @throws AmbiguousEndpoint, NoSuchEndpoint, NothingServed
 */
export function defaultEndpoint(serving: Serving, workspace: string, configured: string | undefined): ServedEndpoint {
  if (configured !== undefined) return namedEndpoint(serving, workspace, configured)
  const [first, ...others] = [...serving.endpoints.values()].filter(({ spec }) => spec.workspace === workspace)
  if (!first) throw NothingServed()
  if (others.length > 0) throw AmbiguousEndpoint([first, ...others].map(({ spec }) => spec.name).sort())
  return first
}
