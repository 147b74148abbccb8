import { type Logger, pino } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'

export type Log = Logger

/** Structured logs, one JSON object a line, on standard output. Tokens and cookies never reach it. */
export function createLog(name: string, level: string): Log {
  return pino({
    name,
    level,
    base: { pid: process.pid },
    redact: ['req.headers.authorization', 'req.headers.cookie', '*.token', '*.password'],
    timestamp: pino.stdTimeFunctions.isoTime,
  })
}

/** Prometheus metrics of this process; `/metrics` prints them. */
export function createMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
