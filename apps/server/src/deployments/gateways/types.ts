import type { Confirmation } from '@tidemark/contracts'

/** A gateway that has not heard from the server for so long gives all traffic back to the champion. */
export const LEASE_SECONDS = 15

/**
 * A gateway counts as live until its lease has surely run out: one that was cut off may route by its last snapshot until then, so a
 * rollback must not be called done before. Two seconds are for the answer's way to the gateway.
 */
export const LIVE_SECONDS = LEASE_SECONDS + 2

/** How long a question for a newer snapshot waits; well below the lease, so that a quiet server renews it. */
export const POLL_SECONDS = 4

export interface GatewayState {
  readonly id: string
  readonly lastSeen: Date
  readonly live: boolean
  /** Version of the snapshot it serves by; null before its first confirmation. */
  readonly confirmedVersion: number | null
  readonly failed: Confirmation['failed']
}

/** A model version that a gateway could not load. */
export interface LoadFailure {
  readonly gateway: string
  readonly workspace: string
  readonly endpoint: string
  readonly version: string
  readonly reason: string
}
