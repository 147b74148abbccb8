import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openToVisitors } from './audience.ts'
import { startMetricWriter } from './metric-writer.ts'
import { assertNothingLost, killWhileTraining, tally, triesOf } from './ordeal.ts'
import { startPlatform } from './platform.ts'
import { openFilmSite } from './site.ts'

// The journey beside this file kills each of them in a training of its own, and while a version is rolled out.
const VICTIMS = ['gateway', 'database connection', 'step', 'database', 'worker', 'server'] as const

test('kill -9 of every process in one training, under traffic: nothing acknowledged is lost, nothing happens twice', async (t) => {
  const site = await startPlatform('crash-test')
  try {
    await openFilmSite(site)
    const audience = await openToVisitors(site.connection)
    const writer = await startMetricWriter(site.connection.url)
    const { run, recoveredMs } = await killWhileTraining(site, VICTIMS, 400)
    const away = VICTIMS.map((victim, index) => `${victim} ${recoveredMs[index]} ms`)
    t.diagnostic(`away: ${away.join(', ')}; the training ${run.state} at try ${triesOf(run)}`)
    assert.equal(run.state, 'succeeded', run.reason ?? '')
    const found = await tally(site, audience, writer)
    t.diagnostic(JSON.stringify(found))
    assertNothingLost(found)
  } finally {
    await site.end()
  }
})
