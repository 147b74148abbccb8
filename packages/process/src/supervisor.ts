/**
 * Ends this process when its supervisor is gone, also when that was killed with -9: the IPC channel then closes by itself.
 * Without a supervisor (tests, a process manager of another kind) it does nothing.
 */
export function onParentGone(stop: () => void): void {
  if (process.channel) process.once('disconnect', stop)
}

/** Tells the supervisor that this process answers. */
export function reportReady(details: Record<string, unknown>): void {
  process.send?.({ ready: true, ...details })
}
