import { createHash, randomUUID } from 'node:crypto'
import { type JsonObject, writeJson } from './json.ts'

/** A new id, with the prefix that tells datasets (`d`) from records (`dr`). */
export function newId(prefix: 'd' | 'dr'): string {
  return `${prefix}-${randomUUID().replaceAll('-', '')}`
}

/** The digest of a dataset: another after each change of its records. */
export function digestOf(name: string, updatedMs: number): string {
  return createHash('sha256').update(`${name}:${updatedMs}`).digest('hex').slice(0, 8)
}

/** What two records have in common when they are the same: their inputs, in whatever order. */
export function inputHash(inputs: JsonObject): string {
  return createHash('sha256').update(writeJson(inputs, 'sorted')).digest('hex')
}
