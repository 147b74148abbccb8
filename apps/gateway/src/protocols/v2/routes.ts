import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LoadedVersion } from '../../runtimes/models.ts'
import { checkAccess, mayAsk } from '../../scoring/access.ts'
import { namedEndpoint } from '../../scoring/endpoints.ts'
import {
  describeAnswer,
  type ExchangeParts,
  exchange,
  failureOf,
  type Terms,
  workspaceOf,
} from '../../scoring/exchange.ts'
import { readInput } from '../../scoring/input.ts'
import type { Tallies } from '../../scoring/tally.ts'
import { endpointKey, type ServedEndpoint } from '../../snapshot/serving.ts'
import { protocolErrors } from '../errors.ts'
import { pinned } from '../versions.ts'
import { configOf, metadataOf, numberOf, versionsOf } from './models.ts'
import { asInputs, type InferenceRequest, readRequest } from './request.ts'
import { writeReply } from './response.ts'
import { statisticsOf } from './statistics.ts'

export interface V2Routes extends ExchangeParts {
  readonly tallies: Tallies
  readonly ready: () => boolean
}

const JSON_LENGTH = 'inference-header-content-length'
const EXTENSIONS = ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics']

interface Path {
  readonly model: string
  readonly version?: string
}

/**
 * The Open Inference Protocol (V2) over REST: a model is an endpoint of the workspace, a version one of those that it answers with now. With the
 * extensions of binary tensors, model configuration, statistics and model repository, as Triton's client uses them.
 */
export async function v2Routes(app: FastifyInstance, parts: V2Routes): Promise<void> {
  protocolErrors(app, (message) => ({ error: message }))

  const find = (request: FastifyRequest): ServedEndpoint => {
    const serving = parts.serving()
    const endpoint = namedEndpoint(serving, workspaceOf(request), (request.params as Path).model)
    checkAccess(serving.tokens, request.headers, endpoint.spec.workspace, endpoint.spec.name)
    return endpoint
  }
  const version = (endpoint: ServedEndpoint, request: FastifyRequest): LoadedVersion | null =>
    pinned(endpoint, (request.params as Path).version)

  app.get('/health/live', async () => ({ live: true }))
  app.get('/health/ready', async (_request, reply) =>
    reply.code(parts.ready() ? 200 : 503).send({ ready: parts.ready() }),
  )
  app.get('/', async () => ({ name: 'tidemark', version: '2', extensions: EXTENSIONS }))

  for (const path of ['/models/:model', '/models/:model/versions/:version']) {
    app.get(path, async (request) => {
      const endpoint = find(request)
      version(endpoint, request)
      return metadataOf(endpoint)
    })
    app.get(`${path}/ready`, async (request) => {
      const endpoint = find(request)
      version(endpoint, request)
      return { name: endpoint.spec.name, ready: true }
    })
    app.get(`${path}/config`, async (request) => {
      const endpoint = find(request)
      version(endpoint, request)
      return configOf(endpoint)
    })
    app.get(`${path}/stats`, async (request) => {
      const endpoint = find(request)
      const wanted = version(endpoint, request)
      return { model_stats: statisticsOf(endpoint, parts.tallies, wanted && numberOf(wanted.version)) }
    })
    app.post(`${path}/infer`, (request, reply) => infer(parts, find, version, request, reply))
  }
  app.get('/models/stats', async (request) => ({
    model_stats: servedIn(parts, request).flatMap((endpoint) => statisticsOf(endpoint, parts.tallies, null)),
  }))

  app.post('/repository/index', async (request) => {
    const served = servedIn(parts, request).flatMap((endpoint) =>
      versionsOf(endpoint).map((each) => ({ name: endpoint.spec.name, version: each, state: 'READY', reason: '' })),
    )
    const prefix = endpointKey(workspaceOf(request), '')
    const may = mayAsk(parts.serving().tokens, request.headers, workspaceOf(request))
    const unavailable = [...parts.serving().unavailable]
      .filter((key) => key.startsWith(prefix) && may(key.slice(prefix.length)))
      .map((key) => ({ name: key.slice(prefix.length), version: '', state: 'UNAVAILABLE', reason: 'not loaded' }))
    return [...served, ...unavailable]
  })
  // What is served is decided by the platform: an endpoint that is there is loaded, and none can be taken away from here.
  app.post('/repository/models/:model/load', async (request, reply) => {
    find(request)
    return reply.code(200).send()
  })
  app.post('/repository/models/:model/unload', async (request, reply) => {
    find(request)
    return reply.code(200).send()
  })
}

function servedIn({ serving }: V2Routes, request: FastifyRequest): ServedEndpoint[] {
  const workspace = workspaceOf(request)
  const may = mayAsk(serving().tokens, request.headers, workspace)
  return [...serving().endpoints.values()].filter(({ spec }) => spec.workspace === workspace && may(spec.name))
}

async function infer(
  parts: V2Routes,
  find: Terms['find'],
  pin: NonNullable<Terms['pin']>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  let asked: InferenceRequest | undefined
  const answer = await exchange(parts, request, {
    find,
    pin,
    read: (body, { spec }) => {
      const header = request.headers[JSON_LENGTH]
      asked = readRequest(body, typeof header === 'string' ? header : undefined)
      const parsedAt = performance.now()
      const inputs = asInputs(asked.inputs, namesOf(spec))
      return { ...readInput({ inputs }, spec), parsedAt }
    },
  })
  describeAnswer(reply, answer)
  if (answer.outcome.kind === 'failed' || !asked) {
    const { status, message } = failureOf(answer)
    return reply.code(status).send({ error: message })
  }
  const { body, jsonLength } = writeReply(asked, {
    id: answer.id,
    model: (request.params as Path).model,
    version: numberOf(answer.version),
    predictions: answer.outcome.predictions,
  })
  if (jsonLength === null) return reply.type('application/json').send(body)
  return reply.type('application/octet-stream').header(JSON_LENGTH, jsonLength).send(body)
}

function namesOf({ columns, input }: ServedEndpoint['spec']): string[] {
  return input.kind === 'tensors' ? input.tensors.map(({ name }) => name) : columns.map(({ name }) => name)
}
