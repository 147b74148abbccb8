import { type Logger, pino } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'

export type Log = Logger

/** Lines that cannot be written wait up to so many bytes; beyond it they are lost. */
const MOST_WAITING_BYTES = 2 ** 20

/** Structured logs, one JSON object a line, on standard output. Tokens and cookies never reach it. */
export function createLog(name: string, level: string): Log {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MOST_WAITING_BYTES })
  // Without a listener a disk that is full would end the process, which has answers to give and may have to say so.
  output.on('error', () => {})
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      redact: ['req.headers.authorization', 'req.headers.cookie', '*.token', '*.password'],
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    output,
  )
}

/** Prometheus metrics of this process; `/metrics` prints them. */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
