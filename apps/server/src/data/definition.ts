import type { DatasetDefinition } from '@tidemark/contracts'
import { canonicalJson } from '../platform/events.ts'
import { DefinitionIncompatible, UnknownColumns } from './errors.ts'
import type { RawRow } from './types.ts'

/** @throws DefinitionIncompatible when rows of the known definition could not stand under the next. */
export function requireCompatible(known: DatasetDefinition, next: DatasetDefinition): void {
  if (canonicalJson(known.key) !== canonicalJson(next.key)) throw DefinitionIncompatible(next.name, 'its key differs')
  for (const [column, { type }] of Object.entries(known.columns)) {
    const after = next.columns[column]
    if (!after) throw DefinitionIncompatible(next.name, `the column "${column}" is gone`)
    if (after.type !== type)
      throw DefinitionIncompatible(next.name, `the column "${column}" was ${type} and would be ${after.type}`)
  }
}

/** @throws UnknownColumns that names up to 20 columns that rows have and the definition has not. */
export function requireKnownColumns(definition: DatasetDefinition, rows: readonly RawRow[]): void {
  const unknown = new Set<string>()
  for (const row of rows)
    for (const column of Object.keys(row)) if (!Object.hasOwn(definition.columns, column)) unknown.add(column)
  if (unknown.size > 0) throw UnknownColumns(definition.name, [...unknown].slice(0, 20).join(', '))
}
