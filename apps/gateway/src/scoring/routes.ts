import { answerOf, HEADERS, TidemarkError } from '@tidemark/contracts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServedEndpoint, Serving } from '../snapshot/serving.ts'
import type { Telemetry } from '../telemetry.ts'
import { defaultEndpoint, namedEndpoint } from './endpoints.ts'
import { checkContentType, entitiesOfHeader, readHeaders } from './headers.ts'
import { readInput } from './input.ts'
import { parseBody } from './json.ts'
import type { Answer, Scoring } from './service.ts'

/** The release of MLflow whose scoring protocol this is. */
const PROTOCOL_VERSION = '3.17.2'

export interface ScoringRoutes {
  readonly scoring: Scoring
  readonly telemetry: Telemetry
  readonly serving: () => Serving
  readonly defaultEndpoint: string | undefined
}

type Find = (request: FastifyRequest) => ServedEndpoint

/** MLflow's scoring protocol, for each endpoint below its own name and for one of them at the root. */
export function scoringRoutes(app: FastifyInstance, parts: ScoringRoutes): void {
  const byName: Find = (request) =>
    namedEndpoint(parts.serving(), workspaceOf(request), (request.params as { name: string }).name)
  const atRoot: Find = (request) => defaultEndpoint(parts.serving(), workspaceOf(request), parts.defaultEndpoint)

  for (const [prefix, find] of [
    ['/endpoints/:name', byName],
    ['', atRoot],
  ] as const) {
    app.post(`${prefix}/invocations`, (request, reply) => invoke(parts, find, request, reply))
    app.get(`${prefix}/ping`, async (request, reply) => {
      find(request)
      return reply.type('application/json').send('\n')
    })
    app.get(`${prefix}/version`, async (_request, reply) => reply.type('text/plain').send(PROTOCOL_VERSION))
  }
}

async function invoke(parts: ScoringRoutes, find: Find, request: FastifyRequest, reply: FastifyReply) {
  const arrivedAt = Date.now()
  const start = performance.now()
  let name = 'unknown'
  try {
    const endpoint = find(request)
    name = endpoint.spec.name
    checkContentType(request.headers['content-type'])
    const headers = readHeaders(request.headers, endpoint.spec.replay)
    const input = readInput(parseBody(bytesOf(request.body)), endpoint.spec)
    // Before the model is asked: a key that names no row is the caller's mistake.
    const entities = input.entities ?? entitiesOfHeader(headers.entity, input.frame.rows.length)
    const parseMilliseconds = performance.now() - start
    const answer = await parts.scoring.answer({
      endpoint,
      requestId: request.id,
      arrivedAt,
      caller: headers.caller,
      headers: request.headers,
      eventTime: headers.eventTime ?? arrivedAt,
      entities,
      frame: input.frame,
    })
    return send(reply, request.id, answer, parseMilliseconds)
  } catch (error) {
    if (error instanceof TidemarkError && error.status < 500) parts.telemetry.mistakes.labels(name, error.code).inc()
    throw error
  }
}

function send(reply: FastifyReply, requestId: string, answer: Answer, parseMilliseconds: number): FastifyReply {
  const { id, version, outcome, logMilliseconds, kept } = answer
  reply.header(HEADERS.predictionId, id)
  reply.header(HEADERS.version, encodeURI(version))
  if (kept === 'unlogged') reply.header(HEADERS.logged, 'no')
  reply.header(
    'server-timing',
    `parse;dur=${parseMilliseconds.toFixed(3)}, infer;dur=${outcome.milliseconds.toFixed(3)}, log;dur=${logMilliseconds.toFixed(3)}`,
  )
  if (outcome.kind === 'predicted') {
    const predictions = answerOf(outcome.predictions.values, outcome.predictions.form)
    return reply
      .type('application/json')
      .send(JSON.stringify({ predictions, prediction_id: id, model_version: version }))
  }
  // The model's own words may hold the caller's values: they are in the log, not in the answer.
  const { status, code, what } = FAILURES[outcome.how]
  return reply.code(status).send({
    error_code: code,
    message: `version failed: ${version}${what}. The prediction log has the reason under the prediction id.`,
    prediction_id: id,
    model_version: version,
    request_id: requestId,
  })
}

const FAILURES = {
  raised: { status: 500, code: 'VERSION_FAILED', what: '' },
  crashed: { status: 502, code: 'VERSION_CRASHED', what: ' (its process ended)' },
  timed_out: { status: 504, code: 'VERSION_TIMED_OUT', what: ' (it took longer than its limit for one call)' },
} as const

function bytesOf(body: unknown): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array()
}

/** The header that MLflow's client sends for a workspace. */
function workspaceOf(request: FastifyRequest): string {
  const workspace = request.headers['x-mlflow-workspace']
  return typeof workspace === 'string' && workspace !== '' ? workspace : 'default'
}
