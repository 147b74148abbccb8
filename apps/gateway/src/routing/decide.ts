import type { EndpointSnapshot } from '@tidemark/contracts'

/** Who answers a request, who is asked beside it, and what the log says about the rollout in force. */
export type Choice =
  | { readonly kind: 'champion' }
  | {
      readonly kind: 'rollout'
      readonly arm: 'champion' | 'candidate'
      readonly rollout: string
      readonly stage: number
      /** Share of callers that the candidate answers at this moment, percent. */
      readonly weightPercent: number
    }

/**
 * Routes one request. `positionPercent` is where its caller lies on the circle of the rollout (position.ts). Without a lease (the server was silent for too
 * long) and without a loaded candidate the champion answers alone.
 */
export function route(
  endpoint: EndpointSnapshot,
  positionPercent: number,
  now: { leased: boolean; candidateLoaded: boolean },
): Choice {
  const { routing } = endpoint
  if (routing.kind === 'single' || !now.leased || !now.candidateLoaded) return { kind: 'champion' }
  const { rollout, stage } = routing
  if (routing.kind === 'shadow') return { kind: 'rollout', arm: 'champion', rollout, stage, weightPercent: 0 }
  const { weightPercent } = routing
  const arm = positionPercent < weightPercent ? 'candidate' : 'champion'
  return { kind: 'rollout', arm, rollout, stage, weightPercent }
}

/** Whether the server was heard recently enough, in milliseconds of a monotonic clock. */
export function isLeased(lastHeardMs: number | null, nowMs: number, leaseSeconds: number): boolean {
  return lastHeardMs !== null && nowMs - lastHeardMs <= leaseSeconds * 1000
}
