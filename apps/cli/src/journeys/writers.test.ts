import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../demo/settle.ts'
import { killAndRecover } from './ordeal.ts'
import { startPlatform } from './platform.ts'
import { startTrackedRun } from './tracked-run.ts'
import { uploadHalf } from './uploads.ts'
import { assertEveryPointThereOnce, startWriters } from './writers.ts'

// The journey beside this file has eight writers, more kills, and the mlflow client among them.
test('four writers and a half upload while server and PostgreSQL are killed: what was acknowledged is there, once', async (t) => {
  const site = await startPlatform('writers-test')
  try {
    const writers = startWriters(site.connection.url, 4)
    const goOn = async () => {
      const before = writers.acknowledged()
      await until('each writer to go on', async () => writers.acknowledged() > before + 5 || undefined)
    }
    await goOn()
    const run = await startTrackedRun(site.connection.url, 'half upload')
    const half = await uploadHalf(site, run.id, 'half.bin')
    const away = [await killAndRecover(site, 'server')]
    half.sender.kill('SIGKILL')
    await goOn()
    away.push(await killAndRecover(site, 'database', 'SIGINT'))
    await goOn()
    away.push(await killAndRecover(site, 'server'))
    await goOn()
    await writers.end()
    const count = await writers.count()
    t.diagnostic(`${JSON.stringify(count)}; away ${away.join(', ')} ms`)
    assert.ok(count.retries > 0, 'the writers noticed')
    assertEveryPointThereOnce(count)
    await half.assertNothingLeft()
  } finally {
    await site.end()
  }
})
