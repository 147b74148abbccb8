import assert from 'node:assert/strict'
import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { BlobFile } from './blobFile.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

test('bytes are named by their content and read back whole or in part', async () => {
  const { blobs, db } = server.platform
  const stored = await blobs.put(db, 'default', Readable.from([Buffer.from('hello '), Buffer.from('world')]))
  assert.deepEqual(stored, {
    digest: 'sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
    bytes: 11,
  })
  assert.equal(await text((await blobs.open(db, 'default', stored.digest)).stream), 'hello world')
  assert.equal(await text((await blobs.open(db, 'default', stored.digest, { start: 6, end: 10 })).stream), 'world')
})

test('a workspace that was not granted the bytes cannot read them, though they are on the disk', async () => {
  const { blobs, db } = server.platform
  const { digest } = await blobs.put(db, 'default', 'secret')
  await assert.rejects(blobs.open(db, 'other', digest), { code: 'BLOB_NOT_FOUND' })
})

test('what is not a digest never becomes a path', () => {
  for (const digest of ['../../etc/passwd', 'sha256:../..', `sha256:${'A'.repeat(64)}`, '']) {
    assert.throws(() => server.platform.blobs.path(digest))
  }
})

test('a stream that breaks leaves nothing behind', async () => {
  const { blobs } = server.platform
  const broken = Readable.from(
    (function* () {
      yield Buffer.from('half')
      throw new Error('the sender went away')
    })(),
  )
  await assert.rejects(blobs.write(broken), /the sender went away/)
  assert.deepEqual(await readdir(join(server.dataDir, 'blobs', 'tmp')), [])
})

test('the same bytes twice are stored once', async () => {
  const { blobs, db } = server.platform
  const [first, second] = await Promise.all([blobs.put(db, 'default', 'twice'), blobs.put(db, 'default', 'twice')])
  assert.equal(first.digest, second.digest)
  assert.equal(await readFile(blobs.path(first.digest), 'utf8'), 'twice')
})

test('a disk that fails while more is on its way fails the whole, though it is well at the end', async () => {
  const file = await open(join(server.dataDir, 'failing'), 'w')
  const isWell = file.datasync.bind(file)
  let asked = 0
  file.datasync = async () => {
    asked += 1
    if (asked === 1) throw new Error('the disk failed')
    await isWell()
  }
  try {
    const end = new BlobFile(file, 'hashed', 'others')
    for (let piece = 0; piece < 9; piece++) end.write(Buffer.alloc(1024 * 1024))
    await new Promise<void>((done) => end.end(done))
    await assert.rejects(end.sync(), /the disk failed/)
  } finally {
    await file.close()
  }
})
