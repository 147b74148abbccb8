/** Writes the generated documents, or with `--check` says which are out of date. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { api, openApiDocument } from '@tidemark/contracts'
import { differencesPage } from '../apps/cli/src/journeys/mlflow-diff/document.ts'
import { scoringDifferencesPage } from '../apps/cli/src/journeys/protocols/document.ts'
import { partsOf, readGraph } from './graph.ts'
import { mlflowTable } from './mlflow-table.ts'
import { moduleMap } from './module-map.ts'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const documents: Readonly<Record<string, string>> = {
  'docs/reference/openapi.json': `${JSON.stringify(openApiDocument(api, version), null, 2)}\n`,
  'docs/reference/mlflow.md': mlflowTable(),
  'docs/reference/mlflow-differences.md': differencesPage(),
  'docs/reference/scoring-differences.md': scoringDifferencesPage(),
  'docs/reference/modules.md': moduleMap(partsOf(readGraph().modules)),
}

const checking = process.argv.includes('--check')
let stale = false
for (const [path, content] of Object.entries(documents)) {
  if (checking) {
    const current = readIfThere(path)
    if (current !== content) {
      console.error(`  ${path} is out of date: run ./tidemark run tools/generate.ts`)
      stale = true
    }
  } else {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    console.log(`wrote ${path}`)
  }
}
process.exit(stale ? 1 : 0)

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
