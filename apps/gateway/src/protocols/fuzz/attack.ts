import { Agent, request } from 'node:http'
import { malformed, seededRandom } from './bodies.ts'

/** How often each status was answered; what broke a connection or was no answer of a protocol is in `wrong`. */
export interface Outcomes {
  readonly statuses: ReadonlyMap<number, number>
  readonly wrong: readonly string[]
}

/** Sends so many malformed requests, 32 at a time. The same seed sends the same ones. */
export async function attack(url: string, count: number, seed: number): Promise<Outcomes> {
  const random = seededRandom(seed)
  const agent = new Agent({ keepAlive: true, maxSockets: 32 })
  const statuses = new Map<number, number>()
  const wrong: string[] = []
  let sent = 0
  const one = async (): Promise<void> => {
    while (sent < count) {
      sent += 1
      const { path, contentType, headers, body } = malformed(random)
      const all = { ...headers, 'content-length': body.length, ...(contentType ? { 'content-type': contentType } : {}) }
      const status = await send(agent, url + path, all, body)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (!GOOD.has(status) && wrong.length < 20)
        wrong.push(`${status} ${path} ${contentType} ${body.toString('base64').slice(0, 400)}`)
    }
  }
  await Promise.all(Array.from({ length: 32 }, one))
  agent.destroy()
  return { statuses, wrong }
}

/** A few of the changed bodies are still good ones; none is the gateway's fault. */
const GOOD = new Set([200, 400, 404, 413, 415])

function send(agent: Agent, url: string, headers: Record<string, string | number>, body: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(url, { agent, method: 'POST', headers }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', () => resolve(0))
    })
    asked.on('error', () => resolve(0))
    asked.end(body)
  })
}
