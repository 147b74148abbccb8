import { readFileSync } from 'node:fs'
import { processTree } from '../processes.ts'
import type { Ask, Client } from './client.ts'

/** What one operation took. */
export interface Measured {
  readonly operations: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU of server and database for each operation, user and system. */
  readonly cpuMs: number
}

// Linux counts CPU time in ticks of 10 ms; measures are long enough for hundreds of them.
const TICKS_PER_SECOND = 100

/** User and system time of process trees, their ended children among it, seconds. */
export function cpuSeconds(roots: readonly number[]): number {
  let ticks = 0
  for (const pid of new Set(roots.flatMap(processTree))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      for (const field of fields.slice(11, 15)) ticks += Number(field)
    } catch {
      // It ended while we looked; its parent has its time.
    }
  }
  return ticks / TICKS_PER_SECOND
}

/**
 * Sends the same kind of request again and again, `concurrency` at a time, for so many seconds.
 * @param make the request number `index` of writer `writer`
 */
export async function load(
  client: Client,
  roots: readonly number[],
  options: { concurrency: number; seconds: number; least?: number },
  make: (writer: number, index: number) => Ask,
): Promise<Measured> {
  const times: number[] = []
  const started = performance.now()
  const cpu = cpuSeconds(roots)
  const until = started + options.seconds * 1000
  await Promise.all(
    Array.from({ length: options.concurrency }, async (_, writer) => {
      for (let index = 0; performance.now() < until || index < (options.least ?? 3); index++) {
        const ask = make(writer, index)
        const from = performance.now()
        await client.raw(ask)
        times.push(performance.now() - from)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  return summary(times, seconds, cpuSeconds(roots) - cpu)
}

/** The figures of a list of times. */
export function summary(times: readonly number[], seconds: number, cpu: number): Measured {
  const sorted = [...times].sort((a, b) => a - b)
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
  return {
    operations: times.length,
    perSecond: times.length / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    cpuMs: (cpu * 1000) / times.length,
  }
}
