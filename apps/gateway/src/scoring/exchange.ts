import { gunzipSync, inflateSync } from 'node:zlib'
import { HEADERS, TidemarkError } from '@tidemark/contracts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Frame } from '../runtimes/model.ts'
import type { LoadedVersion } from '../runtimes/models.ts'
import type { ServedEndpoint, Serving } from '../snapshot/serving.ts'
import type { Telemetry } from '../telemetry.ts'
import { askingToken, requireFor } from './access.ts'
import { DEFAULT_LIMITS } from './admission.ts'
import { BodyTooLarge, NotPacked, WrongEncoding } from './errors.ts'
import { entitiesOfHeader, readHeaders } from './headers.ts'
import type { Answer, Scoring } from './service.ts'
import { traceOf } from './trace.ts'

/** What a protocol made of a body. */
export interface Reading {
  readonly frame: Frame
  /** Business keys from the body; null when the body names none. */
  readonly entities: readonly (string | null)[] | null
  readonly rowsText?: string | Uint8Array | undefined
  /** When the text was read and the check against the signature began, by `performance.now()`. */
  readonly parsedAt: number
}

export interface ExchangeParts {
  readonly scoring: Scoring
  readonly telemetry: Telemetry
  readonly serving: () => Serving
}

/** How one request is answered: which endpoint it means, which of its versions, and how its body is read. */
export interface Terms {
  readonly find: (request: FastifyRequest, serving: Serving) => ServedEndpoint
  readonly pin?: (endpoint: ServedEndpoint, request: FastifyRequest) => LoadedVersion | null
  readonly read: (body: Uint8Array, endpoint: ServedEndpoint, request: FastifyRequest) => Reading | Promise<Reading>
}

/**
 * What all protocols have in common from the body to the answer: headers, limits, times, the count of callers' mistakes.
 * @throws TidemarkError for what the caller did wrong and for what is not served now
 */
export async function exchange(parts: ExchangeParts, request: FastifyRequest, terms: Terms): Promise<Answer> {
  const arrivedAt = Date.now()
  const startedAt = performance.now()
  let name = 'unknown'
  try {
    const serving = parts.serving()
    const token = askingToken(serving.tokens, request.headers)
    const endpoint = terms.find(request, serving)
    requireFor(token, endpoint.spec.workspace, endpoint.spec.name)
    const { spec } = endpoint
    name = spec.name
    const limits = spec.limits ?? DEFAULT_LIMITS
    const body = unpacked(request, limits.bodyBytes)
    const headers = readHeaders(request.headers, spec.replay)
    const reading = terms.read(body, endpoint, request)
    const { frame, entities, rowsText, parsedAt } = reading instanceof Promise ? await reading : reading
    const pinned = terms.pin?.(endpoint, request) ?? null
    // Before the model is asked: a key that names no row is the caller's mistake.
    const named = entities ?? entitiesOfHeader(headers.entity, frame.rows.length)
    return await parts.scoring.answer({
      endpoint,
      pinned,
      requestId: request.id,
      trace: traceOf(request.headers.traceparent),
      arrivedAt,
      startedAt,
      parseMs: parsedAt - startedAt,
      validateMs: performance.now() - parsedAt,
      timeoutMs: headers.timeoutMs,
      caller: headers.caller,
      headers: request.headers,
      eventTime: headers.eventTime ?? arrivedAt,
      entities: named,
      frame,
      rowsText,
    })
  } catch (error) {
    if (error instanceof TidemarkError && error.status < 500) parts.telemetry.mistakes.labels(name, error.code).inc()
    throw error
  }
}

const NOTHING = new Uint8Array()

/** The body as it is meant: what a client packed is unpacked, but never to more than the endpoint takes. @throws BodyTooLarge, WrongEncoding */
function unpacked(request: FastifyRequest, limit: number): Uint8Array {
  const sent = request.body instanceof Uint8Array ? request.body : NOTHING
  if (sent.byteLength > limit) throw BodyTooLarge(limit)
  const encoding = request.headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return sent
  if (encoding !== 'gzip' && encoding !== 'deflate') throw WrongEncoding()
  try {
    return (encoding === 'gzip' ? gunzipSync : inflateSync)(sent, { maxOutputLength: limit })
  } catch (error) {
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? BodyTooLarge(limit) : NotPacked()
  }
}

/** Sets the headers that every protocol's answer has. */
export function describeAnswer(reply: FastifyReply, { id, version, timings, kept }: Answer): void {
  const { parse, validate, queue, infer, log } = timings
  reply.headers({
    [HEADERS.predictionId]: id,
    [HEADERS.version]: encodeURI(version),
    'server-timing': `parse;dur=${parse.toFixed(3)}, validate;dur=${validate.toFixed(3)}, queue;dur=${queue.toFixed(3)}, infer;dur=${infer.toFixed(3)}, log;dur=${log.toFixed(3)}`,
  })
  if (kept === 'unlogged') reply.header(HEADERS.logged, 'no')
}

/** What became of a failed version, in words that hold nothing of the caller's values: the model's own are in the log. */
export function failureOf({ version, outcome }: Answer): { status: number; code: string; message: string } {
  const how = outcome.kind === 'failed' ? outcome.how : 'raised'
  const { status, code, what } = FAILURES[how]
  const message = `version failed: ${version}${what}. The prediction log has the reason under the prediction id.`
  return { status, code, message }
}

const FAILURES = {
  raised: { status: 500, code: 'VERSION_FAILED', what: '' },
  crashed: { status: 502, code: 'VERSION_CRASHED', what: ' (its process ended)' },
  timed_out: { status: 504, code: 'VERSION_TIMED_OUT', what: ' (it took longer than its limit for one call)' },
  refused: { status: 400, code: 'INVALID_PARAMETER_VALUE', what: ' (its signature does not take this)' },
  late: { status: 504, code: 'DEADLINE_EXCEEDED', what: ' (it did not answer in the time of the request)' },
} as const

/** The workspace by the header that MLflow's client sends. */
export function workspaceOf(request: FastifyRequest): string {
  const workspace = request.headers['x-mlflow-workspace']
  return typeof workspace === 'string' && workspace !== '' ? workspace : 'default'
}
