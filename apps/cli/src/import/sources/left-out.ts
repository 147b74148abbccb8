import type { LeftOut } from '../source.ts'
import { EXACT } from './exact.ts'
import { text } from './rows.ts'
import type { Tables } from './tables.ts'

const NOT_YET = 'this platform has no such thing yet'

/** Tables whose content has no place here, and what a person calls it. */
const NO_PLACE: Readonly<Record<string, string>> = {
  trace_info: 'traces',
  assessments: 'assessments of traces',
  evaluation_datasets: 'evaluation datasets',
  scorers: 'scorers',
  review_queues: 'review queues',
  label_schemas: 'label schemas',
  issues: 'issues',
  endpoints: 'gateway endpoints',
  secrets: 'gateway secrets',
  budget_policies: 'budget policies',
  mcp_servers: 'MCP servers',
}

/** What a database holds that does not come over, counted. */
export async function leftOutOf(tables: Tables, workspace: string): Promise<LeftOut[]> {
  const found: LeftOut[] = []
  const note = (what: string, count: number, reason: string) => {
    if (count > 0) found.push({ what, count, reason })
  }
  const count = async (from: string, ...values: string[]) =>
    Number((await tables.rows(`select count(*) from ${from}`, ...values))[0]?.[0] ?? 0)
  for (const [table, what] of Object.entries(NO_PLACE)) {
    if ((await tables.columns(table)).size > 0) note(what, await count(table), NOT_YET)
  }
  if ((await tables.columns('webhooks')).size > 0) {
    const webhooks = await tables.rows('select name, url from webhooks where deleted_timestamp is null order by name')
    for (const [name, url] of webhooks) note(...webhookLeftOut(text(name), text(url)))
  }
  for (const table of ['experiments', 'registered_models']) {
    if (!(await tables.columns(table)).has('workspace')) continue
    const others = await count(`${table} where workspace <> ?`, workspace)
    note(`${table.replace('_', ' ')} of other workspaces`, others, 'import each with --workspace NAME')
  }
  const deleted = await count("model_versions where current_stage = 'Deleted_Internal'")
  note('deleted model versions', deleted, 'MLflow keeps nothing of them but their numbers, which stay taken')
  const inexact = await count(`metrics where not (step ${EXACT} and timestamp ${EXACT})`)
  note('metric points', inexact, 'their step or time is beyond 2^53, which no client of JSON can tell exactly')
  return found
}

/** A webhook, and why it stays behind. */
export function webhookLeftOut(name: string, url: string): [what: string, count: number, reason: string] {
  return [
    `webhook "${name}" to ${withoutSecrets(url)}`,
    1,
    'its secret cannot be read by anybody: make it again with a new one',
  ]
}

/** An address without user, password and query, any of which may hold a secret. */
function withoutSecrets(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}${new URL(url).pathname}` : 'an address'
}
