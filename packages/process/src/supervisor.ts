/**
 * Ends this process when its supervisor is gone, also when that was killed with -9: the IPC channel then closes by itself.
 * Without a supervisor (tests, a process manager of another kind) it does nothing.
 */
export function onParentGone(stop: () => void): void {
  if (process.channel) process.once('disconnect', stop)
}

/**
 * The settings that the supervisor did not know yet when it started this process: the address of a database that starts at the same time.
 * @throws Error when the supervisor ends before it has told them
 */
export function laterSettings(): Promise<NodeJS.ProcessEnv> {
  return new Promise((resolve, reject) => {
    if (!process.channel) return reject(new Error('No supervisor is there to tell the rest of the settings.'))
    const gone = () => reject(new Error('The supervisor ended before it told the rest of the settings.'))
    process.once('disconnect', gone)
    process.on('message', function listen(message) {
      if (typeof message !== 'object' || message === null || !('settings' in message)) return
      process.off('message', listen)
      process.off('disconnect', gone)
      resolve(message.settings as NodeJS.ProcessEnv)
    })
  })
}

/** Tells the supervisor that this process answers. */
export function reportReady(details: Record<string, unknown>): void {
  process.send?.({ ready: true, ...details })
}
