import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'

/** What a server answered, for tests. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: Record<string, unknown>
}

export interface Sent {
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer | object
}

/** Sends requests whose path reaches the server byte for byte: fetch would resolve dots before it sends them. Objects are sent as JSON. */
export function callsTo(serverUrl: string): (method: string, path: string, sent?: Sent) => Promise<Answer> {
  const { hostname, port } = new URL(serverUrl)
  return async (method, path, { headers = {}, body } = {}) => {
    const isJson = typeof body === 'object' && !Buffer.isBuffer(body)
    const bytes = Buffer.from(isJson ? JSON.stringify(body) : (body ?? ''))
    const asked = request({
      hostname,
      port,
      method,
      path,
      headers: {
        'content-length': bytes.length,
        ...(isJson ? { 'content-type': 'application/json' } : {}),
        ...headers,
      },
    })
    asked.end(bytes)
    const [response] = await once(asked, 'response')
    let text = ''
    for await (const chunk of response) text += chunk
    return {
      status: response.statusCode,
      headers: response.headers,
      text,
      json: text.startsWith('{') ? JSON.parse(text) : {},
    }
  }
}
