import { InputColumn } from '@tidemark/contracts'
import { parse } from 'yaml'
import { z } from 'zod'

/** What the file `MLmodel` of a model says that the platform uses. */
export interface ModelFile {
  /** Input columns; null without a signature, and for signatures of tensors or nested values, which have no plain columns. */
  readonly signature: readonly InputColumn[] | null
  readonly flavors: readonly string[]
}

const NOTHING: ModelFile = { signature: null, flavors: [] }

const MlModel = z.object({
  flavors: z.record(z.string(), z.unknown()).default({}),
  signature: z.object({ inputs: z.string().nullish() }).nullish(),
})
const Column = z.object({ name: z.string(), type: z.string(), required: z.boolean().default(true) })

// A date travels as text in the scoring protocol.
const TYPES: Readonly<Record<string, InputColumn['type']>> = {
  double: 'double',
  float: 'float',
  long: 'long',
  integer: 'integer',
  boolean: 'boolean',
  string: 'string',
  datetime: 'string',
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
  return { flavors: Object.keys(model.data.flavors), signature: columnsOf(model.data.signature?.inputs) }
}

function columnsOf(inputs: string | null | undefined): InputColumn[] | null {
  if (!inputs) return null
  let list: unknown
  try {
    list = JSON.parse(inputs)
  } catch {
    return null
  }
  const columns = z.array(Column).safeParse(list)
  if (!columns.success) return null
  const known = columns.data.map(({ name, type, required }) =>
    InputColumn.safeParse({ name, type: TYPES[type], required }),
  )
  return known.every((column) => column.success) ? known.map((column) => column.data) : null
}
