import assert from 'node:assert/strict'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { blobColumns } from '../blobColumns.ts'
import { Actor, localPerson } from './actor.ts'
import { missingColumns, undeclaredColumns } from './blobColumns.ts'
import { createBlobSweep } from './blobSweep.ts'
import { sql } from './db.ts'
import { listEvents } from './events.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

const person = localPerson()
const sweep = (options: { dryRun?: boolean; graceSeconds?: number } = {}, actor = person) =>
  createBlobSweep(server.platform, blobColumns).sweepBlobs(actor, { dryRun: false, graceSeconds: 0, ...options })

const at = (path: string) => `${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`
const putFile = (path: string, body: string) => fetch(at(path), { method: 'PUT', body })
const getFile = (path: string) => fetch(at(path))
const deleteFile = (path: string) => fetch(at(path), { method: 'DELETE' })

/** Digests of all files of the store. */
async function onDisk(): Promise<string[]> {
  const names = await readdir(join(server.dataDir, 'blobs'), { recursive: true, withFileTypes: true })
  return names.filter((entry) => entry.isFile()).map(({ name }) => `sha256:${name}`)
}

test('every column that could name blobs is declared, and every declared column exists', async () => {
  const { db } = server.platform
  assert.deepEqual(
    await undeclaredColumns(db, blobColumns),
    [],
    'say in the module’s migrations.ts what these columns have to do with blobs',
  )
  assert.deepEqual(await missingColumns(db, blobColumns), [])
  await sql`create table forgotten (workspace text not null, model_digest text, extra jsonb)`.execute(db)
  assert.deepEqual(await undeclaredColumns(db, blobColumns), ['forgotten.extra', 'forgotten.model_digest'])
  await sql`drop table forgotten`.execute(db)
})

test('content of overwritten and deleted files is swept with its grant, what has a name stays', async () => {
  const { platform } = server
  await putFile('1/a', 'first')
  await putFile('1/a', 'second')
  await putFile('1/b', 'gone')
  await putFile('1/c', 'second')
  await deleteFile('1/b')
  const orphan = await platform.blobs.write('never granted')

  const planned = await sweep({ dryRun: true })
  assert.deepEqual(
    { ...planned, stored: 0 },
    { dryRun: true, stored: 0, swept: 3, sweptBytes: 22, young: 0, revoked: 2, busy: 0 },
  )
  assert.equal((await onDisk()).length, 4, 'a dry run deletes nothing')

  const done = await sweep()
  assert.deepEqual(done, { ...planned, dryRun: false })
  assert.ok(!(await onDisk()).includes(orphan.digest))
  assert.equal(await (await getFile('1/a')).text(), 'second')
  assert.equal((await onDisk()).length, 1)
  assert.deepEqual(await sweep(), { dryRun: false, stored: 1, swept: 0, sweptBytes: 0, young: 0, revoked: 0, busy: 0 })

  const [event] = await listEvents(platform.db, 'default', { type: 'platform.blobs_swept', limit: 10 })
  assert.equal(event?.payload.swept, 3)
})

test('what was written within the grace is left alone, also when only its age was renewed', async () => {
  const { blobs } = server.platform
  const { digest } = await blobs.write('young')
  assert.equal((await sweep({ graceSeconds: 60 })).young, 1)
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(blobs.path(digest), longAgo, longAgo)
  await blobs.write('young')
  const again = await sweep({ graceSeconds: 60 })
  assert.deepEqual([again.young, again.swept], [1, 0])
  await utimes(blobs.path(digest), longAgo, longAgo)
  assert.equal((await sweep({ graceSeconds: 60 })).swept, 1)
})

test('a workspace that owns nothing of the content loses its grant, the owner keeps the bytes', async () => {
  const { blobs, db } = server.platform
  await putFile('2/shared', 'shared')
  const { digest } = await blobs.put(db, 'other', 'shared')
  assert.equal((await sweep()).revoked, 1)
  await assert.rejects(blobs.open(db, 'other', digest), { code: 'BLOB_NOT_FOUND' })
  assert.equal(await text((await blobs.open(db, 'default', digest)).stream), 'shared')
})

test('a transaction that granted content keeps it through a sweep, before anybody sees its rows', async () => {
  const { blobs, db } = server.platform
  const swept = await db.transaction().execute(async (tx) => {
    const { digest, bytes } = await blobs.put(tx, 'default', 'not committed yet')
    const report = await sweep()
    await sql`insert into artifact (workspace, path, digest, bytes) values ('default', '3/late', ${digest}, ${bytes})`.execute(
      tx,
    )
    return report
  })
  assert.deepEqual([swept.swept, swept.busy], [0, 1])
  assert.equal(await (await getFile('3/late')).text(), 'not committed yet')
})

test('content that was swept between its writing and its grant is refused, not named', async () => {
  const { blobs, db } = server.platform
  const blob = await blobs.write('too slow')
  assert.equal((await sweep()).swept, 1)
  await assert.rejects(blobs.grant(db, 'default', blob), { code: 'BLOB_SWEPT' })
})

test('under concurrent uploads and deletions of the same content nothing owned is lost, and nothing is left over', async () => {
  const contents = Array.from({ length: 5 }, (_, index) => `content ${index}`)
  let working = true
  const outcomes = { stored: 0, refused: 0, sweeps: 0 }
  const upload = async (writer: number) => {
    for (let round = 0; round < 60; round++) {
      const path = `stress/${writer}/${round}`
      const content = contents[(writer + round) % contents.length] ?? ''
      const { status } = await putFile(path, content)
      if (status === 503) {
        outcomes.refused += 1
        continue
      }
      assert.equal(status, 200)
      outcomes.stored += 1
      assert.equal(await (await getFile(path)).text(), content, path)
      // Every tenth keeps its name.
      if (round % 10 !== 0) assert.equal((await deleteFile(path)).status, 200)
    }
  }
  const sweeping = (async () => {
    while (working) {
      await sweep()
      outcomes.sweeps += 1
    }
  })()
  try {
    await Promise.all(Array.from({ length: 6 }, (_, writer) => upload(writer)))
  } finally {
    working = false
    await sweeping
  }
  assert.ok(outcomes.stored > 300, JSON.stringify(outcomes))
  assert.ok(outcomes.sweeps > 3, JSON.stringify(outcomes))
  await sweep()
  const { rows } = await sql<{ path: string; digest: string }>`select path, digest from artifact`.execute(
    server.platform.db,
  )
  for (const { path } of rows) assert.equal((await getFile(path)).status, 200, path)
  assert.deepEqual(new Set(await onDisk()), new Set(rows.map(({ digest }) => digest)))
})

test('only who may manage the platform may sweep', async () => {
  const reader = new Actor({ kind: 'person', id: 'r', workspace: 'default', permissions: ['platform.read'] })
  await assert.rejects(sweep({}, reader), { code: 'PERMISSION_DENIED' })
  const report = await server.client.platform.sweepBlobs({ body: { dryRun: true } })
  assert.equal(report.dryRun, true)
})

test('what broken uploads left in the store is gone after a restart', async () => {
  const { blobs } = server.platform
  const folder = join(server.dataDir, 'blobs', 'tmp')
  const { mkdir, writeFile } = await import('node:fs/promises')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'half'), 'half an upload')
  await blobs.clearTemporary()
  await assert.rejects(readdir(folder), { code: 'ENOENT' })
})
