import { invalid } from '@tidemark/mlflow-protocol'

/** A number as it was written: `1.0` is not `1` to those who read it again. */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Json = null | boolean | string | JsonNumber | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown
// The third argument of a reviver (ECMAScript proposal "JSON.parse source text access", in V8 since 2023) has no type yet.
const parse = JSON.parse as (text: string, reviver: Reviver) => Json

/** Reads JSON and keeps its numbers as written. @throws MlflowError naming the parameter. */
export function readJson(text: string, parameter: string): Json {
  try {
    return parse(text, (_key, value, { source }) => (typeof value === 'number' ? new JsonNumber(source ?? '0') : value))
  } catch {
    throw invalid(`Invalid value for parameter '${parameter}' supplied: it must be valid JSON.`)
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
}

/** Writes JSON as Python's `json.dumps` does, which is what MLflow answers with. */
export function writeJson(value: Json, keys: 'as given' | 'sorted' = 'as given'): string {
  if (value instanceof JsonNumber) return value.text
  if (typeof value === 'string') return ascii(JSON.stringify(value))
  if (Array.isArray(value)) return `[${value.map((item: Json) => writeJson(item, keys)).join(', ')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const fields = Object.entries(value)
  if (keys === 'sorted') fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, item]) => `${ascii(JSON.stringify(key))}: ${writeJson(item, keys)}`).join(', ')}}`
}

function ascii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
