import type { InputColumn, JsonValue, ModelInput } from '@tidemark/contracts'

/** What a person typed into the form, by column. */
export type Cells = Readonly<Record<string, JsonValue>>

/** A value of each type, for a form that nobody has filled in yet. */
const EXAMPLES: Readonly<Record<InputColumn['type'], JsonValue>> = {
  double: 1.5,
  float: 1.5,
  long: 1,
  integer: 1,
  string: 'text',
  boolean: true,
  json: [],
}

/** A request of one row: what was typed, and an example for what was not. */
export function bodyOf(columns: readonly InputColumn[], cells: Cells) {
  const record: Record<string, JsonValue> = {}
  for (const { name, type } of columns) {
    const typed = cells[name]
    const value = typed === undefined ? EXAMPLES[type] : typed
    record[name] = type === 'json' && typeof value === 'string' ? parsedOr(value) : value
  }
  return { dataframe_records: [record] }
}

function parsedOr(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}

/** A request for a model that takes arrays, or whatever it is sent. */
export function exampleBody(input: ModelInput): Record<string, JsonValue> {
  if (input.kind !== 'tensors') return { inputs: [[0]] }
  const arrays = input.tensors.map(({ name, dtype, shape }) => {
    const cell = dtype === 'str' ? 'text' : dtype === 'bool' ? true : 0
    return [
      name,
      shape
        .map((size) => (size < 1 ? 1 : size))
        .reduceRight<JsonValue>((inner, size) => new Array(size).fill(inner), cell),
    ] as const
  })
  const [first] = arrays
  return { inputs: arrays.length === 1 && first ? first[1] : Object.fromEntries(arrays) }
}

/** @throws Error that says how to write it, when a typed body is no JSON object. */
export function readBody(text: string): Record<string, JsonValue> {
  const body = parsedOr(text)
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Error('The body must be a JSON object, as in {"inputs": [[1.5, 2]]}.')
  return body
}
