import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { endpoint } from '../../fixtures.ts'
import { readParquet } from './parquet.ts'

/** Parquet files of queries, as another writer than ours makes them. */
async function written(queries: readonly string[]): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-parquet-'))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const files: Buffer[] = []
    for (const query of queries) {
      const file = join(folder, `${files.length}.parquet`)
      await connection.run(`copy (${query}) to '${file}' (format parquet, compression zstd, row_group_size 2048)`)
      files.push(readFileSync(file))
    }
    return files
  } finally {
    connection.closeSync()
    instance.closeSync()
    rmSync(folder, { recursive: true })
  }
}

test('a file that takes the thread its memory is refused, and those that wait behind it are read', async () => {
  const [bomb, good] = await written([
    "select i || repeat('a', 29000) as genre from range(10000) t(i)",
    "select 20.5::double as budget, null::double as running_time, 'Drama' as genre",
  ])
  assert.ok(bomb && good && bomb.length < 1_000_000)
  const spec = endpoint('films')
  const [first, ...others] = await Promise.allSettled([bomb, good, good].map((bytes) => readParquet(bytes, spec)))
  assert.match(String(first?.status === 'rejected' && first.reason), /needs more memory/)
  const table = { columns: ['budget', 'running_time', 'genre'], data: [[20.5, null, 'Drama']] }
  assert.deepEqual(others, [
    { status: 'fulfilled', value: table },
    { status: 'fulfilled', value: table },
  ])
})
