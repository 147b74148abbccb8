import { setTimeout as sleep } from 'node:timers/promises'
import { type StoredPoint, startTrackedRun, trackedRun } from './tracked-run.ts'

const PAUSE_MILLISECONDS = 20
const KEY = 'loss'

/** A training script that logs its loss step by step, and tries a step again when it got no answer, as the mlflow client does. */
export interface MetricWriter {
  /** Steps that the server acknowledged; the value of a step is its reciprocal. */
  readonly acknowledged: readonly number[]
  readonly retries: number
  end(): Promise<void>
  /** The history as the server has it, or another that holds the same run. */
  history(from?: string): Promise<StoredPoint[]>
}

/** Starts a tracked run and writes its metric until it is ended. */
export async function startMetricWriter(url: string): Promise<MetricWriter> {
  const run = await startTrackedRun(url, 'through the crashes')
  const acknowledged: number[] = []
  let retries = 0
  let ending = false

  const write = async () => {
    for (let step = 1; !ending; step += 1) {
      const metric = { key: KEY, value: 1 / step, step, timestamp: 1_000_000_000_000 + step }
      retries += await run.log('runs/log-metric', metric)
      acknowledged.push(step)
      await sleep(PAUSE_MILLISECONDS)
    }
  }
  const writing = write()
  writing.catch(() => {})

  return {
    acknowledged,
    get retries() {
      return retries
    },
    end: async () => {
      ending = true
      await writing
    },
    history: (from = url) => trackedRun(from, run.id).history(KEY),
  }
}
