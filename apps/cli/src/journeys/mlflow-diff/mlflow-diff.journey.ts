import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Site, startPlatform } from '../platform.ts'
import { type StockMlflow, startStockMlflow } from '../stock-mlflow.ts'
import { compareAnswers } from './compare.ts'
import { expectedKind, listed } from './differences.ts'
import { play } from './play.ts'
import { SCENARIOS } from './scenarios/index.ts'

let stock: StockMlflow
let site: Site
before(async () => {
  ;[stock, site] = await Promise.all([startStockMlflow(), startPlatform('mlflow-diff')])
})
after(() => Promise.all([stock?.end(), site?.end()]))

const count = { asked: 0, equal: 0, listed: 0 }

for (const scenario of SCENARIOS)
  test(`${scenario.name}: what differs from a stock MLflow is listed with its reason, and differs still`, async () => {
    const [theirs, ours] = [await play(stock.url, scenario), await play(site.connection.url, scenario)]
    const wrong: string[] = []
    for (const [title, answer] of theirs) {
      const own = ours.get(title)
      assert.ok(own)
      const found = compareAnswers(answer, own)
      const expected = expectedKind(scenario.name, title)
      count.asked += 1
      if (found === null) count.equal += 1
      else if (found.kind === expected) count.listed += 1
      if ((found?.kind ?? null) === expected) continue
      wrong.push(
        found
          ? `"${title}" differs in its ${found.kind}, listed is ${expected ?? 'nothing'}:\n${show(found.fields)}`
          : `"${title}" is listed as a difference (${expected}) and is none any more.`,
      )
    }
    assert.equal(wrong.length, 0, wrong.join('\n'))
  })

test('the list of differences names only requests that are made, and few of many', () => {
  const made = new Set(SCENARIOS.flatMap(({ name, steps }) => steps.map(({ title }) => `${name} / ${title}`)))
  assert.deepEqual(
    listed().filter((request) => !made.has(request)),
    [],
  )
  console.log(`${count.asked} requests, ${count.equal} equal, ${count.listed} listed differences`)
  assert.ok(count.asked >= 1000, 'the scenarios were played')
})

function show(fields: readonly { field: string; stock: unknown; ours: unknown }[]): string {
  const text = (value: unknown) => JSON.stringify(value)?.slice(0, 300) ?? 'nothing'
  return fields
    .slice(0, 8)
    .map(({ field, stock: theirs, ours }) => `    ${field}: stock ${text(theirs)}, Tidemark ${text(ours)}`)
    .join('\n')
}
