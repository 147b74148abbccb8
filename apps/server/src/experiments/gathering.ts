import { inTransaction, isConnectionLoss, type Platform } from '../platform/index.ts'
import { GATHER_ROWS, gatherLog } from './historyStore.ts'

// Reading a metric reads the run's rows of the log: so many, of one value each, cost about a millisecond.
const ROWS = 500
const MOST_COUNTED = 100_000

export type Gathering = ReturnType<typeof createGathering>

/**
 * Keeps the log of metrics short: the calls of each run are counted, and after some hundreds its log is gathered into chunks, one run after the
 * other, beside the requests. The counts need not survive a restart: a reader that meets a long log asks for it too.
 */
export function createGathering(platform: Platform) {
  const { db, log } = platform
  const counts = new Map<number, number>()
  const asked = new Set<number>()
  let working: Promise<void> | undefined

  async function work(): Promise<void> {
    for (const run of asked) {
      asked.delete(run)
      counts.delete(run)
      try {
        while ((await inTransaction(db, (tx) => gatherLog(tx, run))) === GATHER_ROWS);
      } catch (error) {
        if (!isConnectionLoss(error)) log.error({ err: error, run }, 'the log of a run was not gathered')
      }
    }
    working = undefined
  }

  function ask(run: number): void {
    asked.add(run)
    working ??= work()
  }

  return {
    /** Notes one row in the log of a run. */
    wrote(run: number): void {
      // Runs that never ended leave their counts behind.
      if (counts.size > MOST_COUNTED) counts.clear()
      const count = (counts.get(run) ?? 0) + 1
      counts.set(run, count)
      if (count >= ROWS) ask(run)
    },

    /** Notes how long a log was when it was read. */
    read(run: number, rows: number): void {
      if (rows >= ROWS) ask(run)
    },

    /** The run has ended: a log that is worth it is gathered now. */
    ended(run: number): void {
      if ((counts.get(run) ?? 0) >= ROWS / 10) ask(run)
      counts.delete(run)
    },

    /** Lets what is under way end. */
    async settle(): Promise<void> {
      asked.clear()
      await working
    },
  }
}
