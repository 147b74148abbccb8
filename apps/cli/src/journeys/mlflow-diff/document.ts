import { DIFFERENCES, type Difference } from './differences.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { STOCK_VERSION } from './stock-version.ts'

const KINDS: Readonly<Record<Difference['kind'], string>> = {
  outcome: 'another outcome',
  'error code': 'another error code',
  words: 'other words of the same error',
  headers: 'other headers',
  fields: 'other fields',
}

/** The reference page on how answers differ from those of a stock MLflow, made from the list that the differential test checks. */
export function differencesPage(): string {
  const asked = SCENARIOS.reduce((sum, { steps }) => sum + steps.length, 0)
  const differing = DIFFERENCES.reduce((sum, { shown }) => sum + Object.values(shown).flat().length, 0)
  return `# How answers differ from MLflow's

\`npm run test:journeys\` sends ${asked} requests, good and bad, to a stock \`mlflow server\` ${STOCK_VERSION} (SQLite, one worker) and to Tidemark, and compares
the answers field by field: status, error code, words, body, content type and the headers of downloads. ${asked - differing} are answered alike; the other
${differing} differ in the ways listed here, each for its reason. The test fails for a difference that is not listed, and for one that is listed and is none any more.

Ids, times, names drawn by lot and page tokens differ between any two servers and are not compared; of a list in whose order MLflow leaves open only the items are.

This page is generated from the list in \`apps/cli/src/journeys/mlflow-diff\`.

${DIFFERENCES.map(section).join('\n')}`
}

function section({ kind, stock, ours, reason, shown }: Difference): string {
  const requests = Object.entries(shown)
    .map(([scenario, titles]) => `  - ${scenario}: ${titles.map(code).join(', ')}`)
    .join('\n')
  return `- MLflow ${stock}. Tidemark: ${ours}. *${reason}* (${KINDS[kind]})\n${requests}\n`
}

/** A title in code quotes; two when it holds one. */
function code(title: string): string {
  return title.includes('`') ? `\`\` ${title} \`\`` : `\`${title}\``
}
