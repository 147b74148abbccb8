import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../demo/settle.ts'
import { killAndRecover } from './ordeal.ts'
import { type Site, startPlatform } from './platform.ts'
import { startScript } from './python.ts'
import { startTrackedRun } from './tracked-run.ts'
import { uploadHalf } from './uploads.ts'
import { killNow, type Victim } from './victims.ts'
import { assertEveryPointThereOnce, startWriters } from './writers.ts'

const WRITERS = 8

let site: Site
before(async () => {
  site = await startPlatform('writers')
})
after(() => site.end())

/** Lets writers log for a while, ends them, and counts. */
async function writeThrough(ordeal: (acknowledged: () => number) => Promise<void>) {
  const writers = startWriters(site.connection.url, WRITERS)
  await until('each writer to write', async () => writers.acknowledged() >= 6 || undefined)
  await ordeal(writers.acknowledged)
  await writers.end()
  return writers.count()
}

test('kill -9 of the server under eight writers, six times: every acknowledged point is there, and once', async (t) => {
  const away: number[] = []
  const count = await writeThrough(async (acknowledged) => {
    for (let kill = 0; kill < 6; kill += 1) {
      const before = acknowledged()
      away.push(await killAndRecover(site, 'server'))
      // Killed at different moments after its start, and never before it was written to again.
      await until('each writer to go on', async () => acknowledged() > before + 2 || undefined)
      await sleep(40 * kill)
    }
  })
  t.diagnostic(`${JSON.stringify(count)}; away ${away.join(', ')} ms`)
  assert.ok(count.retries >= 6, 'the writers noticed')
  assertEveryPointThereOnce(count)
})

test('kill -9 of the server around the moment when it gathers long logs: every acknowledged point is there, and once', async (t) => {
  const away: number[] = []
  const count = await writeThrough(async (acknowledged) => {
    // After 500 calls a run's log is gathered into chunks, beside the calls that go on.
    await until('logs that are nearly long enough', async () => acknowledged() >= 480 || undefined, 300)
    for (let kill = 0; kill < 5; kill += 1) {
      const before = acknowledged()
      away.push(await killAndRecover(site, 'server'))
      await until('each writer to go on', async () => acknowledged() > before + 20 || undefined)
    }
  })
  t.diagnostic(`${JSON.stringify(count)}; away ${away.join(', ')} ms`)
  assert.ok(count.calls > 500 * WRITERS, 'the logs were long enough')
  assertEveryPointThereOnce(count)
})

const RESTARTS: readonly [Victim, NodeJS.Signals, string][] = [
  ['database', 'SIGINT', 'PostgreSQL is shut down'],
  ['database', 'SIGKILL', 'PostgreSQL is killed'],
  ['database connection', 'SIGKILL', 'a connection is killed'],
]
for (const [victim, signal, what] of RESTARTS)
  test(`${what} under eight writers: trying again succeeds, every acknowledged point is there, and once`, async (t) => {
    const away: number[] = []
    const count = await writeThrough(async (acknowledged) => {
      for (let kill = 0; kill < 2; kill += 1) {
        const before = acknowledged()
        away.push(await killAndRecover(site, victim, signal))
        await until('each writer to go on', async () => acknowledged() > before + 2 || undefined)
      }
    })
    t.diagnostic(`${JSON.stringify(count)}; away ${away.join(', ')} ms`)
    assertEveryPointThereOnce(count)
  })

test('an upload that its sender left half-way is nowhere to be seen, and can be sent again', async () => {
  const run = await startTrackedRun(site.connection.url, 'half upload')
  const half = await uploadHalf(site, run.id, 'half.bin')
  await killNow(half.sender.pid ?? 0)
  await half.assertNothingLeft()
  const file = `${site.connection.url}/api/2.0/mlflow-artifacts/artifacts/0/${run.id}/artifacts/half.bin`
  assert.equal((await fetch(file, { method: 'PUT', body: 'whole' })).status, 200)
  assert.equal(await (await fetch(file)).text(), 'whole')
})

test('an upload that a kill of the server cut in two is nowhere to be seen after the restart', async () => {
  const run = await startTrackedRun(site.connection.url, 'half upload')
  const half = await uploadHalf(site, run.id, 'half.bin')
  try {
    await killAndRecover(site, 'server')
    await half.assertNothingLeft()
  } finally {
    half.sender.kill('SIGKILL')
  }
})

test('the mlflow client logs on through kills of server and database, by its own retries', async (t) => {
  const script = await startScript('test.txt', 'apps/cli/src/journeys/fixtures/steady_client.py', site.connection.url, [
    '200',
  ])
  const steps = () => script.said().split('\n').length - 1
  const after = (count: number) => until(`step ${count}`, async () => steps() >= count || undefined)
  await after(20)
  const away = [await killAndRecover(site, 'server')]
  await after(60)
  away.push(await killAndRecover(site, 'database', 'SIGINT'))
  await after(100)
  away.push(await killAndRecover(site, 'database'))
  await after(140)
  away.push(await killAndRecover(site, 'server'))
  const said = await script.ended
  t.diagnostic(`${said.trim().split('\n').at(-1)}; away ${away.join(', ')} ms`)
  assert.match(said, /^200 steps, each stored once$/m)
})
