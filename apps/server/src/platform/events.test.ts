import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { aliasSet, datasetVersionCreated, type EventRecord } from '@tidemark/contracts'
import { Actor, localPerson, systemActor } from './actor.ts'
import { inTransaction, sql } from './db.ts'
import { canonicalJson, causesOf, findEvent, firstBrokenPosition, listEvents } from './events.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
before(async () => {
  server = await startTestServer()
})
after(() => server.close())

const actor = localPerson()
const payload = (version: number) => ({ model: 'm', version, alias: 'champion', previousVersion: null })

function append(who: Actor, version: number): Promise<string> {
  const { platform } = server
  return inTransaction(platform.db, (tx) => platform.events.append(tx, who, aliasSet, payload(version)))
}

test('positions have no gaps and follow the order of commits, with many writers at once', async () => {
  const { db } = server.platform
  const start = (await listEvents(db, 'default', { limit: 1 }))[0]?.position ?? 0
  await Promise.all(Array.from({ length: 40 }, (_, index) => append(actor, index + 1)))
  const events = await listEvents(db, 'default', { after: start, limit: 100 })
  assert.deepEqual(
    events.map((event) => event.position),
    Array.from({ length: 40 }, (_, index) => start + index + 1),
  )
})

test('an event of a transaction that rolls back leaves no trace and no gap', async () => {
  const { platform } = server
  const before = (await listEvents(platform.db, 'default', { limit: 1 }))[0]?.position ?? 0
  await assert.rejects(
    inTransaction(platform.db, async (tx) => {
      await platform.events.append(tx, actor, aliasSet, payload(1))
      throw new Error('changed my mind')
    }),
    /changed my mind/,
  )
  await append(actor, 2)
  assert.equal((await listEvents(platform.db, 'default', { limit: 1 }))[0]?.position, before + 1)
})

test('the chain of causes is found from the last act to the first', async () => {
  const { db } = server.platform
  const first = await append(actor, 1)
  const system = (event: EventRecord | undefined) => {
    assert.ok(event)
    return systemActor('test', 'default').because([event.id], event.correlation)
  }
  const second = await append(system(await findEvent(db, 'default', first)), 2)
  const third = await append(system(await findEvent(db, 'default', second)), 3)
  const chain = await causesOf(db, 'default', third)
  assert.deepEqual(
    chain.map((event) => event.id),
    [third, second, first],
  )
  assert.equal(new Set(chain.map((event) => event.correlation)).size, 1)
})

test('another workspace sees neither the events nor their causes', async () => {
  const { db } = server.platform
  const id = await append(actor, 1)
  assert.equal(await findEvent(db, 'other', id), undefined)
  assert.deepEqual(await causesOf(db, 'other', id), [])
})

test('an event that was edited in the database is found by its position', async () => {
  const { db } = server.platform
  assert.equal(await firstBrokenPosition(db), null)
  const id = await append(actor, 7)
  await append(actor, 8)
  const edited = await findEvent(db, 'default', id)
  assert.ok(edited)
  const { rows } = await sql<{ canonical: Buffer }>`select canonical from event where id = ${id}`.execute(db)
  const original = rows[0]?.canonical
  assert.ok(original)
  const forged = Buffer.from(original.toString().replace('"version":7', '"version":6'))
  await sql`update event set canonical = ${forged} where id = ${id}`.execute(db)
  assert.equal(await firstBrokenPosition(db), edited.position)
  await sql`update event set canonical = ${original} where id = ${id}`.execute(db)
  assert.equal(await firstBrokenPosition(db), null)
})

test('a payload that is not of the event’s shape is refused before anything is written', async () => {
  const { platform } = server
  const wrong = { ...payload(1), version: 1.5 }
  await assert.rejects(inTransaction(platform.db, (tx) => platform.events.append(tx, actor, aliasSet, wrong)))
})

test('canonical JSON does not depend on the order of keys and leaves undefined out', () => {
  assert.equal(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined }), '{"b":[1,{"c":"x","d":null}]}')
})

test('a permission that the actor lacks is named', () => {
  const guest = new Actor({ kind: 'person', id: 'guest', workspace: 'default', permissions: ['data.read'] })
  assert.throws(
    () => guest.require('data.write', 'dataset films'),
    /You lack the permission data\.write on dataset films/,
  )
  assert.ok(datasetVersionCreated.type.startsWith('data.'))
})
