import { readFileSync } from 'node:fs'
import { partNotYet } from '../apps/server/src/experiments/mlflow/notYet.ts'

interface Row {
  readonly group: string
  readonly route: string
  readonly missing: string | null
}

/** Which routes of MLflow's server are here, as a document: from the list of all of them and the parts that the server refuses by name. */
export function mlflowTable(): string {
  const lines = readFileSync('packages/mlflow-protocol/fixtures/routes.txt', 'utf8').split('\n')
  const rows = new Map<string, Row>()
  for (const line of lines) {
    const [method, path] = line.split(' ')
    if (!method || !path?.startsWith('/')) continue
    // Clients use /api, MLflow's own page /ajax-api: one route under two names.
    const short = path.replace(/^\/(?:ajax-)?api\//, '')
    const rest = short.replace(/^\d\.\d\/?mlflow\//, '')
    const group = short.startsWith('/') ? 'without prefix' : (rest.replace(/^\d\.\d\//, '').split('/')[0] ?? rest)
    rows.set(`${method} ${short}`, { group, route: `${method} ${short}`, missing: partNotYet(path) })
  }
  const all = [...rows.values()]
  const here = all.filter((row) => row.missing === null)
  const groups = Map.groupBy(here, (row) => row.group)
  const parts = Map.groupBy(
    all.filter((row) => row.missing !== null),
    (row) => row.missing ?? '',
  )
  const listed = (list: readonly Row[]) => list.map((row) => `\`${row.route}\``).join('<br>')
  return `# MLflow's API

Generated from the list of all routes of \`mlflow server\` 3.17.2: ${here.length} of ${all.length} are answered, the others refuse with 501 and
NOT_IMPLEMENTED, naming the part. A test asks every one of them. Paths stand below \`/api/\` and \`/ajax-api/\` unless they begin with a slash.

## Answered

| what | routes |
|---|---|
${[...groups]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([group, list]) => `| ${group} | ${listed(list)} |`)
  .join('\n')}

## Not yet

| part | routes |
|---|---|
${[...parts]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([part, list]) => `| ${part} | ${listed(list)} |`)
  .join('\n')}
`
}
