import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { mayAsk } from '../../scoring/access.ts'
import { describeAnswer, type ExchangeParts, exchange, failureOf, workspaceOf } from '../../scoring/exchange.ts'
import { readInput } from '../../scoring/input.ts'
import type { Tallies } from '../../scoring/tally.ts'
import { endpointKey, type ServedEndpoint } from '../../snapshot/serving.ts'
import { protocolErrors } from '../errors.ts'
import { byPath, lookedAt, type ModelPath, servedTo } from '../named.ts'
import { numberOf, versionsOf } from '../versions.ts'
import { configOf, metadataOf } from './models.ts'
import { asInputs, type InferenceRequest, readRequest } from './request.ts'
import { writeReply } from './response.ts'
import { statisticsOf } from './statistics.ts'

export interface V2Routes extends ExchangeParts {
  readonly tallies: Tallies
  readonly ready: () => boolean
}

const JSON_LENGTH = 'inference-header-content-length'
const EXTENSIONS = ['binary_tensor_data', 'model_configuration', 'model_repository', 'statistics']

/**
 * The Open Inference Protocol (V2) over REST: a model is an endpoint of the workspace, a version one of those that it answers with now. With the
 * extensions of binary tensors, model configuration, statistics and model repository, as Triton's client uses them.
 */
export async function v2Routes(app: FastifyInstance, parts: V2Routes): Promise<void> {
  protocolErrors(app, (message) => ({ error: message }))

  app.get('/health/live', async () => ({ live: true }))
  app.get('/health/ready', async (_request, reply) => {
    const ready = parts.ready()
    return reply.code(ready ? 200 : 503).send({ ready })
  })
  app.get('/', async () => ({ name: 'tidemark', version: '2', extensions: EXTENSIONS }))

  const look = (request: FastifyRequest) => lookedAt(request, parts.serving())
  for (const path of ['/models/:model', '/models/:model/versions/:version']) {
    app.get(path, async (request) => metadataOf(look(request).endpoint))
    app.get(`${path}/ready`, async (request) => ({ name: look(request).endpoint.spec.name, ready: true }))
    app.get(`${path}/config`, async (request) => configOf(look(request).endpoint))
    app.get(`${path}/stats`, async (request) => {
      const { endpoint, version } = look(request)
      return { model_stats: statisticsOf(endpoint, parts.tallies, version && numberOf(version.version)) }
    })
    app.post(`${path}/infer`, (request, reply) => infer(parts, request, reply))
  }
  app.get('/models/stats', async (request) => ({
    model_stats: servedTo(request, parts.serving()).flatMap((endpoint) => statisticsOf(endpoint, parts.tallies, null)),
  }))

  app.post('/repository/index', async (request) => {
    const serving = parts.serving()
    const workspace = workspaceOf(request)
    const served = servedTo(request, serving).flatMap((endpoint) =>
      versionsOf(endpoint).map((each) => ({ name: endpoint.spec.name, version: each, state: 'READY', reason: '' })),
    )
    const prefix = endpointKey(workspace, '')
    const may = mayAsk(serving.tokens, request.headers, workspace)
    const unavailable = [...serving.unavailable]
      .filter((key) => key.startsWith(prefix) && may(key.slice(prefix.length)))
      .map((key) => ({ name: key.slice(prefix.length), version: '', state: 'UNAVAILABLE', reason: 'not loaded' }))
    return [...served, ...unavailable]
  })
  // What is served is decided by the platform: an endpoint that is there is loaded, and none can be taken away from here.
  for (const verb of ['load', 'unload'])
    app.post(`/repository/models/:model/${verb}`, async (request, reply) => {
      look(request)
      return reply.code(200).send()
    })
}

async function infer(parts: V2Routes, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  let asked: InferenceRequest | undefined
  const answer = await exchange(parts, request, {
    ...byPath,
    read: (body, { spec }) => {
      const header = request.headers[JSON_LENGTH]
      asked = readRequest(body, typeof header === 'string' ? header : undefined)
      const parsedAt = performance.now()
      const inputs = asInputs(asked.inputs, namesOf(spec), spec.input.kind === 'tensors')
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
    model: (request.params as ModelPath).model,
    version: numberOf(answer.version),
    predictions: answer.outcome.predictions,
  })
  if (jsonLength === null) return reply.type('application/json').send(body)
  return reply.type('application/octet-stream').header(JSON_LENGTH, jsonLength).send(body)
}

function namesOf({ columns, input }: ServedEndpoint['spec']): string[] {
  return input.kind === 'tensors' ? input.tensors.map(({ name }) => name) : columns.map(({ name }) => name)
}
