/** A thread that reads Parquet: what a hostile file makes it do costs this thread its memory or its time, and nobody else's. */
import { parentPort } from 'node:worker_threads'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type Compressors, parquetMetadata, parquetRead, snappyUncompress } from 'hyparquet'
import type { ParquetAnswer, ParquetMessage, ParquetQuestion } from './parquet.ts'

/** Largest page that is unpacked, bytes. */
const MOST_PAGE_BYTES = 64 * 1024 * 1024

function limited(unpack: (packed: Uint8Array, size: number) => Uint8Array) {
  return (packed: Uint8Array, size: number) => {
    if (size > MOST_PAGE_BYTES) throw new Error('a page is larger than 64 MB')
    return unpack(packed, size)
  }
}

const compressors: Compressors = {
  SNAPPY: limited((packed, size) => {
    const page = new Uint8Array(size)
    snappyUncompress(packed, page)
    return page
  }),
  GZIP: limited((packed, maxOutputLength) => gunzipSync(packed, { maxOutputLength })),
  ZSTD: limited((packed, maxOutputLength) => zstdDecompressSync(packed, { maxOutputLength })),
  BROTLI: limited((packed, maxOutputLength) => brotliDecompressSync(packed, { maxOutputLength })),
}

async function read({ bytes, maxRows }: ParquetQuestion): Promise<ParquetAnswer> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const metadata = parquetMetadata(file)
  const groups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
  if (Number(metadata.num_rows) > maxRows || groups > maxRows) return { kind: 'too many rows' }
  let data: unknown[][] = []
  const keep = (rows: unknown[][]) => {
    data = rows
  }
  await parquetRead({ file, metadata, compressors, onComplete: keep, geoparquet: false })
  return { kind: 'table', table: { columns: namesOf(metadata.schema), data: data.map((row) => row.map(plain)) } }
}

/** Names of the columns of a schema that is a tree in pre-order. */
function namesOf(schema: readonly { name: string; num_children?: number }[]): string[] {
  const names: string[] = []
  let place = 1
  const skip = (): void => {
    const children = schema[place]?.num_children ?? 0
    place += 1
    for (let child = 0; child < children; child++) skip()
  }
  while (place < schema.length) {
    names.push(schema[place]?.name ?? '')
    skip()
  }
  return names
}

/** What JSON has for a value of Parquet. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'number') return Number.isNaN(value) ? null : value
  if (value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
  return value
}

const port = parentPort
port?.on('message', (question: ParquetQuestion) => {
  read(question)
    .catch((error: unknown): ParquetAnswer => ({ kind: 'unreadable', reason: reasonOf(error) }))
    .then((answer) => port.postMessage(answer))
})
port?.postMessage({ kind: 'ready' } satisfies ParquetMessage)

/** The reader's words: they name sizes and encodings, never values. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'It is not readable.'
}
