import { createHash } from 'node:crypto'
import type { DatasetDefinition } from '@tidemark/contracts'
import { canonicalJson } from '../platform/events.ts'
import type { CleanRow } from './types.ts'

/** The name of a row's content: SHA-256 of its values that are not missing, hex. A column added later does not change it. */
export function rowHash(row: CleanRow): string {
  const present = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
  return createHash('sha256').update(canonicalJson(present)).digest('hex')
}

/** The name of the thing that a row is about, from its key columns. */
export function rowKey(definition: DatasetDefinition, row: CleanRow): string {
  return canonicalJson(definition.key.map((column) => row[column] ?? null))
}

/** Content address of a batch as it was sent. */
export function batchDigest(rows: readonly unknown[]): string {
  return `sha256:${createHash('sha256').update(canonicalJson(rows)).digest('hex')}`
}

/**
 * What a version's digest is the digest of. It names columns (in no order), key and rows, not files: the same rows give the same version, whatever batches
 * brought them.
 */
export function manifestOf(definition: DatasetDefinition, rows: number, rowsDigest: string): string {
  return canonicalJson({
    formatVersion: 1,
    key: definition.key,
    columns: Object.fromEntries(Object.entries(definition.columns).map(([name, { type }]) => [name, type])),
    rows,
    rowsDigest,
  })
}
