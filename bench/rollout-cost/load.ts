/** Requests of single films, as many at once as wanted or at a steady rate whatever the answers take. */
import { Agent, request } from 'node:http'
import { HEADERS } from '@tidemark/contracts'

const BODY = JSON.stringify({
  dataframe_split: { columns: ['budget', 'running_time', 'genre'], data: [[20.5, 110, 'Drama']] },
})

let films = 0

/** One request for a film that was never asked for before, so that a shadow has to answer each. */
function ask(url: string, agent: Agent): Promise<void> {
  films += 1
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(BODY),
    [HEADERS.caller]: `caller-${films % 500}`,
    [HEADERS.entity]: `film-${films}`,
  }
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume()
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`The gateway answered ${response.statusCode}.`)),
      )
    })
    sent.on('error', reject)
    sent.end(BODY)
  })
}

/** Requests a second that `concurrency` callers get who ask again as soon as they are answered. */
export async function saturatingRate(url: string, concurrency: number, seconds: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  const until = performance.now() + seconds * 1000
  let answered = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < until) {
        await ask(url, agent)
        answered += 1
      }
    }),
  )
  agent.destroy()
  return answered / seconds
}

export interface Latencies {
  readonly p50Ms: number
  readonly p99Ms: number
}

/**
 * Latencies at a steady rate, each from the moment its request was due: a gateway that falls behind makes the later ones wait,
 * and they count.
 */
export async function latenciesAt(url: string, perSecond: number, seconds: number): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const total = Math.floor(perSecond * seconds)
  const latencies: number[] = []
  const pending: Promise<void>[] = []
  const start = performance.now()
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * perSecond) + 1)
    for (; sent < due; sent += 1) {
      const at = start + (sent / perSecond) * 1000
      pending.push(ask(url, agent).then(() => void latencies.push(performance.now() - at)))
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(pending)
  agent.destroy()
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
