import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isConnectionLoss, openDatabase } from './db.ts'
import { Jobs } from './jobs.ts'
import { createLog } from './telemetry.ts'
import { migratedTestDatabase } from './testing.ts'

test('a queue that loses its connections again and again does every job, and leaves none locked', {
  timeout: 40_000,
}, async () => {
  const clone = await migratedTestDatabase()
  const [own, other] = [openDatabase(clone.url), openDatabase(clone.url, 1)]
  const jobs = new Jobs(own.pool, createLog('test', 'fatal'))
  const done = new Set<number>()
  jobs.register('count', z.object({ number: z.int() }), async ({ number }) => {
    await own.pool.query('select pg_sleep(0.002)')
    done.add(number)
  })
  await jobs.start(4)
  try {
    for (let number = 0; number < 300; number += 1) {
      await jobs.add(other.db, 'count', { number })
      // 57P01 for whoever asks or listens at this moment, as in a restart of PostgreSQL.
      if (number % 15 === 14)
        await other.pool.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = current_user and pid <> pg_backend_pid()',
        )
    }
    const locked = async () => {
      const { rows } = await other.pool.query('select 1 from graphile_worker._private_jobs where locked_by is not null')
      return rows.length
    }
    for (let tries = 0; tries < 400 && (done.size < 300 || (await locked()) > 0); tries += 1) await sleep(50)
    assert.equal(done.size, 300)
    assert.equal(await locked(), 0)
  } finally {
    await jobs.stop()
    await own.close()
    await other.close()
    await clone.drop()
  }
})

test('when all jobs are forgotten, those under way end first, and those that waited are never done', async () => {
  const clone = await migratedTestDatabase()
  const own = openDatabase(clone.url)
  const jobs = new Jobs(own.pool, createLog('test', 'fatal'))
  const seen: string[] = []
  jobs.register('walk', z.object({ name: z.string() }), async ({ name }) => {
    seen.push(`${name} begins`)
    await sleep(150)
    seen.push(`${name} ends`)
  })
  await jobs.start(4)
  try {
    await jobs.add(own.db, 'walk', { name: 'first' }, { queue: 'one' })
    await jobs.add(own.db, 'walk', { name: 'second' }, { queue: 'one' })
    for (let tries = 0; tries < 300 && seen.length === 0; tries += 1) await sleep(10)
    await jobs.forget(async () => {
      assert.deepEqual(seen, ['first begins', 'first ends'])
      // What the work itself asks for is kept.
      await jobs.add(own.db, 'walk', { name: 'third' })
      await sleep(100)
      assert.equal(seen.length, 2)
    })
    for (let tries = 0; tries < 300 && seen.length < 4; tries += 1) await sleep(10)
    assert.deepEqual(seen.slice(2), ['third begins', 'third ends'])
    // The queue takes a job away only after its work has ended.
    for (let tries = 0; tries < 300 && (await jobs.pending(own.db)) > 0; tries += 1) await sleep(10)
    assert.equal(await jobs.pending(own.db), 0)
  } finally {
    await jobs.stop()
    await own.close()
    await clone.drop()
  }
})

test('a lost connection is told from other errors, also where the driver gives no code', () => {
  const lost = [
    new Error('Connection terminated unexpectedly'),
    new Error('Client has encountered a connection error and is not queryable'),
    Object.assign(new Error('terminating connection'), { code: '57P01' }),
    Object.assign(new Error('connect ENOENT'), { code: 'ENOENT', syscall: 'connect' }),
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
  ]
  for (const error of lost) assert.equal(isConnectionLoss(error), true, error.message)
  const others = [
    new Error('Connection'),
    Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' }),
    Object.assign(new Error('duplicate key'), { code: '23505' }),
    'Connection terminated',
    null,
  ]
  for (const error of others) assert.equal(isConnectionLoss(error), false, String(error))
})
