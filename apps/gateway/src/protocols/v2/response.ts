import type { JsonValue } from '@tidemark/contracts'
import type { Predictions } from '../../runtimes/model.ts'
import { isObject } from '../../scoring/values.ts'
import { type AnswerDatatype, encode } from './datatypes.ts'
import { UnknownOutput } from './errors.ts'
import type { InferenceRequest } from './request.ts'

/** The output of a model whose answer has no names. */
export const ONLY_OUTPUT = 'predictions'

export interface OutputTensor {
  readonly name: string
  readonly datatype: AnswerDatatype
  readonly shape: readonly number[]
  readonly values: readonly JsonValue[]
  /** Texts that hold JSON: what is neither a number nor a text nor a list of one shape. */
  readonly json: boolean
}

/** An answer as tensors: one for each name where the version answers by names or records, else one called "predictions". */
export function outputTensors({ values, form }: Predictions): OutputTensor[] {
  if (form === 'whole') return [tensorOf(ONLY_OUTPUT, values)]
  const [first] = values
  if (!isObject(first)) return [tensorOf(ONLY_OUTPUT, values)]
  const names = Object.keys(first)
  const same = values.every((value) => isObject(value) && names.every((name) => Object.hasOwn(value, name)))
  if (!same || names.length === 0) return [tensorOf(ONLY_OUTPUT, values)]
  return names.map((name) =>
    tensorOf(
      name,
      values.map((value) => (value as Record<string, JsonValue>)[name] ?? null),
    ),
  )
}

/** Numbers are FP64, so that the type of an output never depends on the values of one answer. */
function tensorOf(name: string, values: readonly JsonValue[]): OutputTensor {
  const shape = shapeOf(values)
  const flat = flattened(values, shape.length - 1)
  const like = (type: string) => flat.every((value) => typeof value === type || value === null)
  if (flat.every((value) => typeof value === 'boolean'))
    return { name, datatype: 'BOOL', shape, values: flat, json: false }
  if (like('number')) return { name, datatype: 'FP64', shape, values: flat, json: false }
  if (like('string')) return { name, datatype: 'BYTES', shape, values: flat.map((value) => value ?? ''), json: false }
  const texts = values.map((value) => JSON.stringify(value))
  return { name, datatype: 'BYTES', shape: [values.length], values: texts, json: true }
}

function flattened(values: readonly JsonValue[], levels: number): readonly JsonValue[] {
  let flat = values
  for (let level = 0; level < levels; level++) flat = flat.flatMap((value) => value as readonly JsonValue[])
  return flat
}

/** The sizes of nested lists as deep as all of them agree. */
function shapeOf(values: readonly JsonValue[]): number[] {
  const shape = [values.length]
  for (let level: readonly JsonValue[] = values; ; ) {
    const [first] = level
    if (!Array.isArray(first)) return shape
    const size = first.length
    if (size === 0 || !level.every((value) => Array.isArray(value) && value.length === size)) return shape
    shape.push(size)
    level = flattened(level, 1)
  }
}

export interface Reply {
  readonly body: Buffer
  /** Length of the JSON where raw tensors follow it. */
  readonly jsonLength: number | null
}

/** @throws UnknownOutput */
export function writeReply(
  request: InferenceRequest,
  answer: { readonly id: string; readonly model: string; readonly version: string; readonly predictions: Predictions },
): Reply {
  const tensors = outputTensors(answer.predictions)
  const wanted = request.outputs ?? tensors.map(({ name }) => ({ name, binary: request.binary }))
  // A model with one output gives it by whatever one name it was asked for: clients of other servers know other names. By many names it would be sent
  // as often.
  const only = tensors.length === 1 && wanted.length === 1 ? tensors[0] : undefined
  const raw: Buffer[] = []
  const outputs = wanted.map(({ name, binary }) => {
    const tensor = tensors.find((each) => each.name === name) ?? only
    if (!tensor)
      throw UnknownOutput(
        name,
        tensors.map((each) => each.name),
      )
    const { datatype, shape, values, json } = tensor
    const content = json ? { content_type: 'json' } : {}
    if (!binary) return { name, datatype, shape, ...(json ? { parameters: content } : {}), data: values }
    const bytes = encode(datatype, values)
    raw.push(bytes)
    return { name, datatype, shape, parameters: { ...content, binary_data_size: bytes.byteLength } }
  })
  const json = Buffer.from(
    JSON.stringify({
      model_name: answer.model,
      model_version: answer.version,
      id: request.id ?? answer.id,
      parameters: { prediction_id: answer.id },
      outputs,
    }),
  )
  return raw.length === 0
    ? { body: json, jsonLength: null }
    : { body: Buffer.concat([json, ...raw]), jsonLength: json.byteLength }
}
