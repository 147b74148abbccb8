import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const PAUSE_MILLISECONDS = 20
const RETRY_MILLISECONDS = 100
/** Long enough for any restart: a client that gives up earlier would hide a lost write. */
const GIVE_UP_AFTER_RETRIES = 300
const KEY = 'loss'

/** A training script that logs its loss step by step, and tries a step again when it got no answer, as the mlflow client does. */
export interface MetricWriter {
  /** Steps that the server acknowledged; the value of a step is its reciprocal. */
  readonly acknowledged: readonly number[]
  readonly retries: number
  end(): Promise<void>
  /** The history as the server has it, or another that holds the same run. */
  history(from?: string): Promise<{ readonly step: number; readonly value: number }[]>
}

const Created = z.object({ run: z.object({ info: z.object({ run_id: z.string() }) }) })
const History = z.object({
  metrics: z.array(z.object({ step: z.coerce.number(), value: z.number() })).default([]),
  next_page_token: z.string().optional(),
})

/** Starts a tracked run and writes its metric until it is ended. */
export async function startMetricWriter(url: string): Promise<MetricWriter> {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
    return response.json()
  }
  const { run } = Created.parse(await post('runs/create', { experiment_id: '0', run_name: 'through the crashes' }))
  const run_id = run.info.run_id
  const acknowledged: number[] = []
  let retries = 0
  let ending = false

  const write = async () => {
    for (let step = 1; !ending; step += 1) {
      const metric = { run_id, key: KEY, value: 1 / step, step, timestamp: 1_000_000_000_000 + step }
      for (let tries = 0; ; tries += 1) {
        try {
          await post('runs/log-metric', metric)
          break
        } catch (error) {
          if (tries === GIVE_UP_AFTER_RETRIES) throw error
          retries += 1
          await sleep(RETRY_MILLISECONDS)
        }
      }
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
    history: async (from = url) => {
      const all: { step: number; value: number }[] = []
      for (let token: string | undefined = ''; token !== undefined; ) {
        const query = new URLSearchParams({ run_id, metric_key: KEY, max_results: '1000', page_token: token })
        const page = History.parse(await (await fetch(`${from}/api/2.0/mlflow/metrics/get-history?${query}`)).json())
        all.push(...page.metrics)
        token = page.next_page_token
      }
      return all
    },
  }
}
