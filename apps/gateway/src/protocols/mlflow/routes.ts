import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { defaultEndpoint, namedEndpoint } from '../../scoring/endpoints.ts'
import {
  describeAnswer,
  type ExchangeParts,
  exchange,
  failureOf,
  type Terms,
  workspaceOf,
} from '../../scoring/exchange.ts'
import type { Answer } from '../../scoring/service.ts'
import { readBody } from './body.ts'

/** The release of MLflow whose scoring protocol this is. */
const PROTOCOL_VERSION = '3.17.2'

export interface MlflowRoutes extends ExchangeParts {
  /** The endpoint that the root serves; undefined: the only one. */
  readonly defaultEndpoint: string | undefined
}

/** MLflow's scoring protocol, for each endpoint below its own name and for one of them at the root. */
export function mlflowRoutes(app: FastifyInstance, parts: MlflowRoutes): void {
  const byName: Terms['find'] = (request, serving) =>
    namedEndpoint(serving, workspaceOf(request), (request.params as { name: string }).name)
  const atRoot: Terms['find'] = (request, serving) =>
    defaultEndpoint(serving, workspaceOf(request), parts.defaultEndpoint)

  for (const [prefix, find] of [
    ['/endpoints/:name', byName],
    ['', atRoot],
  ] as const) {
    const terms: Terms = { find, read: readBody }
    app.post(`${prefix}/invocations`, async (request, reply) =>
      send(reply, request, await exchange(parts, request, terms)),
    )
    app.get(`${prefix}/ping`, async (request, reply) => {
      find(request, parts.serving())
      return reply.type('application/json').send('\n')
    })
    app.get(`${prefix}/version`, async (_request, reply) => reply.type('application/json').send(PROTOCOL_VERSION))
  }
}

function send(reply: FastifyReply, request: FastifyRequest, answer: Answer): FastifyReply {
  const { id, version, text } = answer
  describeAnswer(reply, answer)
  if (text !== undefined) {
    reply.header('content-type', 'application/json')
    return reply.send(`{"predictions":${text},"prediction_id":"${id}","model_version":${JSON.stringify(version)}}`)
  }
  const { status, code, message } = failureOf(answer)
  return reply
    .code(status)
    .send({ error_code: code, message, prediction_id: id, model_version: version, request_id: request.id })
}
