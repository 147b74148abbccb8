import type { RunSummary } from '@tidemark/contracts'
import { client } from '../app/client.ts'

const PAGE = 1000
/** More rows than this belong into a notebook, by search_runs of the mlflow client. */
const MOST = 20_000

/** All runs of a view, over its pages: what the filter found, in the order of the table. */
export async function allRuns(view: {
  readonly experiment: string
  readonly filter: string
  readonly orderBy: string
}): Promise<readonly RunSummary[]> {
  const runs: RunSummary[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof client.experiments.searchRuns>> = await client.experiments.searchRuns({
      query: { ...view, limit: PAGE, ...(cursor ? { cursor } : {}) },
    })
    runs.push(...page.runs)
    cursor = page.nextCursor
  } while (cursor && runs.length < MOST)
  return runs
}

/** Runs as CSV (RFC 4180): id, name, state, times, then a column for each parameter and metric. */
export function csvOf(runs: readonly RunSummary[]): string {
  const parameters = [...new Set(runs.flatMap((run) => Object.keys(run.parameters)))].sort()
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))].sort()
  const head = [
    ...['run', 'name', 'state', 'started', 'ended', 'user'],
    ...parameters.map((key) => `params.${key}`),
    ...metrics.map((key) => `metrics.${key}`),
  ]
  const rows = runs.map((run) => [
    ...[run.id, run.name, run.status, run.startedAt, run.endedAt ?? '', run.user],
    ...parameters.map((key) => run.parameters[key] ?? ''),
    ...metrics.map((key) => run.metrics[key]?.toString() ?? ''),
  ])
  return [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')
}

/** A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe
}

/** Hands a text to the browser as a file. */
export function download(name: string, text: string): void {
  const link = document.createElement('a')
  link.download = name
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  link.click()
  URL.revokeObjectURL(link.href)
}
