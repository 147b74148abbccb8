import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTelemetry } from '../telemetry.ts'
import { Tallies } from './tally.ts'

test('endpoints of one name in two workspaces are two series, and no series is there twice', async () => {
  const tallies = new Tallies()
  for (const workspace of ['default', 'other']) {
    const tally = tallies.of(workspace, 'films', 'films/3')
    tally.predicted += 1
    tally.took(2)
  }
  const text = await createTelemetry(tallies).registry.metrics()
  const series = text.split('\n').filter((line) => line.startsWith('tidemark_gateway_prediction'))
  const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')))
  assert.equal(new Set(names).size, names.length)
  for (const workspace of ['default', 'other'])
    assert.ok(
      series.includes(
        `tidemark_gateway_predictions_total{workspace="${workspace}",endpoint="films",version="films/3",outcome="predicted"} 1`,
      ),
    )
  assert.match(text, /prediction_seconds_bucket\{le="0.0025",workspace="other",endpoint="films",version="films\/3"\} 1/)
})
