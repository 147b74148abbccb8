import { Agent, request } from 'node:http'
import { type Cell, HEADERS } from '@tidemark/contracts'

/** What one request is about. */
export interface ScoringRequest {
  readonly endpoint: string
  readonly row: Readonly<Record<string, Cell>>
  readonly caller: string
  readonly entity: string
  readonly at: Date
}

export interface Answer {
  readonly status: number
  readonly predictionId: string | undefined
  readonly version: string | undefined
  readonly prediction: number | undefined
  readonly text: string
}

/** Sends requests to the gateway over kept-alive connections and counts what was acknowledged. */
export class Traffic {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 48 })
  private readonly gatewayUrl: string
  /** Answers with a prediction id: each must be in the log. */
  acknowledged = 0
  /** Of these, answers that say that the version failed. */
  failed = 0
  lastPredictionId: string | undefined

  constructor(gatewayUrl: string) {
    this.gatewayUrl = gatewayUrl
  }

  async send(wanted: ScoringRequest): Promise<Answer> {
    const answer = await this.post(
      `/endpoints/${wanted.endpoint}/invocations`,
      { dataframe_records: [wanted.row] },
      {
        [HEADERS.caller]: wanted.caller,
        [HEADERS.entity]: encodeURIComponent(wanted.entity),
        [HEADERS.eventTime]: wanted.at.toISOString(),
      },
    )
    if (answer.predictionId) {
      this.acknowledged += 1
      if (answer.status >= 500) this.failed += 1
      else this.lastPredictionId = answer.predictionId
    }
    return answer
  }

  /** Sends many, in order, a few at a time. @returns how many answers were not 200. */
  async sendAll(requests: readonly ScoringRequest[]): Promise<number> {
    let next = 0
    let notGood = 0
    const lane = async () => {
      for (let index = next++; index < requests.length; index = next++) {
        const wanted = requests[index]
        if (wanted && (await this.send(wanted)).status !== 200) notGood += 1
      }
    }
    await Promise.all(Array.from({ length: 48 }, lane))
    return notGood
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const text = JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const call = request(
        this.gatewayUrl + path,
        {
          method: 'POST',
          agent: this.agent,
          timeout: 30_000,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const body = Buffer.concat(chunks).toString()
            const header = (name: string) => {
              const value = response.headers[name]
              return typeof value === 'string' ? value : undefined
            }
            resolve({
              status: response.statusCode ?? 0,
              predictionId: header(HEADERS.predictionId),
              version: header(HEADERS.version),
              prediction: firstPrediction(body),
              text: body,
            })
          })
        },
      )
      call.on('timeout', () => call.destroy(new Error('The gateway did not answer within 30 s.')))
      call.on('error', reject)
      call.end(text)
    })
  }

  close(): void {
    this.agent.destroy()
  }
}

function firstPrediction(body: string): number | undefined {
  try {
    const value = (JSON.parse(body) as { predictions?: unknown[] }).predictions?.[0]
    return typeof value === 'number' ? value : undefined
  } catch {
    return undefined
  }
}
