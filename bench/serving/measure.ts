import { join } from 'node:path'
import type { Contestant } from './contestants.ts'
import { load, type Measured } from './load.ts'

/** What is sent: how many rows a request has, and how many requests are under way. */
export const CELLS = [
  { name: 'c1', rows: 1, concurrency: 1 },
  { name: 'c8', rows: 1, concurrency: 8 },
  { name: 'c64', rows: 1, concurrency: 64 },
  { name: 'batch1', rows: 1000, concurrency: 1 },
  { name: 'batch8', rows: 1000, concurrency: 8 },
] as const
type Cell = (typeof CELLS)[number]

/** Everything measured of one server. */
export type Figures = { readonly [Name in Cell['name']]: Measured } & {
  readonly megabytes: number
  readonly secondsToFirstAnswer: number
}

/** Before anything is counted: until then Python reads its pages and V8 interprets what it will compile. */
const WARM_UP = { concurrency: 64, seconds: 4 }

export async function measure(contestant: Contestant, files: string, quick: boolean): Promise<Figures> {
  await load(contestant.url, join(files, 'one.json'), contestant.roots(), WARM_UP)
  const measured: Partial<Record<Cell['name'], Measured>> = {}
  for (const { name, rows, concurrency } of CELLS) {
    const body = join(files, rows === 1 ? 'one.json' : 'thousand.json')
    measured[name] = await load(contestant.url, body, contestant.roots(), { concurrency, seconds: quick ? 1 : 4 })
  }
  return {
    ...(measured as Record<Cell['name'], Measured>),
    megabytes: contestant.megabytes(),
    secondsToFirstAnswer: contestant.secondsToFirstAnswer,
  }
}

/** One cell in a line. */
export function show({ name, rows, concurrency }: Cell, figures: Figures): string {
  const { perSecond, p50Ms, p99Ms, cpuMs } = figures[name]
  const what = `${rows} ${rows === 1 ? 'row' : 'rows'}, ${concurrency} at a time`.padEnd(25)
  return `${what} ${perSecond.toFixed(0).padStart(6)} req/s  p50 ${p50Ms.toFixed(2)}  p99 ${p99Ms.toFixed(2)} ms  CPU ${cpuMs.toFixed(3)} ms`
}
