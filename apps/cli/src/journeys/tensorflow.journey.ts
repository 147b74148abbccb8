import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'

test('a Keras model is autologged, logged, registered and loaded through the unmodified mlflow client', async (t) => {
  const site = await startPlatform('tensorflow')
  try {
    const { client, url } = site.connection
    const said = await runScript('tensorflow.txt', 'apps/cli/src/journeys/fixtures/keras_model.py', url)
    t.diagnostic(said.trim())
    assert.match(said, /^TensorFlow 2\..* loaded within/m)
    const version = await client.registry.getVersion({ params: { model: 'films-keras', version: 1 } })
    assert.deepEqual([...version.flavors].sort(), ['python_function', 'tensorflow'])
    assert.ok(version.files.some(({ path }) => path.endsWith('.keras')))
  } finally {
    await site.end()
  }
})
