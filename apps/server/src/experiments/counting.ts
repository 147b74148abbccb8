import { setTimeout as sleep } from 'node:timers/promises'
import { inTransaction, isConnectionLoss, type Platform } from '../platform/index.ts'
import { moveMark } from './runCountStore.ts'

// So many runs beyond the mark take about a millisecond to count.
const MOST_BEHIND = 5_000
const TRIES = 50
const PAUSE_MILLISECONDS = 20
const IS_LOCKED = '55P03'

export type Counting = ReturnType<typeof createCounting>

/**
 * Keeps counts of runs cheap: when a count had to look at many runs, they are counted for good, beside the requests. It never makes a writer of
 * runs wait for longer than some thousand of them take, and gives way where one is writing; what is not done then, the next count asks for.
 */
export function createCounting(platform: Platform) {
  const { db, log } = platform
  let working: Promise<void> | undefined
  let isOver = false

  async function work(): Promise<void> {
    for (let left = TRIES; left > 0 && !isOver; ) {
      try {
        if ((await inTransaction(db, moveMark)) === 0) return
      } catch (error) {
        if ((error as { code?: unknown }).code !== IS_LOCKED) {
          if (!isConnectionLoss(error)) log.error({ err: error }, 'runs were not counted')
          return
        }
        left -= 1
      }
      await sleep(PAUSE_MILLISECONDS)
    }
  }

  return {
    /** Notes how many runs a count had to look at. */
    looked(behind: number): void {
      if (behind < MOST_BEHIND || working || isOver) return
      working = work().finally(() => {
        working = undefined
      })
    },

    /** Lets what is under way end. */
    async settle(): Promise<void> {
      isOver = true
      await working
    },
  }
}
