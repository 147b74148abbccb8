import { readJson } from '../../scoring/json.ts'
import { isObject } from '../../scoring/values.ts'
import { type Datatype, decode, isDatatype } from './datatypes.ts'
import { BadTensor, NotAnInferenceRequest } from './errors.ts'

/** A tensor as it came: its values flat, in row-major order. */
export interface InputTensor {
  readonly name: string
  readonly datatype: Datatype
  readonly shape: readonly number[]
  readonly values: readonly unknown[]
}

/** An output that the caller asked for by name. */
export interface WantedOutput {
  readonly name: string
  readonly binary: boolean
}

export interface InferenceRequest {
  /** The caller's own name of the request, given back. */
  readonly id: string | undefined
  readonly inputs: readonly InputTensor[]
  /** null: all of them. */
  readonly outputs: readonly WantedOutput[] | null
  /** How outputs travel that are not asked for one by one. */
  readonly binary: boolean
}

const MOST_INPUTS = 10_000
const MOST_AXES = 16

/**
 * Reads an inference request of the Open Inference Protocol, with raw tensors behind its JSON where the header `Inference-Header-Content-Length` says so.
 * @throws NotAnInferenceRequest, BadTensor naming the input
 */
export function readRequest(body: Uint8Array, jsonLength: string | undefined): InferenceRequest {
  const split = splitAt(body, jsonLength)
  const { value: json } = readJson(body.subarray(0, split))
  if (!isObject(json)) throw NotAnInferenceRequest('The body must be a JSON object.')
  const { id, inputs, outputs } = json
  if (id !== undefined && typeof id !== 'string') throw NotAnInferenceRequest('"id" must be a text.')
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw NotAnInferenceRequest('"inputs" must list the input tensors.')
  if (inputs.length > MOST_INPUTS) throw NotAnInferenceRequest(`There may be at most ${MOST_INPUTS} inputs.`)
  const raw = new RawTensors(body.subarray(split))
  const tensors = inputs.map((input, place) => readTensor(input, place, raw))
  raw.end()
  const names = new Set(tensors.map(({ name }) => name))
  if (names.size !== tensors.length) throw NotAnInferenceRequest('An input is named twice.')
  const binary = flag(json.parameters, 'binary_data_output')
  return { id, inputs: tensors, outputs: readOutputs(outputs, binary), binary }
}

function splitAt(body: Uint8Array, jsonLength: string | undefined): number {
  if (jsonLength === undefined) return body.byteLength
  const length = Number(jsonLength)
  if (!/^\d+$/.test(jsonLength) || length > body.byteLength)
    throw NotAnInferenceRequest('The header Inference-Header-Content-Length must be the length of the JSON in bytes.')
  return length
}

/** The bytes behind the JSON, taken in the order of the inputs. */
class RawTensors {
  private readonly bytes: Uint8Array
  private offset = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  take(name: string, length: unknown): Uint8Array {
    const end = this.offset + (length as number)
    if (!Number.isSafeInteger(length) || (length as number) < 0 || end > this.bytes.byteLength)
      throw BadTensor(name, 'names more binary data than the body has')
    const taken = this.bytes.subarray(this.offset, end)
    this.offset = end
    return taken
  }

  end(): void {
    if (this.offset !== this.bytes.byteLength)
      throw NotAnInferenceRequest('The body has more binary data than its inputs name by "binary_data_size".')
  }
}

function readTensor(input: unknown, place: number, raw: RawTensors): InputTensor {
  if (!isObject(input) || typeof input.name !== 'string')
    throw NotAnInferenceRequest(`Input ${place} must be an object with a "name".`)
  const { name, shape, datatype, data, parameters } = input
  if (!isDatatype(datatype)) throw BadTensor(name, 'has no datatype that is known here')
  if (!Array.isArray(shape) || shape.length === 0 || shape.length > MOST_AXES || !shape.every(isSize))
    throw BadTensor(name, `must have a shape of 1 to ${MOST_AXES} whole numbers above zero`)
  const count = shape.reduce<number>((product, size) => product * size, 1)
  const size = isObject(parameters) ? parameters.binary_data_size : undefined
  if (size !== undefined) {
    const bytes = raw.take(name, size)
    // A shape alone must not make the gateway set memory aside: each value has bytes behind it.
    if (count > bytes.byteLength) throw BadTensor(name, 'has less data than its shape says')
    try {
      return { name, datatype, shape, values: decode(datatype, bytes, count) }
    } catch (error) {
      throw BadTensor(name, error instanceof Error ? error.message : 'is not readable')
    }
  }
  if (!Array.isArray(data)) throw BadTensor(name, 'must have a list "data", or "binary_data_size"')
  const values = data.some(Array.isArray) ? data.flat(shape.length) : data
  if (values.length !== count) throw BadTensor(name, `has ${values.length} values, and by its shape ${count}`)
  return { name, datatype, shape, values }
}

function readOutputs(outputs: unknown, binary: boolean): WantedOutput[] | null {
  if (outputs === undefined || (Array.isArray(outputs) && outputs.length === 0)) return null
  if (!Array.isArray(outputs)) throw NotAnInferenceRequest('"outputs" must be a list.')
  const wanted = outputs.map((output) => {
    if (!isObject(output) || typeof output.name !== 'string')
      throw NotAnInferenceRequest('Each output must have a "name".')
    const own = isObject(output.parameters) ? output.parameters.binary_data : undefined
    return { name: output.name, binary: typeof own === 'boolean' ? own : binary }
  })
  if (new Set(wanted.map(({ name }) => name)).size !== wanted.length)
    throw NotAnInferenceRequest('An output is named twice.')
  return wanted
}

function flag(parameters: unknown, name: string): boolean {
  return isObject(parameters) && parameters[name] === true
}

function isSize(size: unknown): size is number {
  return Number.isSafeInteger(size) && (size as number) > 0
}

/**
 * The tensors as the `inputs` of MLflow's protocol: by name where the model has names, else the only one as it is. Several rows of one input whose name
 * is no column's are rows of the whole table, in the order of the columns.
 * @param arrays the model takes tensors, whose shape is theirs; else columns
 */
export function asInputs(tensors: readonly InputTensor[], names: readonly string[], arrays: boolean): unknown {
  const [only, ...others] = tensors
  if (only && others.length === 0 && !names.includes(only.name)) return nested(only)
  return Object.fromEntries(tensors.map((tensor) => [tensor.name, arrays ? nested(tensor) : withoutUnitColumn(tensor)]))
}

/** A column travels as [rows, 1] or [rows]. */
function withoutUnitColumn(tensor: InputTensor): unknown {
  const { shape } = tensor
  return shape.length === 2 && shape[1] === 1 ? tensor.values : nested(tensor)
}

/** Nested lists of a shape. */
function nested({ values, shape }: InputTensor): unknown {
  let level: readonly unknown[] = values
  for (let axis = shape.length - 1; axis > 0; axis--) {
    const size = shape[axis] ?? 1
    const count = shape.slice(0, axis).reduce((product, each) => product * each, 1)
    level = Array.from({ length: count }, (_, row) => level.slice(row * size, (row + 1) * size))
  }
  return level
}
