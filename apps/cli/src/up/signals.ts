import type { Platform } from './up.ts'

/** How the person at the terminal, or the service manager, ends a platform. */
export interface SignalStop {
  /** Aborted by a signal that comes while the platform is still starting. */
  readonly giveUp: AbortSignal
  /** From now on the first signal stops this platform in order, the second kills it. */
  attach(platform: Platform): void
}

/** SIGHUP too: closing the terminal must not leave a platform without anybody to stop it. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const PATIENCE_MS = 10_000
/** One Ctrl-C under `npm run` arrives twice: from the terminal, and again from npm. A person's second one comes later. */
const SAME_PRESS_MS = 700

/** Listens for the signals that end this process, from before the platform starts. */
export function stopOnSignals(): SignalStop {
  const giveUp = new AbortController()
  let platform: Platform | undefined
  let firstSignal: number | undefined

  function kill(reason: string): never {
    process.stderr.write(`tidemark: ${reason}, killing what still runs\n`)
    platform?.kill()
    process.exit(1)
  }

  function stop(): void {
    setTimeout(() => kill('not stopped after 10 s'), PATIENCE_MS).unref()
    platform?.stop().catch((error: unknown) => kill(error instanceof Error ? error.message : String(error)))
  }

  function onSignal(): void {
    if (firstSignal !== undefined) {
      if (performance.now() - firstSignal > SAME_PRESS_MS) kill('stopped twice')
      return
    }
    firstSignal = performance.now()
    process.stderr.write('tidemark: stopping…\n')
    giveUp.abort()
    stop()
  }

  for (const signal of SIGNALS) process.on(signal, onSignal)
  return {
    giveUp: giveUp.signal,
    attach: (started) => {
      platform = started
      if (firstSignal !== undefined) stop()
    },
  }
}
