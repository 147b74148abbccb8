import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type Site, startPlatform } from '../platform.ts'
import { compareAnswers } from './compare.ts'
import { expectedKind } from './differences.ts'
import type { NormalAnswer } from './normalise.ts'
import { play } from './play.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { STOCK_VERSION } from './stock-version.ts'

/** Answers of a stock MLflow, made by record.ts. */
const recorded = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as {
  readonly mlflow: string
  readonly scenarios: Readonly<Record<string, Readonly<Record<string, NormalAnswer>>>>
}

let site: Site
before(async () => {
  site = await startPlatform('recorded')
})
after(() => site?.end())

test('the recorded answers are of the MLflow that the journeys run, and of enough requests', () => {
  assert.equal(recorded.mlflow, STOCK_VERSION)
  const counts = Object.values(recorded.scenarios).map((answers) => Object.keys(answers).length)
  assert.ok(counts.reduce((sum, count) => sum + count, 0) >= 60)
  const played = SCENARIOS.filter((scenario) => scenario.recorded).map(({ name }) => name)
  assert.deepEqual(Object.keys(recorded.scenarios), played)
})

for (const scenario of SCENARIOS.filter((one) => one.recorded))
  test(`${scenario.name}: answered as a stock MLflow was recorded, but for what is listed`, async () => {
    const ours = await play(site.connection.url, scenario)
    for (const [title, answer] of Object.entries(recorded.scenarios[scenario.name] ?? {})) {
      const own = ours.get(title)
      assert.ok(own, title)
      const found = compareAnswers(answer, own)
      assert.equal(
        found?.kind ?? null,
        expectedKind(scenario.name, title),
        `${title}: ${JSON.stringify(found?.fields)}`,
      )
    }
  })
