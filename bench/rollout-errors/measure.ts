/** Runs the experiments on two worker threads and turns their counts into rows. */
import { Worker } from 'node:worker_threads'
import { type Interval, shareInterval } from '@tidemark/statistics'
import { ALPHA, type Experiment, experiments } from './scenarios.ts'

/** Sums over runs: they add up over threads. */
export interface Tally {
  runs: number
  rolledBack: number
  rolledBackRequests: number
  rolledBackByLoss: number
  promoted: number
  promotedRequests: number
  naiveEProcess: number
  naiveEProcessRequests: number
  naiveZTest: number
  naiveZTestRequests: number
}

export interface Chunk {
  experiment: number
  firstRun: number
  runs: number
  quick: boolean
}

/** One line of a benchmark's result. */
export interface Row {
  claim: string
  peer: number | null
  ours: number
  unit: string
  ratio: number | null
  goal: string
  met: boolean | null
  /** 95 % interval (Clopper–Pearson) of a share, in per cent. */
  interval?: Interval
}

const THREADS = 2
const RUNS_PER_CHUNK = 100

/** Runs everything; resolves with a tally per experiment. */
export async function tallies(quick: boolean): Promise<Tally[]> {
  const plan = experiments(quick)
  const chunks: Chunk[] = plan.flatMap(({ runs }, experiment) =>
    Array.from({ length: Math.ceil(runs / RUNS_PER_CHUNK) }, (_, part) => ({
      experiment,
      firstRun: part * RUNS_PER_CHUNK,
      runs: Math.min(RUNS_PER_CHUNK, runs - part * RUNS_PER_CHUNK),
      quick,
    })),
  )
  const totals = plan.map(() => emptyTally())
  await Promise.all(Array.from({ length: THREADS }, () => drain(chunks, totals)))
  return totals
}

/** A tally of no runs. */
export function emptyTally(): Tally {
  return {
    runs: 0,
    rolledBack: 0,
    rolledBackRequests: 0,
    rolledBackByLoss: 0,
    promoted: 0,
    promotedRequests: 0,
    naiveEProcess: 0,
    naiveEProcessRequests: 0,
    naiveZTest: 0,
    naiveZTestRequests: 0,
  }
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
      if (total !== undefined) for (const key of Object.keys(tally) as (keyof Tally)[]) total[key] += tally[key]
      next()
    })
    worker.on('error', reject)
    next()
  })
}

/** The rows that an experiment's counts amount to. */
export function rowsOf(experiment: Experiment, tally: Tally): Row[] {
  const { name } = experiment.scenario
  const percent = (count: number): number => (100 * count) / tally.runs
  const interval = (count: number): { interval: Interval } => {
    const { lower, upper } = shareInterval(count, tally.runs)
    return { interval: { lower: 100 * lower, upper: 100 * upper } }
  }
  const atMostAlpha = (count: number): boolean => shareInterval(count, tally.runs).lower <= ALPHA
  const share = (claim: string, ours: number, peer: number | null, goal: string, met: boolean | null): Row => ({
    claim,
    peer: peer === null ? null : percent(peer),
    ours: percent(ours),
    unit: '% of runs',
    ratio: peer === null || peer === 0 ? null : ours / peer,
    goal,
    met,
    ...interval(ours),
  })
  switch (experiment.shows) {
    case 'false rollbacks': {
      const met = atMostAlpha(tally.rolledBack)
      return [
        share(
          `healthy, ${name}: rolled back (peer: request-wise e-process)`,
          tally.rolledBack,
          tally.naiveEProcess,
          '≤ 5',
          met,
        ),
        share(`healthy, ${name}: rolled back (peer: peeked z-test)`, tally.rolledBack, tally.naiveZTest, '≤ 5', met),
      ]
    }
    case 'power': {
      const { leastPower } = experiment
      const goal = leastPower === undefined ? '' : `≥ ${100 * leastPower}`
      const met = leastPower === undefined ? null : shareInterval(tally.rolledBack, tally.runs).upper >= leastPower
      const ours = tally.rolledBackRequests / tally.rolledBack
      const peer = tally.naiveEProcess > 0 ? tally.naiveEProcessRequests / tally.naiveEProcess : null
      return [
        share(
          `${name}: found (peer: request-wise e-process, not valid)`,
          tally.rolledBack,
          tally.naiveEProcess,
          goal,
          met,
        ),
        {
          claim: `${name}: mean requests until found`,
          peer,
          ours,
          unit: 'requests',
          ratio: peer === null ? null : ours / peer,
          goal: '',
          met: null,
        },
      ]
    }
    case 'false promotions':
      return [share(`${name} (margin: 2 times): promoted`, tally.promoted, null, '≤ 5', atMostAlpha(tally.promoted))]
    case 'promotions':
      return [share(`${name}: proven within 2 times`, tally.promoted, null, '', null)]
  }
}
