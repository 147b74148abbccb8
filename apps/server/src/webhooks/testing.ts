import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A receiver of webhooks: a real HTTP server that keeps what it gets. */
export class Receiver {
  readonly received: Received[] = []
  /** Answers a call; 200 unless a test sets another. */
  answer: (response: ServerResponse, call: Received) => void = (response) => response.end('thanks')
  private readonly server: Server

  private constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const call = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') }
        this.received.push(call)
        this.answer(response, call)
      })
    })
  }

  static async open(): Promise<Receiver> {
    const receiver = new Receiver()
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    const address = this.server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/hook`
  }

  /** Waits until that many calls came, at most 10 s. */
  async until(count: number): Promise<readonly Received[]> {
    for (let tries = 0; tries < 500 && this.received.length < count; tries += 1) await sleep(20)
    return this.received
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
