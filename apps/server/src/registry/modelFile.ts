import { InputColumn, InputTensor, type ModelInput } from '@tidemark/contracts'
import { parse } from 'yaml'
import { z } from 'zod'

/** What the file `MLmodel` of a model says that the platform uses. */
export interface ModelFile {
  /** Input columns; null without a signature, and for signatures of tensors. */
  readonly signature: readonly InputColumn[] | null
  /** How it takes its input; `any` without a signature, and where the signature is one that is not understood. */
  readonly input: ModelInput
  readonly flavors: readonly string[]
}

const NOTHING: ModelFile = { signature: null, input: { kind: 'any' }, flavors: [] }

const MlModel = z.object({
  flavors: z.record(z.string(), z.unknown()).default({}),
  signature: z.object({ inputs: z.string().nullish() }).nullish(),
})
const Column = z.object({ name: z.string(), type: z.string(), required: z.boolean().default(true) })
const Tensor = z.object({
  type: z.literal('tensor'),
  name: z.string().default(''),
  // Without a dimension that counts rows there are no rows to serve.
  'tensor-spec': z.object({ dtype: z.string(), shape: z.array(z.int()).min(1) }),
})

// Dates and bytes (in base64) travel as text in the scoring protocol.
const TYPES: Readonly<Record<string, InputColumn['type']>> = {
  double: 'double',
  float: 'float',
  long: 'long',
  integer: 'integer',
  boolean: 'boolean',
  string: 'string',
  datetime: 'string',
  binary: 'string',
  array: 'json',
  object: 'json',
  map: 'json',
  any: 'json',
}

/** Reads an `MLmodel` file. Somebody else wrote it: what cannot be understood is as if it were not there, and nothing in it is run. */
export function readModelFile(text: string): ModelFile {
  let document: unknown
  try {
    document = parse(text, { maxAliasCount: 20, schema: 'core', logLevel: 'error' })
  } catch {
    return NOTHING
  }
  const model = MlModel.safeParse(document)
  if (!model.success) return NOTHING
  return { flavors: Object.keys(model.data.flavors), ...inputsOf(model.data.signature?.inputs) }
}

function inputsOf(inputs: string | null | undefined): Pick<ModelFile, 'signature' | 'input'> {
  const list = parsed(inputs)
  const signature = columnsOf(list)
  if (signature) return { signature, input: { kind: 'columns' } }
  const tensors = tensorsOf(list)
  return { signature: null, input: tensors ? { kind: 'tensors', tensors } : { kind: 'any' } }
}

function parsed(inputs: string | null | undefined): unknown {
  try {
    return inputs ? JSON.parse(inputs) : null
  } catch {
    return null
  }
}

function columnsOf(list: unknown): InputColumn[] | null {
  const columns = z.array(Column).min(1).safeParse(list)
  if (!columns.success) return null
  const known = columns.data.map(({ name, type, required }) =>
    InputColumn.safeParse({ name, type: TYPES[type], required }),
  )
  return known.every((column) => column.success) ? known.map((column) => column.data) : null
}

function tensorsOf(list: unknown): InputTensor[] | null {
  const tensors = z.array(Tensor).min(1).safeParse(list)
  if (!tensors.success) return null
  const known = tensors.data.map(({ name, 'tensor-spec': spec }) => InputTensor.parse({ name, ...spec }))
  // Several without names cannot be told apart, and neither can two of one name.
  return new Set(known.map(({ name }) => name)).size === known.length ? known : null
}
