import { setTimeout as sleep } from 'node:timers/promises'
import { countEnd, type Failures, restartDelayMs } from './backoff.ts'
import type { Journal } from './journal.ts'

/** A part of the platform that runs now. */
export interface Running {
  readonly pid: number
  /** Resolves when it has ended, with how ("was killed by SIGKILL"). */
  readonly exited: Promise<string>
  stop(): Promise<void>
}

/** A part of the platform that can be started again and again. */
export interface Part {
  readonly name: string
  /** Resolves when the part is ready to serve; rejects, with nothing left running, when it fails or is told to give up. */
  start(giveUp: AbortSignal): Promise<Running>
}

/** A part that is kept running. */
export interface Kept {
  /** Undefined while it is down. */
  pid(): number | undefined
  /** Ends the part for good. */
  stop(): Promise<void>
}

/**
 * Starts a part and starts it again whenever it ends, with growing pauses.
 * @throws what its first start throws: a platform that cannot start says why instead of trying for ever
 */
export async function keepRunning(part: Part, journal: Journal, giveUp: AbortSignal): Promise<Kept> {
  const stopping = new AbortController()
  let current: Running | undefined = await part.start(giveUp)

  /** Tries until it runs; undefined when the stop came first. */
  async function restart(failures: Failures): Promise<Running | undefined> {
    for (let count = failures; ; count++) {
      await sleep(restartDelayMs(count), undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return undefined
      const begun = performance.now()
      try {
        const running = await part.start(stopping.signal)
        const ms = Math.round(performance.now() - begun)
        journal.write('restarted', { part: part.name, pid: running.pid, ms }, `the ${part.name} runs again (${ms} ms)`)
        if (!stopping.signal.aborted) return running
        await running.stop()
      } catch (error) {
        if (stopping.signal.aborted) return undefined
        const reason = error instanceof Error ? error.message : String(error)
        journal.write('restart-failed', { part: part.name, reason }, `the ${part.name} did not start again: ${reason}`)
      }
    }
  }

  async function watch(first: Running): Promise<void> {
    let failures: Failures = 0
    for (let running: Running | undefined = first; running; current = running) {
      const begun = performance.now()
      const how = await running.exited
      current = undefined
      if (stopping.signal.aborted) return
      failures = countEnd(failures, performance.now() - begun)
      const fields = { part: part.name, pid: running.pid, how, failures }
      journal.write('ended', fields, `the ${part.name} ${how}; starting it again`)
      running = await restart(failures)
    }
  }

  const watching = watch(current)
  return {
    pid: () => current?.pid,
    stop: async () => {
      stopping.abort()
      await current?.stop()
      await watching
    },
  }
}
