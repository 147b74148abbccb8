import type pg from 'pg'
import { isConnectionLoss } from '../platform/index.ts'
import type { KeyNumbers } from './keys.ts'
import { type LogOutcome, logMetrics, type RunMetrics } from './logStore.ts'
import type { MetricPoint } from './types.ts'

type Outcome = Pick<LogOutcome, 'lifecycle' | 'no'>

interface Waiting extends RunMetrics {
  readonly done: (outcome: Outcome) => void
  readonly failed: (error: unknown) => void
}

// One statement of a few thousand values takes some milliseconds: longer ones would only make everybody wait.
const MOST_POINTS = 5_000
// While one group is being made durable, the next is already on its way.
const UNDER_WAY = 2

export type MetricWriter = ReturnType<typeof createMetricWriter>

/**
 * Group commit: metrics that arrive while others are being written are written together next, in one statement and one commit, so that many
 * writers cost little more than one. Each is told only after the commit that holds its own.
 */
export function createMetricWriter(pool: pg.Pool, keys: KeyNumbers) {
  let waiting: Waiting[] = []
  let underWay = 0
  let asked = false

  function next(): void {
    asked = false
    while (underWay < UNDER_WAY && waiting.length > 0) {
      const group = take()
      underWay += 1
      write(group).finally(() => {
        underWay -= 1
        next()
      })
    }
  }

  function take(): Waiting[] {
    let points = 0
    let count = 0
    for (const entry of waiting) {
      if (count > 0 && points + entry.metrics.length > MOST_POINTS) break
      points += entry.metrics.length
      count += 1
    }
    const group = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return group
  }

  async function write(group: readonly Waiting[]): Promise<void> {
    const runs = groupedByRun(group)
    try {
      const outcomes = await logMetrics(
        pool,
        keys,
        runs.map((entries) => ({
          workspace: entries[0].workspace,
          run: entries[0].run,
          metrics: entries.length === 1 ? entries[0].metrics : entries.flatMap((entry) => entry.metrics),
        })),
      )
      for (const [index, entries] of runs.entries()) {
        for (const entry of entries) entry.done(outcomes[index] ?? { lifecycle: null, no: null })
      }
    } catch (error) {
      // What one of them cannot have must not fail the others: each alone finds out whose error it is.
      if (group.length === 1 || isConnectionLoss(error)) for (const entry of group) entry.failed(error)
      else for (const entry of group) await write([entry])
    }
  }

  return {
    /** Writes metrics of a run; resolves when they are durable. */
    log(workspace: string, run: string, metrics: readonly MetricPoint[]): Promise<Outcome> {
      return new Promise((done, failed) => {
        waiting.push({ workspace, run, metrics, done, failed })
        // After the requests of this turn of the event loop were read, so that those which came together go together.
        if (!asked) setImmediate(next)
        asked = true
      })
    },
  }
}

type Entries = [Waiting, ...Waiting[]]

/** A run appears once in a statement: one row cannot be changed twice by it. */
function groupedByRun(group: readonly Waiting[]): Entries[] {
  const byRun = new Map<string, Entries>()
  for (const entry of group) {
    const name = `${entry.workspace}/${entry.run}`
    const entries = byRun.get(name)
    if (entries) entries.push(entry)
    else byRun.set(name, [entry])
  }
  return [...byRun.values()]
}
