import { type Logger, pino } from 'pino'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Log = Logger

/** Structured logs, one JSON object a line, on standard output. Tokens and the callers' data never reach it. */
export function createLog(level: string): Log {
  return pino({
    name: 'gateway',
    level,
    base: { pid: process.pid },
    redact: ['req.headers.authorization', 'req.headers.cookie', '*.token'],
    timestamp: pino.stdTimeFunctions.isoTime,
  })
}

export type Telemetry = ReturnType<typeof createTelemetry>

/** Everything that `/metrics` prints. */
export function createTelemetry() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    predictions: new Counter({
      name: 'tidemark_gateway_predictions_total',
      help: 'Answered requests by the version that answered and whether it failed.',
      labelNames: ['endpoint', 'version', 'outcome'],
      registers,
    }),
    mistakes: new Counter({
      name: 'tidemark_gateway_caller_mistakes_total',
      help: 'Requests refused for what the caller sent.',
      labelNames: ['endpoint', 'code'],
      registers,
    }),
    seconds: new Histogram({
      name: 'tidemark_gateway_prediction_seconds',
      help: 'From arrival until the record of the answer was in the log.',
      labelNames: ['endpoint', 'version'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
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
