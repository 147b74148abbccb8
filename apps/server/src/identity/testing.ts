import { request } from 'node:http'
import type { Role } from '@tidemark/contracts'
import { startTestServer, type TestServer } from '../platform/testing.ts'

/** A server with login on, and how tests speak to it as somebody. */
export interface GuardedServer extends TestServer {
  /** The token that the first start gave. */
  readonly admin: string
  /** A service token in a workspace, as an admin makes it there. */
  tokenFor(role: Role, workspace?: string): Promise<string>
  ask(method: string, path: string, options?: AskOptions): Promise<Asked>
}

export interface AskOptions {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless it is text. */
  readonly body?: unknown
}

export interface Asked {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly json: Record<string, unknown>
}

export const PASSWORD = 'a password for tests'

export async function startGuardedServer(options: { allowedHosts?: readonly string[] } = {}): Promise<GuardedServer> {
  const server = await startTestServer({ login: true, logLevel: 'fatal', ...options })
  const admin = server.server.adminToken
  if (admin === null) throw new Error('The first start with login gave no admin token.')
  const ask: GuardedServer['ask'] = (method, path, given = {}) => askServer(server.server.port, method, path, given)
  return {
    ...server,
    admin,
    ask,
    tokenFor: async (role, workspace = 'default') => {
      const made = await ask('POST', '/api/v1/tokens', {
        token: admin,
        headers: { 'x-tidemark-workspace': workspace },
        body: { name: `${role} of ${workspace}`, role },
      })
      if (made.status !== 201) throw new Error(made.text)
      return String(made.json.token)
    },
  }
}

/** A request with exactly these headers: fetch would add its own. The answer of one that lasts is read for a moment only. */
export function askServer(port: number, method: string, path: string, given: AskOptions = {}): Promise<Asked> {
  const body = given.body === undefined ? '' : typeof given.body === 'string' ? given.body : JSON.stringify(given.body)
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: {
          host: `127.0.0.1:${port}`,
          ...(given.token === undefined ? {} : { authorization: `Bearer ${given.token}` }),
          ...(given.body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
          ...given.headers,
        },
      },
      (response) => {
        let text = ''
        const done = () => {
          let json: Record<string, unknown> = {}
          try {
            json = JSON.parse(text)
          } catch {
            // Not every answer is JSON.
          }
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        }
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
          if (response.headers['content-type'] !== 'text/event-stream') return
          done()
          call.destroy()
        })
        response.on('end', done)
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}
