import { type GatewayState, LIVE_SECONDS } from './types.ts'

/** Whether a gateway last seen then may still be routing by its last snapshot. */
export function isLive(lastSeen: Date, now: Date): boolean {
  return now.getTime() - lastSeen.getTime() <= LIVE_SECONDS * 1000
}

/** Whether every live gateway serves by this snapshot or a later one. Without a live gateway nobody serves anything older. */
export function isConfirmed(gateways: readonly GatewayState[], version: number): boolean {
  return gateways.every(
    (gateway) => !gateway.live || (gateway.confirmedVersion !== null && gateway.confirmedVersion >= version),
  )
}
