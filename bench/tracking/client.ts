import { Agent, request } from 'node:http'

/** A request of a benchmark. */
export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly body?: object | Buffer
}

/** Connections that stay open, as a client library keeps them. */
export function createClient(url: string) {
  // Below the 5 s after which uvicorn closes an idle connection.
  const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: 3_000 })
  const { hostname, port } = new URL(url)

  /** @throws Error for an answer that is not 2xx, with its beginning. */
  function raw(ask: Ask): Promise<Buffer> {
    const body = ask.body === undefined || Buffer.isBuffer(ask.body) ? ask.body : Buffer.from(JSON.stringify(ask.body))
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          agent,
          hostname,
          port,
          method: ask.method,
          path: ask.path,
          headers: { 'content-type': 'application/json', 'content-length': body?.length ?? 0 },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const bytes = Buffer.concat(chunks)
            const status = response.statusCode ?? 0
            if (status >= 200 && status < 300) resolve(bytes)
            else reject(new Error(`${ask.method} ${ask.path} answered ${status}: ${bytes.subarray(0, 300).toString()}`))
          })
        },
      )
      asked.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed an idle connection at the moment it was used again: nothing was read of the request.
        if (asked.reusedSocket && error.code === 'ECONNRESET') raw(ask).then(resolve, reject)
        else reject(error)
      })
      asked.end(body)
    })
  }

  return {
    raw,
    async json<T>(method: Ask['method'], path: string, body?: object): Promise<T> {
      return JSON.parse((await raw({ method, path, ...(body ? { body } : {}) })).toString()) as T
    },
    /** How many bytes an answer has, without keeping them. */
    drained(path: string): Promise<number> {
      return new Promise((resolve, reject) => {
        request({ agent, hostname, port, path }, (response) => {
          let bytes = 0
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length
          })
          response.on('error', reject)
          response.on('end', () => resolve(bytes))
        })
          .on('error', reject)
          .end()
      })
    },
    close: () => agent.destroy(),
  }
}

export type Client = ReturnType<typeof createClient>
