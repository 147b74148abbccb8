import type { Row } from '../report.ts'
import { createClient } from './client.ts'
import { startOurs } from './contestants.ts'
import { copyRuns } from './copied.ts'
import { load } from './load.ts'
import { FILTERED, makeExperiment, NEWEST, search } from './operations.ts'

// A page that the smallest experiment fills as well: of a thousand runs the filters leave some 45, and to read 45 costs less than to read 100.
const FILTERED_PAGE = { ...FILTERED, max_results: 40 }
const ONE_ORDERED = { order_by: ['metrics.m1 DESC'], max_results: 100 }

/** The same searches, and a count, as an experiment grows. CPU of server and database per request, ms. */
export async function growth(quick: boolean): Promise<Row[]> {
  const sizes = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000, 1_000_000]
  const ours = await startOurs()
  const client = createClient(ours.url)
  const table: { size: number; newest: number; ordered: number; filtered: number; count: number }[] = []
  try {
    for (const size of sizes) {
      const experiment = await makeExperiment(client, `grown-${size}`)
      await copyRuns(ours.database, experiment, { runs: size, metrics: 5, parameters: 5 })
      const cpu = async (question: object) => {
        const ask = () => search(experiment, question)
        await load(client, ours.roots(), { concurrency: 1, seconds: 0.5 }, ask)
        return (await load(client, ours.roots(), { concurrency: 1, seconds: quick ? 1 : 4 }, ask)).cpuMs
      }
      const count = { method: 'GET', path: `/api/v1/run-count?experiment=${experiment}` } as const
      // Rows that came by COPY are not in the kept counts: the first question looks at them, and has them counted beside the requests.
      await client.raw(count)
      await new Promise((resolve) => setTimeout(resolve, 1000 + size / 200))
      table.push({
        size,
        newest: await cpu(NEWEST),
        ordered: await cpu(ONE_ORDERED),
        filtered: await cpu(FILTERED_PAGE),
        count: (await load(client, ours.roots(), { concurrency: 1, seconds: 1 }, () => count)).cpuMs,
      })
    }
  } finally {
    client.close()
    await ours.stop()
  }
  console.log('\nCPU per search of a page of 100 (40 where filtered), by the number of runs of the experiment, ms')
  console.log('      runs    newest   ordered by metric   filtered and ordered   count')
  for (const row of table) {
    const cell = (value: number, width: number) => value.toFixed(2).padStart(width)
    console.log(
      `${String(row.size).padStart(10)}${cell(row.newest, 10)}${cell(row.ordered, 20)}${cell(row.filtered, 23)}${cell(row.count, 8)}`,
    )
  }
  console.log('')
  const [first, last] = [table[0], table.at(-1)]
  if (!first || !last) return []
  return (['newest', 'ordered', 'filtered'] as const).map((kind) => ({
    claim: `search ${kind}, ${last.size.toLocaleString('en')} runs over ${first.size.toLocaleString('en')}: CPU`,
    peer: null,
    ours: last[kind] / first[kind],
    unit: '×',
    ratio: null,
    goal: '≤ 2',
    met: last[kind] <= 2 * first[kind],
  }))
}
