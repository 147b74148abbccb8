import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepared } from './conversions/prepared.ts'
import { differences, type Logged } from './conversions/serve.ts'
import { startPlatform } from './platform.ts'
import { runScript } from './python.ts'

/** An environment that was never built is downloaded first. */
const WITHIN_MS = 900_000
/** Of those that do not run as ONNX, why: several convert without an error and answer otherwise. */
const IN_PYTHON: Readonly<Record<string, RegExp>> = {
  'xgb-logistic': /as ONNX it answers otherwise/,
  'xgb-two-targets': /as ONNX it answers otherwise/,
  'lgb-zero-is-a-gap': /as ONNX it answers otherwise/,
  'lgb-forest': /as ONNX it answers otherwise/,
  'xgb-dart': /Its booster is "dart"/,
}

test('no model of XGBoost or LightGBM, alone or in a pipeline, answers otherwise than in Python, also with gaps', async (t) => {
  const site = await startPlatform('boosters')
  try {
    const { connection } = site
    const said = await runScript('boosting.txt', 'apps/cli/src/journeys/fixtures/log_boosters.py', connection.url)
    const models = said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Logged] : []))
    assert.ok(models.length >= 17)
    for (const logged of models) {
      assert.ok('model' in logged)
      const found = await prepared(connection, logged.model, WITHIN_MS)
      const sentence = found.verdict?.sentence ?? found.problem ?? ''
      t.diagnostic(`${logged.name}: ${sentence}`)
      const refused = IN_PYTHON[logged.name]
      assert.equal(found.runtime, refused ? 'python' : 'onnx', `${logged.name}: ${sentence}`)
      if (refused) assert.match(sentence, refused)
      assert.deepEqual(await differences(connection, logged, found), [], logged.name)
    }
  } finally {
    await site.end()
  }
})
