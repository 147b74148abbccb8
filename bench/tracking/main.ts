/**
 * Tracking: stock `mlflow server` 3.17.2 on PostgreSQL beside Tidemark on its embedded one, request by request, alternating; CPU of server and
 * database per operation, median times. Then the growth table: the same searches at 1,000 to 1,000,000 runs. All parts take some 20 minutes
 * on an idle machine of two processors; the file has the rows of the parts that are done, should a later one fail.
 *
 *   npm run bench -- tracking [--json FILE] [--quick] [--part requests|search|artifacts|growth]
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Row, report } from '../report.ts'
import { artifacts } from './artifacts.ts'
import { type Contestant, startOurs, startStock } from './contestants.ts'
import { growth } from './growth.ts'
import { requests } from './requests.ts'
import { searches } from './searches.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    part: { type: 'string' },
  },
})
const wanted = (part: string) => values.part === undefined || values.part === part

/** One start says little: it reads and writes thousands of files. */
const STARTS = 3

const rows: Row[] = []
if (wanted('requests') || wanted('search') || wanted('artifacts')) {
  const started: Contestant[] = []
  try {
    const seconds = await secondsToStart(STARTS - 1)
    const ours = await startOurs()
    started.push(ours)
    seconds.push(ours.secondsToFirstAnswer)
    const stock = await startStock()
    started.push(stock)
    console.log(`us: ${ours.name}; peer: ${stock.name}`)
    await settled()
    const idle = { ours: ours.megabytes(), stock: stock.megabytes() }
    rows.push(
      bounded(
        `first answer after the start on an empty folder (ours: the middle of ${seconds.map((each) => each.toFixed(2)).join(', ')})`,
        's',
        stock.secondsToFirstAnswer,
        middle(seconds),
        2,
      ),
      bounded('memory, idle (PSS)', 'MB', idle.stock, idle.ours, 300),
    )
    await part('requests', () => requests(ours, stock, values.quick))
    await part('search', () => searches(ours, stock, values.quick))
    await part('artifacts', () => artifacts(ours, stock))
    await settled()
    rows.push(bounded('memory, after the load (PSS)', 'MB', stock.megabytes(), ours.megabytes(), 450))
  } finally {
    for (const contestant of started) await contestant.stop()
  }
}
await part('growth', () => growth(values.quick))
report(rows, values.json)

/** Does a part of the benchmark when it is wanted, and keeps its rows at once. */
async function part(name: string, work: () => Promise<Row[]>): Promise<void> {
  if (!wanted(name)) return
  const begun = performance.now()
  rows.push(...(await work()))
  console.log(`${name}: ${((performance.now() - begun) / 60_000).toFixed(1)} minutes`)
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
}

/** How long so many starts took, each on an empty folder and ended again, seconds. */
async function secondsToStart(times: number): Promise<number[]> {
  const seconds: number[] = []
  while (seconds.length < times) {
    const platform = await startOurs()
    seconds.push(platform.secondsToFirstAnswer)
    await platform.stop()
  }
  return seconds
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

/** Both are left alone for as long before each reading of memory: connections that nobody uses end, and heaps are collected. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10_000))
}

/** A row whose figure must not exceed a bound. */
function bounded(claim: string, unit: string, peer: number, ours: number, goal: number): Row {
  return { claim, peer, ours, unit, ratio: peer / ours, goal: `≤ ${goal}`, met: ours <= goal }
}
