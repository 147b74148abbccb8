import { request } from 'node:http'

/** An answer as it came. `body` is parsed JSON, else text. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

const DEADLINE_MS = 60_000

/** Sends one request with exactly these headers: `fetch` would add a content type, and refuses a GET with a body. */
export function exchange(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) }
    const asked = request(url, { method, headers: sent, timeout: DEADLINE_MS, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(flat), body: parsed(text) })
      })
    })
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${url} was not answered in ${DEADLINE_MS} ms.`)))
    asked.on('error', reject)
    asked.end(body)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
