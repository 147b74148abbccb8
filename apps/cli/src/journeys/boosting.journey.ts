import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'

test('an XGBoost model is autologged, registered and loaded through the unmodified mlflow client', async (t) => {
  const site = await startPlatform('boosting')
  try {
    const { client, url } = site.connection
    const said = await runScript('boosting.txt', 'apps/cli/src/journeys/fixtures/boosted_model.py', url)
    t.diagnostic(said.trim().split('\n').at(-1) ?? '')
    assert.match(said, /^XGBoost .* loaded with the same predictions$/m)
    const version = await client.registry.getVersion({ params: { model: 'films-boosted', version: 1 } })
    assert.deepEqual([...version.flavors].sort(), ['python_function', 'xgboost'])
    assert.deepEqual(
      version.signature?.map(({ name }) => name),
      ['budget', 'length', 'year'],
    )
  } finally {
    await site.end()
  }
})
