import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ChunkWriter, chunksDone, kindMade, kindOf } from './chunks.ts'
import { openDuckDb } from './open.ts'

test('a run that goes on behind its first chunk writes answers of the kind that it began with', async () => {
  const work = mkdtempSync(join(tmpdir(), "tidemark-chunk's-"))
  try {
    const instance = await openDuckDb(work)
    const connection = await instance.connect()
    for (const [values, kind] of [
      [[1.5, null], 'number'],
      [['yes', 7], 'string'],
    ] as const) {
      const folder = join(work, kind)
      assert.equal(await chunksDone(folder), 0)
      const writer = new ChunkWriter(connection, folder, [], kindOf(values))
      await writer.begin()
      await writer.add(0, [], values)
      await writer.end(0)
      assert.deepEqual([await chunksDone(folder), await kindMade(connection, folder)], [1, kind])
    }
    connection.closeSync()
    instance.closeSync()
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
})
