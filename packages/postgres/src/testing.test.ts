import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { withClient } from './database.ts'
import { testDatabase } from './testing.ts'

test('a template is migrated once, and each test file gets a copy of its own', async () => {
  const key = randomUUID()
  let migrations = 0
  const migrate = async (url: string): Promise<void> => {
    migrations += 1
    await withClient(url, (client) => client.query('CREATE TABLE film (title text)'))
  }
  const [first, second] = await Promise.all([
    testDatabase().withTemplate(key, migrate),
    testDatabase().withTemplate(key, migrate),
  ])
  try {
    assert.equal(migrations, 1)
    await withClient(first.url, (client) => client.query("INSERT INTO film VALUES ('Alien')"))
    const { rows } = await withClient(second.url, (client) => client.query('SELECT count(*)::int AS films FROM film'))
    assert.deepEqual(rows, [{ films: 0 }])
  } finally {
    await Promise.all([first.drop(), second.drop()])
  }
})

test('a migration that fails leaves no template behind', async () => {
  const key = randomUUID()
  const failing = testDatabase().withTemplate(key, async (url) => {
    await withClient(url, (client) => client.query('CREATE TABLE half (done int)'))
    throw new Error('the migration is wrong')
  })
  await assert.rejects(failing, /the migration is wrong/)
  const database = await testDatabase().withTemplate(key, async (url) => {
    await withClient(url, (client) => client.query('CREATE TABLE half (done int)'))
  })
  await database.drop()
})

test('dropping twice is harmless, and open connections do not hinder it', async () => {
  const database = await testDatabase().empty()
  await withClient(database.url, async (client) => {
    await client.query('SELECT 1')
    await database.drop()
    await database.drop()
  })
})
