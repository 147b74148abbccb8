import { randomBytes } from 'node:crypto'
import type { Ask, Client } from './client.ts'

const API = '/api/2.0/mlflow'

/** One kind of request, made ready on a server. */
export interface Operation {
  readonly name: string
  readonly concurrency: number
  /** Prepares what the requests need. @returns the request number `index` of a writer */
  prepare(client: Client): Promise<(writer: number, index: number) => Ask>
  /** CPU, and median time, that a request may take, ms. */
  readonly goal: { readonly cpuMs?: number; readonly p50Ms?: number }
}

export async function makeExperiment(client: Client, name: string): Promise<string> {
  const body = { name: `${name}-${randomBytes(4).toString('hex')}` }
  return (await client.json<{ experiment_id: string }>('POST', `${API}/experiments/create`, body)).experiment_id
}

async function makeRuns(client: Client, experiment: string, count: number): Promise<string[]> {
  const runs: string[] = []
  for (let index = 0; index < count; index++) {
    const body = { experiment_id: experiment, start_time: Date.now(), run_name: 'bench' }
    const { run } = await client.json<{ run: { info: { run_id: string } } }>('POST', `${API}/runs/create`, body)
    runs.push(run.info.run_id)
  }
  return runs
}

const metric = (key: string, value: number, step: number) => ({ key, value, timestamp: Date.now(), step })

/** One value a request, to a run of each writer. */
function logMetric(concurrency: number, goal: Operation['goal']): Operation {
  return {
    name: concurrency === 1 ? 'log-metric, one' : `log-metric, ${concurrency} writers`,
    concurrency,
    goal,
    async prepare(client) {
      const runs = await makeRuns(client, await makeExperiment(client, 'metric'), concurrency)
      return (writer, index) => ({
        method: 'POST',
        path: `${API}/runs/log-metric`,
        body: { run_id: runs[writer], ...metric('m', index / 2, index) },
      })
    },
  }
}

export const EIGHT_WRITERS = logMetric(8, {})

/** The requests of a training script. */
export const OPERATIONS: readonly Operation[] = [
  logMetric(1, { cpuMs: 0.8, p50Ms: 2 }),
  {
    name: 'log-batch of 1,000 metrics',
    concurrency: 1,
    goal: { cpuMs: 15, p50Ms: 20 },
    async prepare(client) {
      const [run] = await makeRuns(client, await makeExperiment(client, 'batch'), 1)
      return (_, index) => ({
        method: 'POST',
        path: `${API}/runs/log-batch`,
        body: {
          run_id: run,
          metrics: Array.from({ length: 1000 }, (_, j) => metric(`k${j % 10}`, j / 10, index * 1000 + j)),
        },
      })
    },
  },
  {
    name: 'create run',
    concurrency: 1,
    goal: { cpuMs: 1.2, p50Ms: 3 },
    async prepare(client) {
      const experiment = await makeExperiment(client, 'create')
      return () => ({
        method: 'POST',
        path: `${API}/runs/create`,
        body: { experiment_id: experiment, start_time: Date.now(), tags: [{ key: 'a', value: 'b' }] },
      })
    },
  },
  {
    name: 'get run (20 metrics, 20 params)',
    concurrency: 1,
    goal: { cpuMs: 0.8, p50Ms: 2 },
    async prepare(client) {
      const [run] = await makeRuns(client, await makeExperiment(client, 'get'), 1)
      await client.json('POST', `${API}/runs/log-batch`, {
        run_id: run,
        metrics: Array.from({ length: 20 }, (_, j) => metric(`k${j}`, j / 10, 0)),
        params: Array.from({ length: 20 }, (_, j) => ({ key: `p${j}`, value: 'v' })),
      })
      return () => ({ method: 'GET', path: `${API}/runs/get?run_id=${run}` })
    },
  },
  {
    name: 'history of 10,000 points',
    concurrency: 1,
    goal: { cpuMs: 25, p50Ms: 30 },
    async prepare(client) {
      const [run] = await makeRuns(client, await makeExperiment(client, 'history'), 1)
      for (let batch = 0; batch < 10; batch++) {
        const metrics = Array.from({ length: 1000 }, (_, j) =>
          metric('loss', 1 / (1 + batch * 1000 + j), batch * 1000 + j),
        )
        await client.json('POST', `${API}/runs/log-batch`, { run_id: run, metrics })
      }
      return () => ({
        method: 'GET',
        path: `${API}/metrics/get-history?run_id=${run}&metric_key=loss&max_results=25000`,
      })
    },
  },
]

/** The search of the table: a metric and a parameter filtered, ordered by another metric. */
export const FILTERED = {
  filter: "metrics.m0 > 0.5 and params.p0 = '3'",
  order_by: ['metrics.m1 DESC'],
  max_results: 100,
}
export const ORDERED = { order_by: ['metrics.m1 DESC'], max_results: 1000 }
export const NEWEST = { max_results: 100 }

export function search(experiment: string, question: object): Ask {
  return { method: 'POST', path: `${API}/runs/search`, body: { experiment_ids: [experiment], ...question } }
}
