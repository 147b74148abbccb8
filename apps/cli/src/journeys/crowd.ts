import { setTimeout as sleep } from 'node:timers/promises'
import { HEADERS } from '@tidemark/contracts'

const LANES = 3
/** Between two requests of a lane: together about a hundred requests a second. */
const PAUSE_MILLISECONDS = 25
/** Has no factor in common with the number of gateways: each caller comes to each of them. */
const CALLERS = 239

/** What a gateway was asked, and what became of it. */
interface Heard {
  asked: number
  /** No answer: it was away, or died on the request. */
  unanswered: number
  /** An answer without a prediction. */
  refused: number
}

/** Something that was answered, and what it was asked with. */
export interface Thing {
  readonly entity: string
  readonly budget: number
}

/** Callers who ask gateways in turn, each request once, whatever happens to them. */
export interface Crowd {
  /** In the order of the gateways. */
  readonly heard: readonly Heard[]
  /** By the prediction's id, the version that the caller was told. */
  readonly answered: ReadonlyMap<string, string>
  /** Things that were answered since the last call. */
  takeThings(): Thing[]
  goOn(): void
  /** Lets the requests under way end and sends no more until `goOn`. */
  pause(): Promise<void>
}

/** Gathers a crowd before an endpoint whose model takes one number, `budget`; it waits for `goOn`. */
export function gatherCrowd(endpoint: string, gatewayUrls: readonly string[]): Crowd {
  const heard = gatewayUrls.map(() => ({ asked: 0, unanswered: 0, refused: 0 }))
  const answered = new Map<string, string>()
  let things: Thing[] = []
  let count = 0
  let going = false
  let stopped: Promise<void> = Promise.resolve()

  const visit = async (n: number): Promise<void> => {
    const place = n % gatewayUrls.length
    const counts = heard[place]
    if (!counts) return
    const thing = { entity: `thing-${n}`, budget: n % 50 }
    counts.asked += 1
    try {
      const response = await fetch(`${gatewayUrls[place]}/endpoints/${endpoint}/invocations`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [HEADERS.caller]: `caller-${n % CALLERS}`,
          [HEADERS.entity]: thing.entity,
        },
        body: JSON.stringify({ dataframe_split: { columns: ['budget'], data: [[thing.budget]] } }),
        signal: AbortSignal.timeout(15_000),
      })
      const body = (await response.json()) as { prediction_id?: string; model_version?: string }
      if (!response.ok || !body.prediction_id) {
        counts.refused += 1
        return
      }
      answered.set(body.prediction_id, body.model_version ?? '')
      things.push(thing)
    } catch {
      counts.unanswered += 1
    }
  }
  const lane = async () => {
    while (going) {
      await visit(count++)
      await sleep(PAUSE_MILLISECONDS)
    }
  }
  return {
    heard,
    answered,
    takeThings: () => {
      const taken = things
      things = []
      return taken
    },
    goOn: () => {
      if (going) return
      going = true
      stopped = Promise.all(Array.from({ length: LANES }, lane)).then(() => undefined)
    },
    pause: async () => {
      going = false
      await stopped
    },
  }
}
