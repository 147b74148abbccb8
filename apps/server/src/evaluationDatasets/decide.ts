import { invalid } from '@tidemark/mlflow-protocol'
import { isObject, type Json, JsonNumber, type JsonObject, readJson, writeJson } from './json.ts'
import type { EvaluationRecord, GivenRecord } from './types.ts'

const USER = 'mlflow.user'
const SOURCE_TYPES = ['UNSPECIFIED', 'TRACE', 'HUMAN', 'DOCUMENT', 'CODE']

export function userOf(tags: JsonObject | null): string | null {
  const user = tags?.[USER]
  return typeof user === 'string' ? user : null
}

/** Records as a client sends them. @throws MlflowError for what is none. */
export function readRecords(text: string): GivenRecord[] {
  const list = readJson(text, 'records')
  if (!Array.isArray(list))
    throw invalid("Invalid value for parameter 'records' supplied: it must be a list of records.")
  return list.map((item: Json, index) => {
    if (!isObject(item))
      throw invalid(`Invalid value for parameter 'records[${index}]' supplied: it must be an object.`)
    const part = (name: string): JsonObject | null => {
      const value = item[name]
      if (value === undefined || value === null) return null
      if (!isObject(value))
        throw invalid(`Invalid value for parameter 'records[${index}].${name}' supplied: it must be an object.`)
      return value
    }
    return {
      inputs: part('inputs') ?? {},
      outputs: item.outputs,
      expectations: part('expectations'),
      tags: part('tags'),
      source: readSource(part('source')),
    }
  })
}

function readSource(source: JsonObject | null): JsonObject | null {
  if (source === null || Object.keys(source).length === 0) return null
  const type = String(source.source_type).toUpperCase()
  if (!SOURCE_TYPES.includes(type)) {
    const valid = SOURCE_TYPES.map((name) => `'${name}'`).join(', ')
    throw invalid(`Invalid dataset record source type: ${type}. Valid source types: [${valid}]`)
  }
  return { source_type: type, source_data: isObject(source.source_data) ? source.source_data : {} }
}

/** @param identity a new id, and the hash of the inputs. */
export function newRecord(
  given: GivenRecord,
  identity: Pick<EvaluationRecord, 'id' | 'inputHash'>,
  nowMs: number,
): EvaluationRecord {
  const user = userOf(given.tags)
  return {
    ...identity,
    inputs: given.inputs,
    outputs: given.outputs === undefined ? {} : given.outputs,
    expectations: given.expectations,
    tags: given.tags ?? {},
    source: given.source,
    createdMs: nowMs,
    updatedMs: nowMs,
    createdBy: user,
    updatedBy: user,
  }
}

/** A record that comes again: outputs are replaced, expectations and tags added to; inputs, source and its maker stay. */
export function mergeRecord(before: EvaluationRecord, given: GivenRecord, nowMs: number): EvaluationRecord {
  const more = given.expectations && Object.keys(given.expectations).length > 0 ? given.expectations : null
  return {
    ...before,
    outputs: given.outputs === undefined ? before.outputs : given.outputs,
    expectations: more === null ? before.expectations : { ...before.expectations, ...more },
    tags: { ...before.tags, ...given.tags },
    updatedMs: nowMs,
    updatedBy: userOf(given.tags) ?? before.updatedBy,
  }
}

/** The schema of a dataset after these records: the type of each field by its first value. A field keeps its type. */
export function schemaWith(schema: string | null, records: readonly GivenRecord[]): string | null {
  if (schema === null && records.length === 0) return null
  const parsed = schema === null ? null : readJson(schema, 'schema')
  const before = isObject(parsed) ? parsed : {}
  const fields = (name: string) => ({ ...(isObject(before[name]) ? before[name] : {}) })
  const inputs: Record<string, Json> = fields('inputs')
  const expectations: Record<string, Json> = fields('expectations')
  let outputs: Json = before.outputs ?? {}
  for (const record of records) {
    for (const [key, value] of Object.entries(record.inputs)) inputs[key] ??= typeOf(value)
    for (const [key, value] of Object.entries(record.expectations ?? {})) expectations[key] ??= typeOf(value)
    if (record.outputs === undefined || record.outputs === null) continue
    if (!isObject(record.outputs)) {
      if (isObject(outputs) && Object.keys(outputs).length === 0) outputs = typeOf(record.outputs)
    } else if (isObject(outputs)) {
      const known: JsonObject = outputs
      const types = Object.entries(record.outputs).map(([key, value]) => [key, known[key] ?? typeOf(value)])
      outputs = { ...known, ...Object.fromEntries(types) }
    }
  }
  return writeJson({ inputs, outputs, expectations, version: '1.0' })
}

function typeOf(value: Json): string {
  if (value === null) return 'null'
  if (value instanceof JsonNumber) return /^-?\d+$/.test(value.text) ? 'integer' : 'float'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

/** Tags as text: what Python's `str` makes of a value, which is what MLflow stores. */
export function tagTexts(tags: JsonObject): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [key, value] of Object.entries(tags)) {
    if (value === null) continue
    texts[key] =
      typeof value === 'string' ? value : typeof value === 'boolean' ? (value ? 'True' : 'False') : writeJson(value)
  }
  return texts
}
