import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'

test('webhooks made by the unmodified mlflow client reach a listener, signed, and again when it was broken', async () => {
  const site = await startPlatform('webhooks', { devLoopbackWebhooks: true })
  try {
    const script = 'apps/cli/src/journeys/fixtures/webhooks.py'
    assert.match(
      await runScript('test.txt', script, site.connection.url),
      /^4 events told, signed, and one of them again$/m,
    )
  } finally {
    await site.end()
  }
})
