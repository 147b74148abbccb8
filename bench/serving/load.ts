import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { cpuSeconds } from '../tracking/load.ts'

/** What one kind of request took. */
export interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** User and system time of all processes of the server for each request. */
  readonly cpuMs: number
}

const LONGEST_SECONDS = 12
const SCRIPT = fileURLToPath(new URL('post.lua', import.meta.url))

/**
 * Sends one body with wrk, `concurrency` connections at a time.
 * @throws Error when wrk is not there, or when one request was refused or broke: figures of a failing server say nothing
 */
export async function load(
  url: string,
  bodyFile: string,
  roots: readonly number[],
  options: { readonly concurrency: number; readonly seconds: number },
): Promise<Measured> {
  const { concurrency } = options
  await run(url, bodyFile, concurrency, 1)
  for (let lasting = options.seconds; ; lasting *= 3) {
    const before = cpuSeconds(roots)
    const { requests, seconds, p50Ms, p99Ms } = await run(url, bodyFile, concurrency, lasting)
    // A server that answered each connection less than twice was cut off rather than measured.
    if (requests < 2 * concurrency && lasting < LONGEST_SECONDS) continue
    if (requests === 0) throw new Error(`${url} answered nothing in ${lasting} s.`)
    const cpuMs = ((cpuSeconds(roots) - before) * 1000) / requests
    return { perSecond: requests / seconds, p50Ms, p99Ms, cpuMs }
  }
}

interface Said {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly refused: number
  readonly broken: number
}

async function run(url: string, bodyFile: string, concurrency: number, seconds: number): Promise<Said> {
  const args = ['-t1', `-c${concurrency}`, `-d${seconds}s`, '--timeout', '20s', '-s', SCRIPT, url]
  const child = spawn('wrk', args, { env: { ...process.env, BODY: bodyFile }, stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise<void>((resolve, reject) => {
    child.on('error', () =>
      reject(new Error('The benchmark loads with wrk, which is not here. Debian: apt-get install wrk.')),
    )
    child.on('close', () => resolve())
  })
  const line = Buffer.concat(chunks)
    .toString()
    .split('\n')
    .find((each) => each.startsWith('{'))
  if (!line) throw new Error(`wrk said nothing about ${url}.`)
  const said = JSON.parse(line) as Said
  if (said.refused + said.broken > 0)
    throw new Error(`${url}: ${said.refused} of ${said.requests} requests were refused, ${said.broken} broke.`)
  return said
}
