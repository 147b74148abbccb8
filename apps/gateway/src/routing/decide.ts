import type { AnswerRecord, EndpointSnapshot, Routing } from '@tidemark/contracts'
import { type Asked, fits, ruleFor } from './rules.ts'

/** Who answers a request, and what the log says about the rollout in force. */
export interface Choice {
  /** Version on trial that answers; null: the champion does. */
  readonly version: string | null
  /** null: no rollout is in force for this request. */
  readonly rollout: AnswerRecord['rollout']
}

export interface Moment {
  /** Where a key lies on the circle of a salt, percent: `positionPercent`. */
  readonly position: (salt: string, key: string) => number
  readonly leased: boolean
  /** Whether a version on trial could be loaded here. */
  readonly loaded: (version: string) => boolean
  /** Whether the exposure that the policy allows is used up for this caller. */
  readonly capped: (rollout: string, caller: string) => 'open' | 'full' | 'known'
}

const CHAMPION: Choice = { version: null, rollout: null }
/** Where in its slice a caller lies has nothing to do with where it lies otherwise. */
const SLICE_SALT = ' slice'

/**
 * Routes one request. `key` is what callers are shared out by: the caller, or the prediction's id where it is not known. Without a lease (the
 * server was silent for too long) the champion answers alone; so it does where the version that would answer is not loaded.
 *
 * Rules come first, then the weight with the slice's limit, then the caps. Only who was shared out by the weight alone is evidence of callers:
 * for all others the record says `by` what.
 */
export function route(spec: EndpointSnapshot, key: string, asked: Asked, now: Moment): Choice {
  const { routing } = spec
  if (routing.kind === 'single' || !now.leased) return CHAMPION
  const { rollout: id, stage } = routing
  if (routing.kind === 'shadow') {
    if (!now.loaded(routing.candidate.version)) return CHAMPION
    return { version: null, rollout: { id, stage, arm: 'champion', weightPercent: 0 } }
  }
  const shares = sharesOf(routing)
  // One that cannot be loaded leaves its callers to the champion, which is then no fair comparison for any of them.
  if (!shares.every(([version]) => now.loaded(version))) return CHAMPION
  const first = shares[0]?.[0] ?? ''
  const chosen = choose(routing, key, asked, now)
  const version = chosen.version
  const weight = shares.find(([name]) => name === (version ?? first))?.[1] ?? 0
  const masked = spec.logging?.caller === 'mask' && asked.caller !== null
  const by = chosen.by ?? (masked ? 'masked' : undefined)
  return {
    version,
    rollout: {
      id,
      stage,
      arm: version === null ? 'champion' : 'candidate',
      weightPercent: weight,
      ...(by === undefined ? {} : { by }),
      ...(routing.kind === 'split' ? { weights: Object.fromEntries(shares) } : {}),
    },
  }
}

type Shared = Extract<Routing, { kind: 'canary' | 'split' }>
type By = NonNullable<NonNullable<AnswerRecord['rollout']>['by']>

function choose(routing: Shared, key: string, asked: Asked, now: Moment): { version: string | null; by?: By } {
  const rule = routing.rules && ruleFor(routing.rules, asked)
  if (rule) return { version: sentTo(routing, rule.send), by: 'rule' }
  const weighed = byWeight(routing, now.position(routing.salt, key))
  const { exposure } = routing
  if (!exposure) return { version: weighed }
  const { slice } = exposure
  const sliced = slice !== null && fits(slice.column, asked.cell(slice.column.name))
  const version = sliced && !inSlice(routing, key, slice.maxPercent, now) ? null : weighed
  const by: { by?: By } = sliced ? { by: 'slice' } : {}
  if (exposure.maxRequests === null && exposure.maxCallers === null) return { version, ...by }
  const room = version === null ? now.capped(routing.rollout, '') : now.capped(routing.rollout, key)
  if (room === 'open') return { version, ...by }
  // Once a cap is reached no arm is tossed any more, whoever the caller is.
  return { version: room === 'known' ? version : null, by: 'cap' }
}

/** Which version's part of the circle this is; null: the champion's. */
function byWeight(routing: Shared, position: number): string | null {
  if (routing.kind === 'canary') return position < routing.weightPercent ? routing.candidate.version : null
  return routing.parts.find(({ toPercent }) => position < toPercent)?.version ?? null
}

/** Of the callers of a slice, those that versions on trial may have: a share of all, whatever the weight. */
function inSlice(routing: Shared, key: string, maxPercent: number, { position }: Moment): boolean {
  const weight = sharesOf(routing).reduce((sum, [, share]) => sum + share, 0)
  return weight <= maxPercent || position(routing.salt + SLICE_SALT, key) < (100 * maxPercent) / weight
}

/** Every version on trial with its share of the callers, percent. */
function sharesOf(routing: Shared): [version: string, percent: number][] {
  if (routing.kind === 'canary') return [[routing.candidate.version, routing.weightPercent]]
  let from = 0
  const shares = new Map(routing.variants.map(({ version }) => [version, 0]))
  for (const { toPercent, version } of routing.parts) {
    if (version !== null) shares.set(version, (shares.get(version) ?? 0) + toPercent - from)
    from = toPercent
  }
  return [...shares]
}

function sentTo(routing: Shared, send: 'champion' | 'candidate' | number): string | null {
  if (send === 'champion') return null
  const variants = routing.kind === 'canary' ? [routing.candidate] : routing.variants
  const sent = send === 'candidate' ? variants[0] : variants.find(({ version }) => version.endsWith(`/${send}`))
  return sent?.version ?? null
}

/** Whether the server was heard recently enough, in milliseconds of a monotonic clock. */
export function isLeased(lastHeardMs: number | null, nowMs: number, leaseSeconds: number): boolean {
  return lastHeardMs !== null && nowMs - lastHeardMs <= leaseSeconds * 1000
}
