import type { JsonValue } from '@tidemark/contracts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { NoSuchSignature, NoSuchVerb, WrongShape } from '../../scoring/errors.ts'
import { describeAnswer, type ExchangeParts, exchange, failureOf } from '../../scoring/exchange.ts'
import { readInput } from '../../scoring/input.ts'
import { readJson } from '../../scoring/json.ts'
import { protocolErrors } from '../errors.ts'
import { byPath, lookedAt, servedTo } from '../named.ts'
import { metadataOf } from '../v2/models.ts'
import { numberOf, versionsOf } from '../versions.ts'

/**
 * TensorFlow Serving's REST protocol, which KServe calls V1: predict by rows (`instances` → `predictions`) or by names (`inputs` → `outputs`), status
 * and metadata. Classify and regress take tf.Example, which no model here does.
 */
export async function tensorflowRoutes(app: FastifyInstance, parts: ExchangeParts): Promise<void> {
  protocolErrors(app, (message) => ({ error: message }))

  app.get('/', async (request) => ({ models: servedTo(request, parts.serving()).map(({ spec }) => spec.name) }))
  for (const path of ['/:model', '/:model/versions/:version']) {
    app.get(path, async (request) => statusOf(lookedAt(request, parts.serving())))
    app.get(`${path}/metadata`, async (request) => signatureOf(lookedAt(request, parts.serving())))
    // The router knows no colon within a part of a path.
    app.post(path, (request, reply) => {
      const called = request.params as { model: string; version?: string }
      const last = called.version ?? called.model
      const [name = '', verb] = last.split(':')
      if (verb !== 'predict') throw NoSuchVerb()
      if (called.version === undefined) called.model = name
      else called.version = name
      return predict(parts, request, reply)
    })
  }
}

type Looked = ReturnType<typeof lookedAt>

function statusOf({ endpoint, version }: Looked) {
  const numbers = version ? [numberOf(version.version)] : versionsOf(endpoint)
  const states = numbers.map((number) => ({
    version: number,
    state: 'AVAILABLE',
    status: { error_code: 'OK', error_message: '' },
  }))
  // The latter two are what KServe's client reads at this address.
  return { model_version_status: states, name: endpoint.spec.name, ready: true }
}

function signatureOf({ endpoint, version }: Looked) {
  const { name, versions, inputs, outputs } = metadataOf(endpoint)
  const tensors = (list: typeof outputs) =>
    Object.fromEntries(
      list.map((tensor) => [
        tensor.name,
        {
          name: tensor.name,
          dtype: DTYPES[tensor.datatype] ?? `DT_${tensor.datatype}`,
          tensor_shape: { dim: tensor.shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
        },
      ]),
    )
  const signature = {
    inputs: tensors(inputs),
    outputs: tensors(outputs),
    method_name: 'tensorflow/serving/predict',
  }
  return {
    model_spec: { name, signature_name: '', version: version ? numberOf(version.version) : versions[0] },
    metadata: { signature_def: { signature_def: { serving_default: signature } } },
  }
}

const DTYPES: Readonly<Record<string, string>> = {
  FP16: 'DT_HALF',
  FP32: 'DT_FLOAT',
  FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
}

async function predict(parts: ExchangeParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  let byRows = true
  const answer = await exchange(parts, request, {
    ...byPath,
    read: (body, { spec }) => {
      const { value } = readJson(body)
      const parsedAt = performance.now()
      const asked = readQuestion(value)
      byRows = Object.hasOwn(asked, 'instances')
      return { ...readInput(asked, spec), parsedAt }
    },
  })
  describeAnswer(reply, answer)
  if (answer.outcome.kind === 'failed') {
    const { status, message } = failureOf(answer)
    return reply.code(status).send({ error: message })
  }
  const { values, form } = answer.outcome.predictions
  const said = form === 'whole' ? (values[0] ?? null) : values
  return reply.send(byRows ? { predictions: said } : { outputs: byNames(said) })
}

/** The one of the two keys that the body has, and nothing else of it but the business keys. */
function readQuestion(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw WrongShape('Received no object.')
  const { signature_name: signature } = body as { signature_name?: unknown }
  if (signature !== undefined && signature !== '' && signature !== 'serving_default') throw NoSuchSignature()
  return Object.fromEntries(
    Object.entries(body).filter(([key]) => key === 'instances' || key === 'inputs' || key === 'entities'),
  )
}

/** Rows of records as a list for each name, which is how the columnar form answers. */
function byNames(said: JsonValue | readonly JsonValue[]): unknown {
  if (!Array.isArray(said) || said.length === 0) return said
  const [first] = said as readonly JsonValue[]
  if (typeof first !== 'object' || first === null || Array.isArray(first)) return said
  const records = said as readonly Readonly<Record<string, JsonValue>>[]
  return Object.fromEntries(Object.keys(first).map((name) => [name, records.map((record) => record[name] ?? null)]))
}
