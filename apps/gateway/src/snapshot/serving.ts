import type { Confirmation, EndpointSnapshot, Snapshot, Variant } from '@tidemark/contracts'
import type { LoadedVersion } from '../runtimes/models.ts'
import { type KnownTokens, knownTokens } from '../scoring/access.ts'

/** An endpoint as this gateway serves it. */
export interface ServedEndpoint {
  readonly spec: EndpointSnapshot
  readonly champion: LoadedVersion
  /** Versions on trial that could be loaded. */
  readonly tried: readonly LoadedVersion[]
}

/** What the gateway serves at one moment; replaced as a whole. */
export interface Serving {
  readonly version: number
  readonly leaseSeconds: number
  /** Who may ask; null: there is no login. */
  readonly tokens: KnownTokens | null
  /** By which the log's hashes are made, hex; null: the snapshot has none. */
  readonly logKey: string | null
  /** Segments of the log opened before this are to be ended; milliseconds since 1970. */
  readonly endSegmentsBefore: number
  readonly endpoints: ReadonlyMap<string, ServedEndpoint>
  /** Endpoints of the snapshot whose champion is not loaded here, and was not before. */
  readonly unavailable: ReadonlySet<string>
  readonly failed: Confirmation['failed']
}

export const NOTHING: Serving = {
  version: -1,
  leaseSeconds: 0,
  tokens: null,
  logKey: null,
  endSegmentsBefore: 0,
  endpoints: new Map(),
  unavailable: new Set(),
  failed: [],
}

/** One key of an endpoint's workspace and name. */
export function endpointKey(workspace: string, name: string): string {
  return `${workspace}/${name}`
}

/** The versions that an endpoint serves now, the champion first. */
export function variantsOf(endpoint: EndpointSnapshot): Variant[] {
  return [endpoint.champion, ...variantsTried(endpoint)]
}

function variantsTried({ routing }: EndpointSnapshot): readonly Variant[] {
  switch (routing.kind) {
    case 'single':
      return []
    case 'shadow':
    case 'canary':
      return [routing.candidate]
    case 'split':
      return routing.variants
  }
}

/**
 * Result of loading one variant. `unreachable`: its files are not here and the server is away, so nothing is known about it; or it still loads.
 */
export type Loaded =
  | { readonly kind: 'loaded'; readonly version: LoadedVersion }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }

/**
 * What to serve by a snapshot, given what could be loaded. A candidate that cannot be loaded leaves its endpoint to the champion; a champion that
 * cannot leaves the endpoint as it was before, if it was. Both are named in `failed`, so that the server can act.
 */
export function arrange(snapshot: Snapshot, before: Serving, loaded: (variant: Variant) => Loaded): Serving {
  const endpoints = new Map<string, ServedEndpoint>()
  const unavailable = new Set<string>()
  const failed: Confirmation['failed'] = []
  const take = (endpoint: EndpointSnapshot, variant: Variant): LoadedVersion | null => {
    const result = loaded(variant)
    if (result.kind === 'loaded') return result.version
    const { workspace, name } = endpoint
    failed.push({ workspace, endpoint: name, version: variant.version, reason: result.reason })
    return null
  }
  for (const spec of snapshot.endpoints) {
    const key = endpointKey(spec.workspace, spec.name)
    const champion = take(spec, spec.champion)
    const tried = variantsTried(spec).flatMap((variant) => take(spec, variant) ?? [])
    if (champion) endpoints.set(key, { spec, champion, tried })
    else {
      const last = before.endpoints.get(key)
      // Its old champion alone: the routing around it is no longer the server's word.
      if (last) {
        endpoints.set(key, { ...last, spec: { ...last.spec, routing: { kind: 'single' } }, tried: [] })
      } else unavailable.add(key)
    }
  }
  const { version, leaseSeconds, logKey = null } = snapshot
  const endSegmentsBefore = snapshot.endSegmentsBefore === undefined ? 0 : Date.parse(snapshot.endSegmentsBefore)
  const tokens = snapshot.access ? knownTokens(snapshot.access.tokens) : null
  return { version, leaseSeconds, tokens, logKey, endSegmentsBefore, endpoints, unavailable, failed }
}

/** Every variant that this serving may need, for what may be closed and removed. */
export function variantsServed(serving: Serving): Variant[] {
  return [...serving.endpoints.values()].flatMap(({ spec }) => variantsOf(spec))
}
