import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { JsonValue } from '@tidemark/contracts'
import { browserPath } from '../../../tools/browser.ts'
import { until } from '../../cli/src/demo/settle.ts'
import { type Site, startPlatform } from '../../cli/src/journeys/platform.ts'
import { runScript } from '../../cli/src/journeys/python.ts'
import { ask, serve } from '../../cli/src/journeys/serving.ts'
import { ensureWeb } from '../../cli/src/web-build.ts'
import { openBrowser, Visit } from './browser.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SCRIPT = 'apps/server/src/evaluation/runtime/fixtures/estimators.py'
const NAMES = ['GradientBoostingRegressor in a pipeline', 'GradientBoostingClassifier in a pipeline']
/** The first explanation builds an environment of its own. */
const SECONDS = 600

interface Logged {
  readonly model: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly JsonValue[])[]
}

describe('why a logged prediction came out as it did', () => {
  let site: Site
  const logged: Logged[] = []

  before(async () => {
    await ensureWeb(ROOT)
    site = await startPlatform('explanations')
    const said = await runScript('worker.txt', SCRIPT, site.connection.url, ['log', site.connection.url, ...NAMES])
    logged.push(...said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : [])))
    assert.equal(logged.length, NAMES.length)
  })
  after(() => site?.end())

  /** Asks two rows, one of them with a gap, and waits until the prediction can be looked up. */
  async function predicted({ model, columns, rows }: Logged): Promise<{ id: string; values: readonly unknown[] }> {
    const { client, gatewayUrl } = site.connection
    await serve(client, model, SECONDS * 1000)
    const data = [rows[0], rows.find((row) => row.includes(null))]
    const { status, body } = await ask(gatewayUrl, model, { dataframe_split: { columns, data } })
    assert.equal(status, 200)
    const id = String(body.prediction_id)
    await until('the prediction to be read from the log', () =>
      client.monitoring.getPrediction({ params: { id } }).catch(() => undefined),
    )
    return { id, values: body.predictions as unknown[] }
  }

  async function explained(id: string, row: number) {
    const { client } = site.connection
    const ask = () => client.explanations.explainPrediction({ params: { id }, body: { row } })
    // A request may be over before the environment is there; building goes on.
    return until('the explanation', () => ask().catch(() => undefined), SECONDS)
  }

  const sumOf = ({ base, contributions }: Awaited<ReturnType<typeof explained>>) =>
    contributions.reduce((sum, { contribution }) => sum + contribution, base)

  test('base value and SHAP values of each raw column add up to the number that was answered', async (t) => {
    const [regression] = logged
    assert.ok(regression)
    const { id, values } = await predicted(regression)
    for (const row of [0, 1]) {
      const explanation = await explained(id, row)
      const sum = sumOf(explanation)
      assert.ok(Math.abs(sum - Number(values[row])) < 1e-3, `row ${row}: ${sum}, and answered was ${values[row]}`)
      assert.deepEqual(explanation.contributions.map(({ column }) => column).sort(), [...regression.columns].sort())
      assert.deepEqual(
        [explanation.predictionId, explanation.version, explanation.of],
        [id, `${regression.model}/1`, 'prediction'],
      )
      assert.ok(explanation.contributions.filter(({ contribution }) => Math.abs(contribution) > 1e-6).length >= 2)
      t.diagnostic(`row ${row}: base ${explanation.base.toFixed(4)}, sum ${sum.toFixed(6)}, answered ${values[row]}`)
    }
    const far = site.connection.client.explanations.explainPrediction({ params: { id }, body: { row: 2 } })
    await assert.rejects(far, /row/i)
  })

  test('of a classifier they add up to the probability of the class that was answered', async () => {
    const classification = logged[1]
    assert.ok(classification)
    const { id, values } = await predicted(classification)
    const explanation = await explained(id, 0)
    assert.deepEqual([explanation.of, explanation.output], ['probability', values[0]])
    assert.ok(explanation.prediction > 0.5 && explanation.prediction <= 1)
    assert.ok(Math.abs(sumOf(explanation) - explanation.prediction) < 1e-6)
  })

  test('the prediction’s page shows it', { skip: browserPath() ? false : 'no browser was found' }, async () => {
    const [regression] = logged
    assert.ok(regression)
    const { id, values } = await predicted(regression)
    const browser = await openBrowser(browserPath() ?? '')
    try {
      const visit = await Visit.open(browser, site.connection.url, 'light', 1440)
      await visit.go(`/predictions/${id}`, /An answer of/)
      await visit.page.getByRole('button', { name: 'Explain row 0' }).click()
      const figure = visit.page.getByRole('figure').filter({ hasText: 'on average of' })
      await figure.waitFor({ timeout: SECONDS * 1000 })
      const shown = await figure.innerText()
      for (const column of regression.columns) assert.ok(shown.includes(column), `${column} is not shown:\n${shown}`)
      const [, end] = /to ([\d.,−-]+) for this one/.exec(shown) ?? []
      assert.ok(
        Math.abs(Number(end?.replaceAll(',', '')) - Number(values[0])) < 0.01,
        `${end}, and answered was ${values[0]}`,
      )
      await visit.check('prediction-explained')
      await visit.close()
    } finally {
      await browser.close()
    }
  })
})
