import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

const RETRY_MILLISECONDS = 100
/** Long enough for any restart: a client that gives up earlier would hide a lost write. */
const GIVE_UP_AFTER_RETRIES = 300

const Created = z.object({ run: z.object({ info: z.object({ run_id: z.string() }) }) })
const History = z.object({
  metrics: z.array(z.object({ step: z.coerce.number(), value: z.number() })).default([]),
  next_page_token: z.string().optional(),
})
const Data = z.object({
  run: z.object({
    data: z.object({
      metrics: z.array(z.object({ key: z.string(), value: z.number(), step: z.number() })).default([]),
      params: z.array(z.object({ key: z.string(), value: z.string() })).default([]),
    }),
  }),
})

export interface StoredPoint {
  readonly step: number
  readonly value: number
}

/** A run that is written to through MLflow's REST API. */
export interface TrackedRun {
  readonly id: string
  /**
   * Logs and tries the same again while there is no answer or the server is away, as the mlflow client does.
   * @returns how often it had to be tried again
   * @throws Error when the request is refused, or nobody answers for 30 s
   */
  log(route: 'runs/log-metric' | 'runs/log-batch', fields: object): Promise<number>
  /** A metric's history as the server has it. */
  history(key: string): Promise<StoredPoint[]>
  /** The latest values and the parameters, as the server has them. */
  data(): Promise<z.infer<typeof Data>['run']['data']>
}

/** Starts a run in the default experiment. */
export async function startTrackedRun(url: string, name: string): Promise<TrackedRun> {
  const { run } = Created.parse(await post(url, 'runs/create', { experiment_id: '0', run_name: name }))
  return trackedRun(url, run.info.run_id)
}

/** A run that is there already. */
export function trackedRun(url: string, id: string): TrackedRun {
  return {
    id,
    log: async (route, fields) => {
      for (let retries = 0; ; retries += 1) {
        try {
          await post(url, route, { run_id: id, ...fields })
          return retries
        } catch (error) {
          if (error instanceof Refused || retries === GIVE_UP_AFTER_RETRIES) throw error
          await sleep(RETRY_MILLISECONDS)
        }
      }
    },
    history: async (key) => {
      const all: StoredPoint[] = []
      for (let token: string | undefined = ''; token !== undefined; ) {
        const query = new URLSearchParams({ run_id: id, metric_key: key, max_results: '1000', page_token: token })
        const page = History.parse(await get(url, `metrics/get-history?${query}`))
        all.push(...page.metrics)
        token = page.next_page_token
      }
      return all
    },
    data: async () => Data.parse(await get(url, `runs/get?run_id=${id}`)).run.data,
  }
}

/** The server heard and said no: asking again would not help. */
class Refused extends Error {}

async function get(url: string, path: string): Promise<unknown> {
  return (await fetch(`${url}/api/2.0/mlflow/${path}`)).json()
}

async function post(url: string, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  })
  if (response.ok) return response.json()
  const said = `${path} was answered with ${response.status}: ${await response.text()}`
  throw response.status < 500 ? new Refused(said) : new Error(said)
}
