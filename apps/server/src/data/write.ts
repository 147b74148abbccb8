import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DatasetDefinition } from '@tidemark/contracts'
import type { Actor, Blobs, Tx } from '../platform/index.ts'
import { compareBatch, declareActive, loadBatch, loadFiles, summarize, writeFresh, writeReplaced } from './chunks.ts'
import type { AnalyticsSession } from './duckdb.ts'
import { manifestOf, rowHash, rowKey } from './identity.ts'
import * as store from './store.ts'
import type { Chunk, CleanRow, StoredVersion } from './types.ts'

export interface BatchToWrite {
  readonly actor: Actor
  readonly definition: DatasetDefinition
  readonly parent: StoredVersion | undefined
  /** Rows, or Parquet files with the definition's columns in which no two rows have one key. */
  readonly content: { readonly rows: readonly CleanRow[] } | { readonly files: readonly string[] }
  readonly batch: { readonly source: string; readonly digest: string; readonly quarantinedRows: number }
  readonly folder: string
}

export interface Written {
  /** Undefined when the batch brought nothing new. */
  readonly version: StoredVersion | undefined
  readonly newRows: number
  readonly replacedRows: number
}

/** Stores the rows of a batch that the dataset does not have yet, as the next version. Two rows of one key in a batch: the later one counts. */
export async function writeVersion(
  tx: Tx,
  session: AnalyticsSession,
  blobs: Blobs,
  input: BatchToWrite,
): Promise<Written> {
  const { actor, definition, parent, batch, folder } = input
  const pathOf = (digest: string) => blobs.path(digest)
  const before = parent?.chunks ?? []
  await declareActive(session, { definition, chunks: before }, pathOf)
  if ('files' in input.content) await loadFiles(session, definition, input.content.files)
  else if (!(await loadRows(session, definition, input.content.rows, folder)))
    return { version: undefined, newRows: 0, replacedRows: 0 }
  const { newRows, replacedRows } = await compareBatch(session, definition)
  if (newRows === 0) return { version: undefined, newRows, replacedRows }

  const added: Chunk[] = []
  const keep = async (kind: Chunk['kind'], count: number, write: (file: string) => Promise<void>) => {
    const file = join(folder, `${kind}.parquet`)
    await write(file)
    const blob = await blobs.put(tx, actor.workspace, createReadStream(file))
    added.push({ kind, digest: blob.digest, rows: count, bytes: blob.bytes })
  }
  // Removals first: they act on the files before them.
  if (replacedRows > 0) await keep('removals', replacedRows, (file) => writeReplaced(session, file))
  await keep('rows', newRows, (file) => writeFresh(session, definition, file))
  const chunks = [...before, ...added]
  await declareActive(session, { definition, chunks }, pathOf)
  const summary = await summarize(session, definition)
  const manifest = await blobs.put(tx, actor.workspace, manifestOf(definition, summary.rows, summary.rowsDigest))
  const version = await store.insertVersion(tx, {
    workspace: actor.workspace,
    dataset: definition.name,
    version: (parent?.version ?? 0) + 1,
    digest: manifest.digest,
    definition,
    chunks,
    rows: summary.rows,
    newRows,
    replacedRows,
    newBytes: added.reduce((sum, chunk) => sum + chunk.bytes, 0),
    quarantinedRows: batch.quarantinedRows,
    from: summary.from,
    to: summary.to,
    parent: parent?.version ?? null,
    source: batch.source,
    batchDigest: batch.digest,
    createdBy: actor.ref,
  })
  return { version, newRows, replacedRows }
}

/** Loads rows as the table `batch`. @returns false when there are none */
async function loadRows(
  session: AnalyticsSession,
  definition: DatasetDefinition,
  given: readonly CleanRow[],
  folder: string,
): Promise<boolean> {
  const rows = [...new Map(given.map((row) => [rowKey(definition, row), row])).values()]
  if (rows.length === 0) return false
  const file = join(folder, 'batch.ndjson')
  await pipeline(
    Readable.from(rows.values().map((row) => `${JSON.stringify({ ...row, __row: rowHash(row) })}\n`)),
    createWriteStream(file),
  )
  await loadBatch(session, definition, file)
  return true
}
