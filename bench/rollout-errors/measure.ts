/** Runs the experiments on all cores and keeps what each judge said. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { experiments } from './scenarios.ts'

/** What the judges said in an experiment's runs. */
export interface Tally {
  runs: number
  /** For each judge, when it first spoke in the runs in which it did, in no order. */
  spoke: Record<string, number[]>
  /** For each look, in how many runs the fixed-sample test rejects there. */
  fixedSample: number[]
}

/** A piece of an experiment, as it is sent to a thread. */
export interface Chunk {
  experiment: number
  firstRun: number
  runs: number
  quick: boolean
}

const RUNS_PER_CHUNK = 50

/**
 * Runs the experiments, or those alone whose name has `only` in it; resolves with a tally per experiment. Seeds go with the
 * experiment and the run, so the result is the same on any machine.
 */
export async function tallies(quick: boolean, only = ''): Promise<Tally[]> {
  const plan = experiments(quick)
  const chunks: Chunk[] = plan.flatMap(({ name, runs }, experiment) =>
    !name.includes(only)
      ? []
      : Array.from({ length: Math.ceil(runs / RUNS_PER_CHUNK) }, (_, part) => ({
          experiment,
          firstRun: part * RUNS_PER_CHUNK,
          runs: Math.min(RUNS_PER_CHUNK, runs - part * RUNS_PER_CHUNK),
          quick,
        })),
  )
  const totals = plan.map(() => emptyTally())
  await Promise.all(Array.from({ length: availableParallelism() }, () => drain(chunks, totals)))
  return totals
}

/** A tally of no runs. */
export function emptyTally(): Tally {
  return { runs: 0, spoke: {}, fixedSample: [] }
}

function drain(chunks: Chunk[], totals: Tally[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    let current: Chunk | undefined
    const next = (): void => {
      current = chunks.shift()
      if (current !== undefined) worker.postMessage(current)
      else void worker.terminate().then(() => resolve())
    }
    worker.on('message', (tally: Tally) => {
      const total = totals[current?.experiment ?? -1]
      if (total !== undefined) add(total, tally)
      next()
    })
    worker.on('error', reject)
    next()
  })
}

function add(total: Tally, tally: Tally): void {
  total.runs += tally.runs
  for (const [who, times] of Object.entries(tally.spoke)) total.spoke[who] = [...(total.spoke[who] ?? []), ...times]
  tally.fixedSample.forEach((count, look) => {
    total.fixedSample[look] = (total.fixedSample[look] ?? 0) + count
  })
}
