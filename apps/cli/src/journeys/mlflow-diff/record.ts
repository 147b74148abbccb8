/**
 * Records what a stock MLflow answers to the scenarios that the ordinary tests play, in recorded.json:
 * `./tidemark run apps/cli/src/journeys/mlflow-diff/record.ts`
 */
import { writeFileSync } from 'node:fs'
import { startStockMlflow } from '../stock-mlflow.ts'
import { play } from './play.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { STOCK_VERSION } from './stock-version.ts'

const stock = await startStockMlflow()
try {
  const scenarios: Record<string, unknown> = {}
  for (const scenario of SCENARIOS.filter(({ recorded }) => recorded)) {
    scenarios[scenario.name] = Object.fromEntries(await play(stock.url, scenario))
  }
  const text = JSON.stringify({ mlflow: STOCK_VERSION, scenarios }, null, 2)
  writeFileSync(new URL('recorded.json', import.meta.url), `${text}\n`)
  console.log(`wrote recorded.json: mlflow ${STOCK_VERSION}`)
} finally {
  await stock.end()
}
