import { type Logger, pino } from 'pino'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { predictionMetrics } from './scoring/metrics.ts'
import { Tallies } from './scoring/tally.ts'

export type Log = Logger

/** Lines that cannot be written wait up to so many bytes; beyond it they are lost. */
const MOST_WAITING_BYTES = 2 ** 20

/** Structured logs, one JSON object a line, on standard output. Tokens and the callers' data never reach it. */
export function createLog(level: string): Log {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MOST_WAITING_BYTES })
  // Without a listener a disk that is full would end the process, which has answers to give and may have to say so.
  output.on('error', () => {})
  return pino(
    {
      name: 'gateway',
      level,
      base: { pid: process.pid },
      redact: ['req.headers.authorization', 'req.headers.cookie', '*.token'],
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    output,
  )
}

export type Telemetry = ReturnType<typeof createTelemetry>

/** Everything that `/metrics` prints. */
export function createTelemetry(tallies: Tallies = new Tallies()) {
  const registry = new Registry()
  for (const metric of predictionMetrics(tallies)) registry.registerMetric(metric)
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    mistakes: new Counter({
      name: 'tidemark_gateway_caller_mistakes_total',
      help: 'Requests refused for what the caller sent.',
      labelNames: ['endpoint', 'code'],
      registers,
    }),
    mirrors: new Counter({
      name: 'tidemark_gateway_mirrors_total',
      help: 'Mirrored predictions: predicted, failed (the version), dropped (the queue was full).',
      labelNames: ['endpoint', 'outcome'],
      registers,
    }),
    mirrorsWaiting: new Gauge({
      name: 'tidemark_gateway_mirrors_waiting',
      help: 'Answers that are yet to be mirrored.',
      registers,
    }),
    rechecks: new Counter({
      name: 'tidemark_gateway_rechecks_total',
      help: 'Rows that ONNX answered and Python was asked again: same, tie (two classes exactly tied), different.',
      labelNames: ['endpoint', 'outcome'],
      registers,
    }),
    requestsWaiting: new Gauge({
      name: 'tidemark_gateway_requests_waiting',
      help: 'Requests that wait for their turn.',
      registers,
    }),
    logBytes: new Counter({
      name: 'tidemark_gateway_log_bytes_total',
      help: 'Bytes appended to the prediction log.',
      registers,
    }),
    logFailures: new Counter({
      name: 'tidemark_gateway_log_failures_total',
      help: 'Writes to the prediction log that failed; their answers were not given, or counted as unlogged.',
      registers,
    }),
    unlogged: new Counter({
      name: 'tidemark_gateway_unlogged_answers_total',
      help: 'Answers given without a record, by the policy of endpoints that prefer that to no answer.',
      labelNames: ['endpoint'],
      registers,
    }),
    snapshotVersion: new Gauge({
      name: 'tidemark_gateway_snapshot_version',
      help: 'Version of the configuration that this gateway serves by; -1 before the first.',
      registers,
    }),
    serverSilence: new Gauge({
      name: 'tidemark_gateway_server_silence_seconds',
      help: 'Time since the server was last heard; beyond the lease, champions answer alone.',
      registers,
    }),
    models: new Gauge({ name: 'tidemark_gateway_models', help: 'Model versions loaded.', registers }),
    restarts: new Counter({
      name: 'tidemark_gateway_worker_restarts_total',
      help: 'Python model processes started again after they ended.',
      labelNames: ['version'],
      registers,
    }),
    retries: new Counter({
      name: 'tidemark_gateway_worker_retries_total',
      help: 'Requests that were in a Python process when it ended, and were asked once more.',
      labelNames: ['version'],
      registers,
    }),
  }
}
