import { setTimeout as sleep } from 'node:timers/promises'
import { DATASET, ENDPOINT } from '../demo/config.ts'
import type { Platform } from '../demo/context.ts'
import { type Film, filmsOf, monthStart, readFilms, scoringRow } from '../demo/films.ts'
import { type ScoringRequest, Traffic } from '../demo/traffic.ts'
import { Visitors } from '../demo/visitors.ts'

const LANES = 4
/** Between two requests of a lane: together about 150 requests a second, what the films' months from 2000 on feed for minutes. */
const PAUSE_MILLISECONDS = 20
const VISITS_PER_FILM = 20

/** Visitors of the film site who go on whatever happens to it. */
export interface Audience {
  /** Ids of the predictions that reached their visitor. */
  readonly acknowledged: ReadonlySet<string>
  /** Requests that got no answer: the gateway was away, or died on them. */
  readonly unanswered: number
  /** Answers without a prediction: the gateway was there and could not serve. */
  readonly refused: number
  /** Lets the requests under way end and sends no more until `goOn`. */
  pause(): Promise<void>
  goOn(): void
  end(): Promise<void>
}

/** Lets four visitors at a time ask for films, month after month from 2000 on. */
export async function openToVisitors({ client, gatewayUrl }: Platform): Promise<Audience> {
  const { columns } = await client.deployments.getEndpoint({ params: { endpoint: ENDPOINT } })
  const films = filmsOf(readFilms())
  const requests = visits(films, columns)
  const traffic = new Traffic(gatewayUrl)
  const acknowledged = new Set<string>()
  let [unanswered, refused] = [0, 0]
  let paused = false
  let stopped: Promise<void> | undefined

  const lane = async () => {
    while (!paused) {
      const next = requests.next()
      if (next.done) throw new Error(`The ${DATASET} of the file are used up: the journey takes too long.`)
      try {
        const { predictionId } = await traffic.send(next.value)
        if (predictionId) acknowledged.add(predictionId)
        else refused += 1
      } catch {
        unanswered += 1
      }
      await sleep(PAUSE_MILLISECONDS)
    }
  }
  const goOn = () => {
    paused = false
    stopped = Promise.all(Array.from({ length: LANES }, lane)).then(() => undefined)
    // Thrown where somebody waits for it.
    stopped.catch(() => {})
  }
  const pause = async () => {
    paused = true
    await stopped
  }
  goOn()
  return {
    acknowledged,
    get unanswered() {
      return unanswered
    },
    get refused() {
      return refused
    },
    pause,
    goOn,
    end: async () => {
      await pause()
      traffic.close()
    },
  }
}

function* visits(films: readonly Film[], columns: readonly { readonly name: string }[]): Generator<ScoringRequest> {
  const visitors = new Visitors(1, VISITS_PER_FILM)
  for (let month = 0; ; month += 1) {
    const [from, to] = [monthStart(2000, month), monthStart(2000, month + 1)]
    if (from > monthStart(2010, 11)) return
    const seen = films
      .filter(({ released }) => released >= from && released < to)
      .flatMap((film) => visitors.visitsOf(film, to))
      .sort((a, b) => a.at.getTime() - b.at.getTime())
    for (const { film, caller, at } of seen)
      yield { endpoint: ENDPOINT, row: scoringRow(film, columns), caller, entity: film.entity, at }
  }
}
